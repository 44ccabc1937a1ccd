"""Tell a citizen, and while she is a minor her guardians, what happens to her record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from shr_contracts.cloudevents import Event

from shr_consent.domain.messages import Seal, message
from shr_consent.domain.persons import Person
from shr_consent.domain.statement import Party, Statement


class People(Protocol):
    """The replica of persons."""

    async def person(self, id: str) -> Person:
        """A person by any of her ids."""


class Registry(Protocol):
    """What the registry has told."""

    async def names(self, references: Sequence[str]) -> Mapping[str, str]:
        """The names of ``Practitioner/…`` and ``Organization/…``, of those that are known."""


class TellCitizen:
    """Makes the messages; whoever changes the statement publishes them together with that."""

    def __init__(self, people: People, registry: Registry, *, seal: Seal) -> None:
        self._people = people
        self._registry = registry
        self._seal = seal

    async def __call__(
        self, stated: Statement, template: str, *, now: datetime, secret: str | None = None
    ) -> list[Event]:
        """One message to each; ``secret`` encrypted to healthid, which sends them. Raises unavailable."""
        patient = await self._people.person(stated.patient)
        who = await self._who(stated.made_by)
        return [
            message(stated, template, to=to, who=who, at=now, secret=secret, seal=self._seal)
            for to in sorted({patient.id} | patient.guardians_at(now))
        ]

    async def _who(self, by: Party) -> str:
        facility = by.id if by.role == "facility" else by.facility
        person = f"Practitioner/{by.id}" if by.role == "practitioner" else None
        place = f"Organization/{facility}" if facility else None
        names = await self._registry.names([one for one in (person, place) if one])
        said = [names.get(person) or by.name or by.id] if person else []
        if place:
            said.append(names.get(place) or facility or "")
        return ", ".join(said)
