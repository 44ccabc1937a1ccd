"""Collections and indexes: few keys for each document, uniqueness in ``_id``."""

from __future__ import annotations

from pymongo import ASCENDING, DESCENDING, IndexModel

SUBMISSIONS, RESOURCES, PEOPLE, LOOKUPS = "submissions", "resources", "people", "lookups"
CODES, MAPPINGS, REGISTRY, KEYS = "codes", "concept_maps", "registry", "keys"

INDEXES: dict[str, list[IndexModel]] = {
    SUBMISSIONS: [
        IndexModel([("person", ASCENDING)], sparse=True),
        IndexModel([("people", ASCENDING)], sparse=True),
        IndexModel([("waiting", ASCENDING)], sparse=True),
        IndexModel([("source", ASCENDING), ("arrival", DESCENDING)], partialFilterExpression={"state": "rejected"}),
        IndexModel([("arrival", ASCENDING)], partialFilterExpression={"state": "parked"}),
    ],
    RESOURCES: [],
    PEOPLE: [],
    LOOKUPS: [IndexModel([("waiting", ASCENDING)], partialFilterExpression={"waiting": True})],
    CODES: [],
    MAPPINGS: [],
    REGISTRY: [],
    "outbox": [],
    "leases": [],
    "positions": [],
}
KEY_INDEXES: dict[str, list[IndexModel]] = {KEYS: []}
