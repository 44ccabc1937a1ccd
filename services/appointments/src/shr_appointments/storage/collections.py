"""The collections of this service and their indexes."""

from __future__ import annotations

from pymongo import ASCENDING, IndexModel

SCHEDULES = "schedules"
APPOINTMENTS = "appointments"
SLOTS = "slots"
REQUESTS = "requests"
COUNTERS = "counters"
REGISTRY = "registry"
PEOPLE = "people"
LINKS = "links"
DAY_S = 24 * 3600


def indexes(*, remember_requests_days: int) -> dict[str, list[IndexModel]]:
    """What ``ensure_indexes`` takes."""
    return {
        SCHEDULES: [
            IndexModel([("practitioner", ASCENDING)]),
            IndexModel([("facility", ASCENDING), ("department", ASCENDING)]),
        ],
        APPOINTMENTS: [
            IndexModel([("patient", ASCENDING), ("start", ASCENDING)]),
            IndexModel([("facility", ASCENDING), ("department", ASCENDING), ("start", ASCENDING)]),
        ],
        SLOTS: [],
        REQUESTS: [IndexModel([("at", ASCENDING)], expireAfterSeconds=remember_requests_days * DAY_S)],
        COUNTERS: [],
        REGISTRY: [IndexModel([("practitioner", ASCENDING), ("facility", ASCENDING)])],
        PEOPLE: [],
        LINKS: [IndexModel([("to", ASCENDING)])],
        "outbox": [],
        "leases": [],
    }
