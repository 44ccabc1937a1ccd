"""Grant a request at the bedside: the requester passes on the code or PIN that the citizen told."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from shr_common.errors import ShrError, busy, conflict, forbidden, not_found
from shr_contracts.cloudevents import Event

from shr_consent.domain import members, messages, statement
from shr_consent.domain.confirmation import TRIES_LIMIT, Confirmation
from shr_consent.domain.members import Findings
from shr_consent.domain.persons import Person
from shr_consent.domain.statement import Party, Statement
from shr_consent.domain.terms import one

GUESSES_SPAN = timedelta(days=1)


class Statements(Protocol):
    """Where statements are kept, with their events."""

    async def find(self, id: str) -> Statement | None:
        """One statement."""

    async def change(self, id: str, step: Callable[[Statement], Statement], *, told: Sequence[Event] = ()) -> Statement:
        """Replace a statement by what ``step`` makes of it as it stands; publish that and the messages, together."""


class Confirmations(Protocol):
    """The codes of requests, and how often a wrong one was told."""

    async def take_try(self, id: str, *, patient: str, limit: int, now: datetime) -> tuple[int, Confirmation] | None:
        """Use up one try before anything is compared: how many that makes, and the code; None when none is left."""

    async def forgive(self, id: str) -> None:
        """The try was right; the code is used."""

    async def tries_since(self, patients: Collection[str], since: datetime) -> int:
        """How many wrong ones were told about a person."""


class Pins(Protocol):
    """The PINs of citizens, as slow hashes."""

    async def matches(self, pin: str, people: Collection[str]) -> bool:
        """Whether one of these people has this PIN."""


class People(Protocol):
    """The replica of persons."""

    async def person(self, id: str) -> Person:
        """A person by any of her ids."""


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


class ConfirmRequest:
    """``POST /consent-requests/{id}/confirm``."""

    def __init__(
        self,
        statements: Statements,
        confirmations: Confirmations,
        pins: Pins,
        people: People,
        registry: Registry,
        tell: Tell,
        *,
        guesses_per_day_limit: int,
    ) -> None:
        self._statements = statements
        self._confirmations = confirmations
        self._pins = pins
        self._people = people
        self._registry = registry
        self._tell = tell
        self._guesses_per_day_limit = guesses_per_day_limit

    async def __call__(self, id: str, body: Mapping[str, Any], *, by: Party, now: datetime) -> Statement:
        """Granted. Raises invalid, not_found, forbidden (not the requester; wrong), conflict (answered), busy."""
        Findings(body, ("code",)).refuse()
        said = one(body, "code", members.code)
        asked = await self._statements.find(id)
        if asked is None or asked.asked is None:
            raise not_found("There is no such request.")
        await self._may_confirm(asked, by, now)
        statement.require_open(asked, now)
        patient = await self._people.person(asked.patient)
        if await self._confirmations.tries_since(patient.ids, now - GUESSES_SPAN) >= self._guesses_per_day_limit:
            raise busy("Too many wrong codes were told about this person; ask again tomorrow.", retry_after_s=3600)
        taken = await self._confirmations.take_try(id, patient=asked.patient, limit=TRIES_LIMIT, now=now)
        if taken is None:
            await self._deny(asked, now)
            raise conflict("A wrong code was told too often: this request is denied.")
        tries, confirmation = taken
        way = await self._way(said, confirmation, patient, now)
        if way is None:
            if tries >= TRIES_LIMIT:
                await self._deny(asked, now)
                raise forbidden("This is not the code, for the third time: the request is denied.")
            raise forbidden(f"This is not the code that the citizen was sent, nor her PIN; {TRIES_LIMIT - tries} left.")
        told = await self._tell(asked, messages.GRANTED, now=now)
        granted = await self._statements.change(id, lambda s: statement.confirm(s, way=way, at=now), told=told)
        await self._confirmations.forgive(id)
        return granted

    async def _may_confirm(self, asked: Statement, by: Party, now: datetime) -> None:
        if (by.role, by.id) != (asked.made_by.role, asked.made_by.id):
            raise forbidden("Only who asked may confirm with the citizen's code.")
        practitioner = by.id if by.role == "practitioner" else None
        facility = by.id if by.role == "facility" else by.facility
        if not await self._registry.in_good_standing(practitioner=practitioner, facility=facility, now=now):
            raise forbidden("The registry says that your posting, licence or facility is no longer in force.")

    async def _way(self, said: str, confirmation: Confirmation, patient: Person, now: datetime) -> str | None:
        code = confirmation.code or ""
        if confirmation.holds(now) and hmac.compare_digest(said.encode(), code.encode()):
            return "code"
        return "pin" if await self._pins.matches(said, patient.ids | patient.guardians_at(now)) else None

    async def _deny(self, asked: Statement, now: datetime) -> None:
        told = await self._tell(asked, messages.DENIED, now=now)
        reason = "A wrong code was told three times."
        try:
            await self._statements.change(
                asked.id, lambda stood: statement.deny(stood, reason=reason, at=now), told=told
            )
        except ShrError as error:
            if error.category != "conflict":  # it was answered in this very moment
                raise
