"""A practitioner declares an emergency: for hours, one person, with a reason that the citizen and a reviewer read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from shr_common.errors import busy, forbidden
from shr_contracts.cloudevents import Event
from shr_policy import hours_of

from shr_consent.domain import members, messages, statement
from shr_consent.domain.members import Findings, WrongError
from shr_consent.domain.statement import Party, Statement
from shr_consent.domain.terms import one, person_in

UNNAMED_KIND = "emergency"


class Statements(Protocol):
    """Where statements are kept, with their events."""

    async def add(self, stated: Statement, *, told: Sequence[Event] = ()) -> None:
        """Keep a new one and publish it and the messages about it, together."""

    async def emergencies_since(self, practitioner: str, since: datetime) -> int:
        """How many emergencies a practitioner has declared."""


class Registry(Protocol):
    """What the registry has told."""

    async def in_good_standing(self, *, practitioner: str | None, facility: str | None, now: datetime) -> bool:
        """Whether posting, licence and facility are in force."""


class Tell(Protocol):
    """Makes messages to a citizen."""

    async def __call__(
        self, stated: Statement, template: str, *, now: datetime, secret: str | None = None
    ) -> Sequence[Event]:
        """The events that carry them."""


class BreakGlass:
    """``POST /break-glass``; the citizen is told at once."""

    def __init__(
        self, statements: Statements, registry: Registry, tell: Tell, *, hours_limit: int, per_day_limit: int
    ) -> None:
        self._statements = statements
        self._registry = registry
        self._tell = tell
        self._hours_limit = hours_limit
        self._per_day_limit = per_day_limit

    async def __call__(self, body: Mapping[str, Any], *, id: str, by: Party, now: datetime) -> Statement:
        """The declaration, in force at once. Raises invalid, forbidden, busy."""
        Findings(body, ("patient", "reason", "kind", "hours")).refuse()
        patient, reason = person_in(body), one(body, "reason", members.text)
        kind = one(body, "kind", self._kind) if body.get("kind") is not None else UNNAMED_KIND
        hours = one(body, "hours", self._hours)
        if not await self._registry.in_good_standing(practitioner=by.id, facility=by.facility, now=now):
            raise forbidden("The registry says that your posting, licence or facility is no longer in force.")
        if await self._statements.emergencies_since(by.id, now - timedelta(days=1)) >= self._per_day_limit:
            raise busy("You have declared too many emergencies in the last 24 hours.", retry_after_s=3600)
        until = now + timedelta(hours=hours)
        opened = statement.break_glass(
            id=id, patient=patient, reason=reason, emergency=kind, until=until, by=by, at=now
        )
        await self._statements.add(opened, told=await self._tell(opened, messages.EMERGENCY, now=now))
        return opened

    def _kind(self, value: Any, at: str) -> str:
        return members.text(value, at, limit=64)

    def _hours(self, value: Any, at: str) -> float:
        try:
            return hours_of(value, limit=self._hours_limit)
        except ValueError as error:
            raise WrongError(str(error), at) from None
