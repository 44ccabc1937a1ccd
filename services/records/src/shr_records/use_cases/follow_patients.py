"""The registry says who somebody is: note it, then record what waited for her, in the order in which it came."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from shr_common.errors import Category, ShrError

from shr_records.domain.persons import Erased, Linked, PersonState
from shr_records.domain.receipt import Receipt
from shr_records.use_cases.ledger import Answer

AT_ONCE = 100
BYTES_AT_ONCE = 8 * 1024 * 1024
ROUNDS = 3
KEYS_AT_ONCE = 500
Change = PersonState | Linked | Erased


class Replica(Protocol):
    """The replica of persons."""

    async def apply(self, changes: Sequence[Change]) -> set[str]:
        """Apply; the look-up keys whose meaning may have changed."""

    async def settled(self, keys: Collection[str]) -> set[str]:
        """Take the mark off keys that nobody waits for; those still waited for."""

    async def awaited(self, keys: Collection[str] | None, *, limit: int) -> list[str]:
        """Keys that submissions wait for although somebody claims them now."""


class Parked(Protocol):
    """Where parked submissions lie."""

    async def parked(
        self, keys: Collection[str] | None, *, after: int, before: int | None = None, items: int, weight: int
    ) -> list[Receipt]:
        """In arrival order, with bodies."""


class Heal(Protocol):
    """Decides again; ``RecordSubmissions.heal``."""

    def __call__(self, receipts: Sequence[Receipt], *, at: datetime, overdue: bool = False) -> Awaitable[list[Answer]]:
        """One answer for each."""


class FollowPatients:
    """Keeps the replica, and heals. ``now`` is the clock; ``patience`` how long a submission waits at most."""

    def __init__(
        self, replica: Replica, parked: Parked, heal: Heal, *, now: Callable[[], datetime], patience: timedelta
    ) -> None:
        self._replica = replica
        self._parked = parked
        self._heal = heal
        self._now = now
        self._patience = patience

    async def __call__(self, changes: Sequence[Change]) -> None:
        """Apply a batch of changes, then heal what they make possible."""
        touched = await self._replica.apply(changes)
        if touched:
            await self._heal_keys(await self._replica.awaited(touched, limit=len(touched)))

    async def sweep(self) -> None:
        """What slipped through heals now; what has waited for too long is rejected."""
        await self._heal_keys(await self._replica.awaited(None, limit=KEYS_AT_ONCE))
        due = int((self._now() - self._patience).timestamp() * 1_000_000) * 1000
        keys = await self._decide_again(None, before=due, overdue=True)
        if keys:
            await self._replica.settled(keys)

    async def _heal_keys(self, keys: Collection[str]) -> None:
        for _ in range(ROUNDS):
            if not keys:
                return
            await self._decide_again(keys)
            keys = await self._replica.awaited(await self._replica.settled(keys), limit=KEYS_AT_ONCE)

    async def _decide_again(
        self, keys: Collection[str] | None, *, before: int | None = None, overdue: bool = False
    ) -> set[str]:
        after, seen = 0, set[str]()
        while True:
            batch = await self._parked.parked(keys, after=after, before=before, items=AT_ONCE, weight=BYTES_AT_ONCE)
            if not batch:
                return seen
            after = batch[-1].arrival
            seen.update(key for receipt in batch for key in receipt.waiting)
            await self._together_or_one_by_one([one for one in batch if one.body is not None], overdue)

    async def _together_or_one_by_one(self, batch: list[Receipt], overdue: bool) -> None:
        """One that cannot be decided (a fault) must not hold up the others: it stays parked and is tried again."""
        try:
            await self._heal(batch, at=self._now(), overdue=overdue)
        except ShrError as error:
            if error.category is Category.UNAVAILABLE or len(batch) == 1:
                raise
            for receipt in batch:
                try:
                    await self._heal([receipt], at=self._now(), overdue=overdue)
                except ShrError as alone:
                    if alone.temporary:
                        raise
