"""Collections and indexes of ``shr_consent`` (see the README)."""

from __future__ import annotations

from pymongo import IndexModel
from shr_common.mongo import Database, ensure_indexes

STATEMENTS = "statements"
CONFIRMATIONS = "confirmations"
PINS = "pins"
PEOPLE = "people"
LINKS = "links"
REGISTRY = "registry"
POSTINGS = "postings"
AUTHORSHIP = "authorship"
AUDIT_ENTRIES = "audit_entries"
AUDIT_HEADS = "audit_heads"
AUDIT_BLOCKS = "audit_blocks"
CHECKPOINTS = "audit_checkpoints"

CONFIRMATION_DAYS = 40
"""Longer than a request may wait for its answer."""

WANTED = {
    STATEMENTS: [
        IndexModel([("patient", 1), ("status", 1)]),
        IndexModel([("patient", 1), ("_id", -1)]),
        IndexModel([("made_by.id", 1), ("_id", -1)]),
        IndexModel([("made_by.facility", 1), ("_id", -1)]),
        IndexModel([("status", 1), ("ends", 1)]),
    ],
    CONFIRMATIONS: [
        IndexModel([("patient", 1), ("made_at", 1)]),
        IndexModel([("made_at", 1)], expireAfterSeconds=CONFIRMATION_DAYS * 86400),
    ],
    PINS: [],
    PEOPLE: [],
    LINKS: [IndexModel([("to", 1)])],
    REGISTRY: [],
    POSTINGS: [IndexModel([("practitioner", 1), ("facility", 1)])],
    AUTHORSHIP: [],
    AUDIT_ENTRIES: [
        IndexModel([("shard", 1), ("seq", 1)], unique=True),
        IndexModel([("patient", 1), ("at", -1), ("_id", -1)]),
    ],
    AUDIT_HEADS: [],
    AUDIT_BLOCKS: [IndexModel([("shard", 1), ("last", 1)]), IndexModel([("checkpoint", 1)])],
    CHECKPOINTS: [],
    "outbox": [],
    "leases": [],
    "positions": [],
}


async def prepare(database: Database) -> None:
    """Create what is missing."""
    await ensure_indexes(database, WANTED)
