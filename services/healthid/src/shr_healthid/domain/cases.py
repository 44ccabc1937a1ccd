"""What waits for somebody to decide: a case of the review queue, a change that needs a second person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

OPEN = "open"
DECIDED = "decided"
PENDING = "pending"
SAME = "same"
DIFFERENT = "different"
APPROVE = "approve"
REJECT = "reject"
APPROVED = "approved"
REJECTED = "rejected"
REASON_CHARACTERS_LIMIT = 1000

CERTAINTY: Mapping[str, float] = {
    "same-person": 0.95,
    "shared-form": 0.8,
    "number-proven-by-another": 0.7,
    "demographics-differ": 0.5,
    "verification-contradicted": 0.5,
    "verification-mismatch": 0.5,
    "numbers-unlinked": 0.4,
    "local-id-shared": 0.3,
}
"""How likely a case ends as "same", by its kind; matching says it for each pair. The queue is ordered by it."""
UNLIKELY = 0.1


@dataclass(frozen=True, slots=True)
class Actor:
    """Who decides: the id and role of the caller."""

    id: str
    role: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided (same, different; approve, reject), by whom, why. ``survivor``: who answers after a merge."""

    verdict: str
    by: Actor
    at: datetime
    reason: str | None = field(default=None, repr=False)
    survivor: str | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """A question of the review queue. ``about`` has the side that is no person: what was sent, what a proof said."""

    id: str
    kind: str
    persons: tuple[str, ...]
    source: str
    at: datetime
    status: str = OPEN
    certainty: float = UNLIKELY
    about: Mapping[str, Any] = field(default_factory=dict, repr=False)
    assigned: str | None = None
    decision: Decision | None = None


@dataclass(frozen=True, slots=True)
class Approval:
    """A change that waits for a second person. ``before`` and ``after``: the elements of Patient that it changes.

    ``person`` is the id it was asked for; ``body`` the Patient as sent; ``reason`` the asker's own.
    """

    id: str
    person: str
    version: int
    asked_by: Actor
    source: str
    facility: str | None
    asked_at: datetime
    before: Mapping[str, Any] = field(repr=False)
    after: Mapping[str, Any] = field(repr=False)
    body: bytes = field(repr=False)
    reason: str | None = field(default=None, repr=False)
    status: str = PENDING
    decision: Decision | None = None

    @property
    def fields(self) -> tuple[str, ...]:
        """Which elements it changes."""
        return tuple(sorted({*self.before, *self.after}))
