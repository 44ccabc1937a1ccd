"""Verify provisional persons by themselves, until the national service answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from shr_common.errors import Category, ShrError

from shr_healthid.domain.application import UNAVAILABLE
from shr_healthid.domain.confirmation import confirm
from shr_healthid.domain.evidence import known
from shr_healthid.domain.ledger import Intake
from shr_healthid.domain.person import Person
from shr_healthid.use_cases.prove_numbers import ProveNumbers
from shr_healthid.use_cases.register_person import Registry, wanted_for
from shr_healthid.use_cases.screen_newcomers import ScreenNewcomers, also

SOURCE = "healthid"


class Waiting(Protocol):
    """Provisional persons whose verification is due."""

    async def take_due(self, now: datetime, *, limit: int, until: datetime) -> Sequence[Person]:
        """Those due; nobody else gets them before ``until``."""

    async def put_off(self, person_id: str, *, attempts: int, until: datetime) -> None:
        """Try again then."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits double from ``first`` to ``longest``; ``jitter`` (0 to 1) spreads those that failed together."""

    first: timedelta
    longest: timedelta
    jitter: Callable[[], float]

    def after(self, attempts: int) -> timedelta:
        """The wait after so many tries."""
        full_s = min(self.longest.total_seconds(), self.first.total_seconds() * float(2 ** min(attempts, 20)))
        return timedelta(seconds=full_s * (0.75 + 0.25 * self.jitter()))


class VerifyProvisional:
    """One round: asks about those who are due, at the same time, and settles each answer."""

    def __init__(
        self,
        registry: Registry,
        waiting: Waiting,
        prove: ProveNumbers,
        screening: ScreenNewcomers,
        *,
        backoff: Backoff,
        limit: int,
    ) -> None:
        self._registry = registry
        self._screening = screening
        self._waiting = waiting
        self._prove = prove
        self._backoff = backoff
        self._limit = limit

    async def __call__(self, now: datetime) -> int:
        """How many were due. Raises unavailable when the store is away."""
        due = await self._waiting.take_due(now, limit=self._limit, until=now + timedelta(seconds=30))
        results = await asyncio.gather(*(self._settle(person, now) for person in due), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException) and not _passes(result):
                raise result
        return len(due)

    async def _settle(self, person: Person, now: datetime) -> None:
        proven = await self._registry.proven([number.hash for number in person.numbers])
        asked = [number for number in person.numbers if number.hash not in proven]
        proofs = [
            *(known(number) for number in person.numbers if number.hash in proven),
            *await self._prove(asked, person.demographics),
        ]
        attempts = (person.pending.attempts if person.pending else 0) + 1
        if all(proof.state == UNAVAILABLE for proof in proofs):
            await self._waiting.put_off(person.id, attempts=attempts, until=now + self._backoff.after(attempts))
            return
        intake = Intake(
            id=f"verification:{person.id}:{attempts}",
            digest=f"{person.id}:{person.version}",
            source=SOURCE,
            facility=None,
            channel="verification",
            at=now,
        )
        others, decide = await self._screening.around(
            person, person.demographics, intake, lambda ledger: confirm(ledger, person.id, proofs, intake)
        )
        await self._registry.change(also(wanted_for(person, proofs), others), decide, fresh=1)


def _passes(error: BaseException) -> bool:
    """Conflicts and shortages pass by themselves: the person stays due."""
    return isinstance(error, ShrError) and error.category in (Category.BUSY, Category.UNAVAILABLE, Category.CONFLICT)
