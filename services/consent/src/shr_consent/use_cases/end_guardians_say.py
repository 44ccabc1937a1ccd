"""What guardians granted ends on the day of the ward's majority: looked at again when a birth date is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Protocol

from shr_policy import majority_of

from shr_consent.domain import statement
from shr_consent.domain.persons import Person
from shr_consent.domain.statement import Statement


class Statements(Protocol):
    """Where statements are kept, with their events."""

    async def find(self, id: str) -> Statement | None:
        """One statement."""

    async def granted_by_guardians(self, patients: Iterable[str]) -> Sequence[str]:
        """Ids of what guardians of these persons granted and is in force."""

    async def change(self, id: str, step: Callable[[Statement], Statement]) -> Statement:
        """Replace a statement by what ``step`` makes of it as it stands, and publish that, together."""


class People(Protocol):
    """The replica of persons."""

    async def person(self, id: str) -> Person:
        """A person by any of her ids."""


class EndGuardiansSay:
    """After persons changed; a repeat changes nothing."""

    def __init__(self, statements: Statements, people: People) -> None:
        self._statements = statements
        self._people = people

    async def __call__(self, changed: Iterable[str], *, now: datetime) -> None:
        """Raises unavailable."""
        for one in await self._statements.granted_by_guardians(changed):
            found = await self._statements.find(one)
            if found is not None:
                await self._end(found, await self._people.person(found.patient), now)

    async def _end(self, found: Statement, ward: Person, now: datetime) -> None:
        ends_by = majority_of(ward.birth_date)
        await self._statements.change(
            found.id,
            lambda stood: statement.end_guardians_say(stood, own_ids=ward.ids, ends_by=ends_by, at=now),
        )
