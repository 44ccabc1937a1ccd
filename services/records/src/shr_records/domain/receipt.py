"""What is kept of a submission: its state, its answer, and how a repeat is told from other content."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from shr_records.domain.submission import Interaction, Submission

RECORDED, PARKED, REJECTED = "recorded", "parked", "rejected"
EARLIER_LIMIT = 100


@dataclass(slots=True)
class Receipt:
    """One submission as it stands. ``version`` counts amendments, ``answers`` the answers given so far.

    ``person`` is the Health ID that it came in under (``people``: all of them, if it was split). ``waiting`` are the
    look-up keys that a parked one waits for. ``body`` is what was sent; at rest it is ``sealed`` under the key
    ``vault_key``; ``former_key`` is one of the submission's own that is needed no more. An archived state (amended
    since) has its version appended to its key.
    """

    key: bytes
    source: str
    id: str
    format: str
    state: str
    digest: bytes
    received_at: datetime
    decided_at: datetime
    arrival: int
    firm: bool = True
    by_topic: bool = False
    version: int = 1
    answers: int = 1
    bundle_type: str = "transaction"
    references: list[str] = field(default_factory=list)
    person: str | None = None
    people: list[str] = field(default_factory=list)
    outcome: bytes | None = None
    cause: str | None = None
    category: str | None = None
    detail: str | None = None
    waiting: list[str] = field(default_factory=list)
    routing_key: str | None = None
    interaction: Interaction | None = None
    unverified: list[dict[str, str]] = field(default_factory=list)
    earlier: list[bytes] = field(default_factory=list)
    body: bytes | None = None
    sealed: bytes | None = None
    vault_key: bytes | None = None
    former_key: bytes | None = None

    @property
    def system(self) -> str:
        """What counters group by."""
        return self.source.partition("/")[0]

    def submission(self) -> Submission:
        """The submission as it came, for deciding again. Its body must have been opened."""
        return Submission(
            source=self.source,
            body=self.body or b"",
            received_at=self.received_at,
            format=self.format,
            id=self.id,
            key=self.routing_key,
            by_topic=self.by_topic,
            interaction=self.interaction,
        )


def same_content(one: bytes, other: bytes) -> bool:
    """Whether two payloads are the same submission: equal JSON but for Bundle.timestamp and meta.lastUpdated."""
    if one == other:
        return True
    try:
        return _comparable(one) == _comparable(other)
    except orjson.JSONDecodeError:
        return False


def _comparable(body: bytes) -> bytes:
    tree: Any = orjson.loads(body)
    if isinstance(tree, dict):
        if tree.get("resourceType") == "Bundle":
            tree.pop("timestamp", None)
        entries = tree.get("entry")
        for node in (tree, *(entries if isinstance(entries, list) else ())):
            resource = node.get("resource", node) if isinstance(node, dict) else None
            meta = resource.get("meta") if isinstance(resource, dict) else None
            if isinstance(meta, dict):
                meta.pop("lastUpdated", None)
    return orjson.dumps(tree, option=orjson.OPT_SORT_KEYS)
