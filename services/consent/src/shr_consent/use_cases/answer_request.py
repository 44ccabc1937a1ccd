"""A citizen, or the guardian of a minor, grants a request as asked or narrowed, or denies it. One answer wins."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Protocol

from shr_common.errors import forbidden, not_found

from shr_consent.domain import members, statement
from shr_consent.domain.members import Findings
from shr_consent.domain.persons import Person, may_speak_for, say_ends
from shr_consent.domain.statement import Party, Statement
from shr_consent.domain.terms import one


class Statements(Protocol):
    """Where statements are kept, with their events."""

    async def find(self, id: str) -> Statement | None:
        """One statement."""

    async def change(self, id: str, step: Callable[[Statement], Statement]) -> Statement:
        """Replace a statement by what ``step`` makes of it as it stands, and publish that, together."""


class People(Protocol):
    """The replica of persons."""

    async def person(self, id: str) -> Person:
        """A person by any of her ids."""


class AnswerRequest:
    """``POST /consent-requests/{id}/grant`` and ``/deny``."""

    def __init__(self, statements: Statements, people: People) -> None:
        self._statements = statements
        self._people = people

    async def grant(self, id: str, body: Mapping[str, Any], *, by: Party, now: datetime) -> Statement:
        """Raises not_found, forbidden, conflict (answered already), invalid (wider than asked)."""
        ends_by = await self._may_answer(id, by, now)
        return await self._statements.change(
            id, lambda stood: statement.grant(stood, body, by=by, at=now, ends_by=ends_by)
        )

    async def deny(self, id: str, body: Mapping[str, Any], *, by: Party, now: datetime) -> Statement:
        """Raises not_found, forbidden, conflict (answered already), invalid."""
        await self._may_answer(id, by, now)
        Findings(body, ("reason",)).refuse()
        reason = one(body, "reason", members.text) if body.get("reason") is not None else None
        return await self._statements.change(id, lambda stood: statement.deny(stood, reason=reason, at=now))

    async def _may_answer(self, id: str, by: Party, now: datetime) -> datetime | None:
        """When what this caller grants ends by itself, if it does."""
        asked = await self._statements.find(id)
        if asked is None or asked.asked is None:
            raise not_found("There is no such request.")
        caller = await self._people.person(by.health_id or "")
        patient = await self._people.person(asked.patient)
        if not may_speak_for(caller, patient, now):
            raise forbidden("Only the citizen herself or her guardian may answer this request.")
        return say_ends(caller, patient)
