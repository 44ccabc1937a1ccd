"""A citizen says by herself what is allowed, refused or closed in her record, and takes it back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Protocol

from shr_common.errors import busy, forbidden, not_found

from shr_consent.domain import members, statement
from shr_consent.domain.members import Findings
from shr_consent.domain.persons import Person, may_speak_for, say_ends
from shr_consent.domain.statement import Party, Statement
from shr_consent.domain.terms import one, person_in, read


class Statements(Protocol):
    """Where statements are kept, with their events."""

    async def add(self, stated: Statement) -> None:
        """Keep a new one and publish it, together."""

    async def find(self, id: str) -> Statement | None:
        """One statement."""

    async def change(self, id: str, step: Callable[[Statement], Statement]) -> Statement:
        """Replace a statement by what ``step`` makes of it as it stands, and publish that, together."""

    async def count_in_force(self, patient: str) -> int:
        """How many are in force for a person."""


class People(Protocol):
    """The replica of persons."""

    async def person(self, id: str) -> Person:
        """A person by any of her ids."""


class StateConsent:
    """``POST /consents``, ``POST /consents/{id}/revoke``, ``POST /restrictions``, ``DELETE /restrictions/{id}``."""

    def __init__(self, statements: Statements, people: People, *, statements_limit: int) -> None:
        self._statements = statements
        self._people = people
        self._statements_limit = statements_limit

    async def state(self, body: Mapping[str, Any], *, id: str, by: Party, now: datetime) -> Statement:
        """A grant without a request, or a standing refusal. Raises invalid, forbidden, busy."""
        patient = person_in(body)
        decision = one(body, "decision", members.decision) if "decision" in body else "permit"
        terms = read(body, now=now, refusal=decision == "deny", also=frozenset({"patient", "decision"}))
        ends_by = await self._may_speak(by, patient, now)
        await self._room_for_one_more(patient)
        stated = statement.state(id=id, patient=patient, terms=terms, decision=decision, by=by, at=now, ends_by=ends_by)
        await self._statements.add(stated)
        return stated

    async def revoke(self, id: str, body: Mapping[str, Any], *, by: Party, now: datetime) -> Statement:
        """Whole, or for ``record_types``. Raises not_found, forbidden, conflict, invalid."""
        await self._mine(id, "consent", by, now)
        Findings(body, ("record_types",)).refuse()
        types = one(body, "record_types", members.record_types) if "record_types" in body else None
        return await self._statements.change(id, lambda stood: statement.revoke(stood, types, at=now))

    async def restrict(self, body: Mapping[str, Any], *, id: str, by: Party, now: datetime) -> Statement:
        """Close one resource or encounter. Raises invalid, forbidden, busy."""
        Findings(body, ("patient", "reference", "except")).refuse()
        patient, reference = person_in(body), one(body, "reference", members.reference)
        named = one(body, "except", members.recipients) if body.get("except") is not None else frozenset()
        await self._may_speak(by, patient, now)
        await self._room_for_one_more(patient)
        closed = statement.restrict(id=id, patient=patient, reference=reference, except_for=named, by=by, at=now)
        await self._statements.add(closed)
        return closed

    async def lift(self, id: str, *, by: Party, now: datetime) -> Statement:
        """Open again. Raises not_found, forbidden."""
        await self._mine(id, "restriction", by, now)
        return await self._statements.change(id, lambda stood: statement.lift(stood, at=now))

    async def _mine(self, id: str, kind: str, by: Party, now: datetime) -> None:
        stood = await self._statements.find(id)
        if stood is None or stood.kind != kind:
            raise not_found(f"There is no such {kind}.")
        await self._may_speak(by, stood.patient, now)

    async def _may_speak(self, by: Party, patient: str, now: datetime) -> datetime | None:
        """When what this caller grants ends by itself, if it does."""
        caller, person = await self._people.person(by.health_id or ""), await self._people.person(patient)
        if not may_speak_for(caller, person, now):
            raise forbidden("Only the citizen herself or her guardian may say this.")
        return say_ends(caller, person)

    async def _room_for_one_more(self, patient: str) -> None:
        if await self._statements.count_in_force(patient) >= self._statements_limit:
            raise busy("There are too many consents and restrictions in force; withdraw some first.", retry_after_s=60)
