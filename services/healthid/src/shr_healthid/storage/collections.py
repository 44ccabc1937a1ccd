"""The collections of healthid and their indexes. Uniqueness lies in ``_id``, so that each shards on hashed ``_id``."""

from __future__ import annotations

from collections.abc import Sequence

from pymongo import ASCENDING, DESCENDING, IndexModel

PERSONS = "persons"
VERSIONS = "versions"
NUMBERS = "numbers"
LOCAL_IDS = "local_ids"
NEWBORNS = "newborns"
INTAKES = "intakes"
REVIEWS = "reviews"
PAIRS = "pairs"
APPROVALS = "approvals"
COUNTERS = "counters"
MINT = "mint"
MESSAGES = "messages"
CARDS = "cards"
CARD_STATUSES = "card_statuses"
ID_BLOCKS = "id_blocks"
REFUSALS = "refusals"
FEED_WAITING = "feed_waiting"
FEED = "feed"
FEED_HEAD = "feed_head"
KEY_HOLDERS = "key_holders"
KEY_ROTATIONS = "key_rotations"

MESSAGES_KEPT_S = 24 * 3600

INDEXES: dict[str, Sequence[IndexModel]] = {
    PERSONS: (
        IndexModel([("words", ASCENDING), ("birth_date", ASCENDING)], name="words_birth_date"),
        IndexModel([("birth_date", ASCENDING)], name="birth_date"),
        IndexModel([("keys", ASCENDING)], name="keys"),
        IndexModel(
            [("pending.next_at", ASCENDING)],
            name="pending",
            partialFilterExpression={"pending.next_at": {"$exists": True}},
        ),
    ),
    VERSIONS: (IndexModel([("key", ASCENDING), ("version", ASCENDING)], name="key_version"),),
    NUMBERS: (),
    LOCAL_IDS: (),
    NEWBORNS: (),
    INTAKES: (
        IndexModel(
            [("person", ASCENDING)],
            name="unanswered",
            partialFilterExpression={"channel": "topic", "outcome": "provisional"},
        ),
    ),
    REVIEWS: (
        IndexModel(
            [("status", ASCENDING), ("certainty", DESCENDING), ("at", ASCENDING), ("_id", ASCENDING)],
            name="status_certainty_at",
        ),
        IndexModel([("persons", ASCENDING)], name="persons"),
    ),
    PAIRS: (),
    APPROVALS: (
        IndexModel([("status", ASCENDING), ("at", ASCENDING), ("_id", ASCENDING)], name="status_at"),
        IndexModel([("person", ASCENDING), ("status", ASCENDING)], name="person_status"),
    ),
    COUNTERS: (),
    MINT: (),
    CARDS: (),
    CARD_STATUSES: (),
    MESSAGES: (
        IndexModel([("health_id", ASCENDING), ("at", ASCENDING)], name="health_id_at"),
        IndexModel([("at", ASCENDING)], name="kept", expireAfterSeconds=MESSAGES_KEPT_S),
    ),
    ID_BLOCKS: (
        IndexModel([("source", ASCENDING), ("expires_at", ASCENDING)], name="source_expires_at"),
        IndexModel([("expires_at", ASCENDING)], name="expires_at"),
    ),
    REFUSALS: (),
    FEED_WAITING: (),
    FEED: (IndexModel([("districts", ASCENDING), ("_id", ASCENDING)], name="districts_id"),),
    FEED_HEAD: (),
    KEY_HOLDERS: (IndexModel([("at", ASCENDING)], name="ended", expireAfterSeconds=3600),),
    KEY_ROTATIONS: (),
    "outbox": (),
    "leases": (),
    "positions": (),
}
