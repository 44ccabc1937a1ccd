"""What a source hands in, and the ids that follow from it."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from datetime import datetime

CANONICAL = "fhir.bundle"
SINGLE = "fhir.resource"
TYPE_PREFIX = "bd.gov.dghs."
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "http://dghs.gov.bd/shr/records").bytes
_SEED = hashlib.sha1(_NAMESPACE, usedforsecurity=False)


@dataclass(frozen=True, slots=True)
class Interaction:
    """A write of one resource: method, its URL's type and id, and the version that the caller has seen."""

    method: str
    type: str
    id: str | None = None
    if_match: int | None = None


@dataclass(frozen=True, slots=True)
class Submission:
    """One payload of one source. ``id`` is the sender's own (ce_id, Idempotency-Key), if it gave one.

    ``whole`` is False where only the beginning of an oversized body was read.
    """

    source: str
    body: bytes
    received_at: datetime
    format: str = CANONICAL
    id: str | None = None
    key: str | None = None
    by_topic: bool = False
    traceparent: str | None = None
    interaction: Interaction | None = None
    whole: bool = True

    @property
    def system(self) -> str:
        """The part before the slash: what counters group by."""
        return self.source.partition("/")[0]

    @property
    def facility(self) -> str | None:
        """The part after the slash, if it names a facility."""
        code = self.source.partition("/")[2]
        return None if code in ("", "unknown") else code


def source_name(text: str) -> str:
    """``system/facility``; a source without a facility is ``system/unknown``."""
    system, _, facility = text.strip().strip("/").partition("/")
    return f"{system}/{facility or 'unknown'}"


def format_of(ce_type: str | None) -> str:
    """The format that a ``ce_type`` names (``bd.gov.dghs.<format>.v1``); none, or the topic's own, is a FHIR bundle."""
    if not ce_type:
        return CANONICAL
    name = ce_type.removeprefix(TYPE_PREFIX)
    stem, _, version = name.rpartition(".")
    name = stem if stem and version[:1] == "v" and version[1:].isdigit() else name
    return CANONICAL if name == "encounter.submitted" else name


def submission_key(source: str, id: str) -> bytes:
    """The 16-byte key under which a submission is stored: one for each (source, id)."""
    return hashlib.sha256(f"{source}\n{id}".encode("utf-8", "replace")).digest()[:16]


def digest(body: bytes) -> bytes:
    """The SHA-256 of what was sent."""
    return hashlib.sha256(body).digest()


def _uuid5(name: str) -> str:
    """UUIDv5 in our namespace; written out because ``uuid.uuid5`` costs five times as much."""
    seeded = _SEED.copy()
    seeded.update(name.encode("utf-8", "replace"))
    made = bytearray(seeded.digest()[:16])
    made[6] = made[6] & 0x0F | 0x50
    made[8] = made[8] & 0x3F | 0x80
    text = made.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def resource_id(source: str, type: str, sender_id: str, owner: str = "") -> str:
    """The id of a resource with a sender's id: the same id sent again is the next version.

    ``owner`` is the person's id for types that have no patient (Practitioner, Medication): each record holds its own
    copy, so that one person's erasure takes nothing from another's.
    """
    return _uuid5(f"{source}\n{type}\n{sender_id}\n{owner}" if owner else f"{source}\n{type}\n{sender_id}")


def anonymous_resource_id(source: str, submission_id: str, index: int) -> str:
    """The id of a resource that its sender gave none."""
    return _uuid5(f"{source}\n{submission_id}\nentry\n{index}")
