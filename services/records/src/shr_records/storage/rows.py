"""Receipts and versions as documents. Nothing of what a source wrote becomes a field name."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from shr_common.keys import Envelope
from shr_common.mongo import Document

from shr_records.domain.receipt import Receipt
from shr_records.domain.recording import Head, Version
from shr_records.domain.submission import Interaction

LARGEST_BODY_BYTES = 11 * 1024 * 1024
_PLAIN = (
    "source", "id", "format", "state", "digest", "received_at", "decided_at", "arrival", "references", "version",
    "answers",
)  # fmt: skip
_SPARSE = (
    "person", "people", "cause", "category", "detail", "waiting", "routing_key", "unverified", "earlier", "vault_key",
    "sealed",
)  # fmt: skip
_DEFAULTS: dict[str, Any] = {"firm": True, "by_topic": False, "bundle_type": "transaction"}


def receipt_row(receipt: Receipt, master: Envelope) -> Document:
    """The document of a receipt; ``sealed`` must be set. Empty members are left out."""
    row: Document = {"_id": receipt.key}
    for name in _PLAIN:
        row[name] = getattr(receipt, name)
    for name in _SPARSE:
        value = getattr(receipt, name)
        if value:
            row[name] = value
    for name, default in _DEFAULTS.items():
        value = getattr(receipt, name)
        if value != default:
            row[name] = value
    if receipt.outcome:
        row["outcome"] = master.seal(receipt.outcome, receipt.key)
    if receipt.interaction:
        row["interaction"] = asdict(receipt.interaction)
    return row


def receipt_of(row: Document, master: Envelope) -> Receipt:
    """The receipt of a document, its body still sealed."""
    members = {name: row[name] for name in _PLAIN}
    members |= {name: row[name] for name in (*_SPARSE, *_DEFAULTS) if name in row}
    receipt = Receipt(key=bytes(row["_id"]), **members)
    if "outcome" in row:
        receipt.outcome = master.open(row["outcome"], receipt.key)
    if "interaction" in row:
        receipt.interaction = Interaction(**row["interaction"])
    return receipt


def version_key(id: str, version: int) -> bytes:
    """The 20-byte ``_id`` of a version: versions of one resource stand side by side."""
    return bytes.fromhex(id.replace("-", "")) + version.to_bytes(4, "big")


def version_row(version: Version, key: bytes, envelope: Envelope, vault_key: bytes) -> Document:
    """The document of a version."""
    row: Document = {
        "_id": key,
        "type": version.type,
        "person": version.person,
        "source": version.source,
        "key": vault_key,
        "body": envelope.seal(version.body, key),
    }
    if version.stamp:
        row["stamp"] = version.stamp
    if version.late:
        row["late"] = True
    return row


def split_key(key: bytes) -> tuple[str, int]:
    """Resource id and version of a ``_id``."""
    text = bytes(key[:16]).hex()
    resource = f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
    return resource, int.from_bytes(key[16:], "big")


def head_of(rows: list[Document]) -> Head:
    """The head of a resource from all its versions (without bodies), oldest first."""
    last = split_key(rows[-1]["_id"])[1]
    current = next((row for row in reversed(rows) if not row.get("late")), rows[-1])
    version = split_key(current["_id"])[1]
    return Head(last, version, current["source"], current["type"], current["person"], current.get("stamp"))
