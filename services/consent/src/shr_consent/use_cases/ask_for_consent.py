"""A practitioner or a facility asks a citizen for consent.

The answer never tells whether the person is known: a request about any well-formed Health ID is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from shr_common.errors import busy, forbidden, invalid
from shr_contracts.cloudevents import Event

from shr_consent.domain import messages, statement
from shr_consent.domain.confirmation import Confirmation
from shr_consent.domain.members import Recipient
from shr_consent.domain.statement import Party, Statement
from shr_consent.domain.terms import person_in, read


class Statements(Protocol):
    """Where statements are kept, with their events."""

    async def add(
        self, stated: Statement, *, told: Sequence[Event] = (), confirmation: Confirmation | None = None
    ) -> None:
        """Keep a new one, with its code, and publish it and the messages about it, together."""

    async def pending(self, patient: str, by: Party) -> int:
        """How many requests of this requester about a person wait for an answer."""


class Registry(Protocol):
    """What the registry has told."""

    async def in_good_standing(self, *, practitioner: str | None, facility: str | None, now: datetime) -> bool:
        """Whether posting, licence and facility are in force."""


class Confirmations(Protocol):
    """The codes of requests."""

    async def sent_since(self, patient: str, since: datetime) -> int:
        """How many codes were sent to a person."""


class Tell(Protocol):
    """Makes messages to a citizen."""

    async def __call__(
        self, stated: Statement, template: str, *, now: datetime, secret: str | None = None
    ) -> Sequence[Event]:
        """The events that carry them."""


class AskForConsent:
    """``POST /consent-requests``. The citizen is told, with a one-time code that she can give at the bedside."""

    def __init__(
        self,
        statements: Statements,
        registry: Registry,
        confirmations: Confirmations,
        tell: Tell,
        *,
        new_code: Callable[[], str],
        code_lifetime: timedelta,
        codes_per_hour_limit: int,
        pending_limit: int,
    ) -> None:
        self._statements = statements
        self._registry = registry
        self._confirmations = confirmations
        self._tell = tell
        self._new_code = new_code
        self._code_lifetime = code_lifetime
        self._codes_per_hour_limit = codes_per_hour_limit
        self._pending_limit = pending_limit

    async def __call__(self, body: Mapping[str, Any], *, id: str, by: Party, now: datetime) -> Statement:
        """The request as it stands. Raises invalid, forbidden, busy."""
        patient = person_in(body)
        terms = read(body, now=now, also=frozenset({"patient"}))
        assert terms.recipient is not None  # noqa: S101 (read() refuses a request without one)
        await self._may_ask(terms.recipient, by, now)
        if await self._statements.pending(patient, by) >= self._pending_limit:
            raise busy("Too many of your requests to this person wait for an answer.", retry_after_s=3600)
        asked = statement.request(id=id, patient=patient, terms=terms, by=by, at=now)
        code, told = await self._offer(asked, now)
        confirmation = Confirmation(id, patient, now, now + self._code_lifetime, code)
        await self._statements.add(asked, told=told, confirmation=confirmation)
        return asked

    async def _offer(self, asked: Statement, now: datetime) -> tuple[str | None, Sequence[Event]]:
        """A code and the messages with it; none of either when she got too many lately: nobody floods a phone."""
        if await self._confirmations.sent_since(asked.patient, now - timedelta(hours=1)) >= self._codes_per_hour_limit:
            return None, ()
        code = self._new_code()
        return code, await self._tell(asked, messages.CODE, now=now, secret=code)

    async def _may_ask(self, recipient: Recipient, by: Party, now: datetime) -> None:
        kind, named = recipient
        practitioner = by.id if by.role == "practitioner" else None
        facility = by.id if by.role == "facility" else by.facility
        if not await self._registry.in_good_standing(practitioner=practitioner, facility=facility, now=now):
            raise forbidden("The registry says that your posting, licence or facility is no longer in force.")
        if kind != "practitioner":
            mine = named == facility
        elif by.role == "practitioner":
            mine = named == by.id
        else:
            mine = await self._registry.in_good_standing(practitioner=named, facility=facility, now=now)
        if not mine:
            text = "Ask for yourself or for the facility that you work at."
            raise invalid(text, expression="recipient", code="business-rule")
