"""What the routes of persons need: reads, the access log, limits and the clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from fastapi import Request
from shr_common.audit import AuditTrail
from shr_common.errors import not_found
from shr_common.fhir.json import JsonLimits
from shr_common.identifiers import is_person_id
from shr_common.security import Caller

from shr_healthid.domain.legacy import may_stand_in_address
from shr_healthid.domain.person import Person
from shr_healthid.http.callers import may_read, purpose_of
from shr_healthid.storage.persons import PersonStore

STATUS = {"created": 201, "existing": 200, "provisional": 202}


@dataclass(frozen=True, slots=True)
class Desk:
    """What the routes of persons need."""

    persons: PersonStore
    audit: AuditTrail
    limits: JsonLimits
    now: Callable[[], datetime]

    async def person_for(self, id_: str, caller: Caller, request: Request) -> Person:
        """The person of an id, audited before anything is shown. Unknown and forbidden answer alike."""
        purpose = purpose_of(request, caller)
        known_form = is_person_id(id_) or may_stand_in_address(id_)
        person = await self.persons.by_id(id_) if known_form else None
        if person is None or not await self._may_read(caller, person):
            if known_form:
                await self._note(id_, caller, purpose, "deny")
            raise not_found("There is no such person, or you may not see her.")
        await self._note(person.id, caller, purpose, "permit")
        return person

    async def _may_read(self, caller: Caller, person: Person) -> bool:
        """Also under an id that was merged: her own, or a guardian's."""
        if may_read(caller, person) or caller.health_id is None:
            return may_read(caller, person)
        own = await self.persons.by_id(caller.health_id)
        if own is None:
            return False
        root = await self.persons.answering(own)
        if (await self.persons.answering(person)).id == root.id:
            return True
        guardians = [await self.persons.by_id(one) for one in person.guardians]
        return any([(await self.persons.answering(one)).id == root.id for one in guardians if one is not None])

    async def note(self, patient: str, caller: Caller, request: Request, *what: tuple[str, int]) -> None:
        """Audit what was shown or decided about a person, before it is."""
        await self.audit.record(
            patient=patient, caller=caller, purpose=purpose_of(request, caller), decision="permit", what=what,
            at=self.now(),
        )  # fmt: skip

    async def looked(self, person: Person, caller: Caller, request: Request) -> None:
        """Audit one look that was permitted."""
        await self._note(person.id, caller, purpose_of(request, caller), "permit")

    async def _note(self, patient: str, caller: Caller, purpose: str, decision: str) -> None:
        shown = [("Patient", 1)] if decision == "permit" else []
        await self.audit.record(
            patient=patient, caller=caller, purpose=purpose, decision=decision, what=shown, at=self.now()
        )
