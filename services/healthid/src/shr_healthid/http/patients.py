"""``/fhir/Patient``: register, read, change, history."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Request, Response
from shr_common.audit import AuditTrail
from shr_common.errors import invalid, not_found
from shr_common.fhir.json import JsonLimits
from shr_common.identifiers import is_person_id
from shr_common.security import Caller, allow
from shr_common.telemetry import INTAKE

from shr_healthid.domain.person import Person
from shr_healthid.domain.served import history, patient_for
from shr_healthid.http.bodies import answer, expected_version, idempotency_key, json_body
from shr_healthid.http.callers import may_read, purpose_of, reader_of, source_of
from shr_healthid.http.submissions import submission_of
from shr_healthid.storage.persons import PersonStore
from shr_healthid.use_cases.amend_person import AmendPerson
from shr_healthid.use_cases.register_person import RegisterPerson

Registering = Annotated[Caller, allow("source_system", "registrar", "facility")]
Reading = Annotated[Caller, allow("source_system", "registrar", "facility", "reviewer", "citizen")]
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
        person = await self.persons.by_id(id_) if is_person_id(id_) else None
        if person is None or not may_read(caller, person):
            if is_person_id(id_):
                await self._note(id_, caller, purpose, "deny")
            raise not_found("There is no such person, or you may not see her.")
        await self._note(person.id, caller, purpose, "permit")
        return person

    async def looked(self, person: Person, caller: Caller, request: Request) -> None:
        """Audit one look that was permitted."""
        await self._note(person.id, caller, purpose_of(request, caller), "permit")

    async def _note(self, patient: str, caller: Caller, purpose: str, decision: str) -> None:
        shown = [("Patient", 1)] if decision == "permit" else []
        await self.audit.record(
            patient=patient, caller=caller, purpose=purpose, decision=decision, what=shown, at=self.now()
        )


def router(desk: Desk, register: RegisterPerson, amend: AmendPerson) -> APIRouter:
    """Routes of single persons."""
    routes = APIRouter(tags=["persons"])

    @routes.post("/fhir/Patient")
    async def create(request: Request, caller: Registering) -> Response:
        """Register a BD-Core Patient: 201 with a Health ID, 200 known, 202 provisional, 409 contradicted, 422."""
        body = await json_body(request, desk.limits)
        submission = submission_of(body, caller, at=desk.now(), key=idempotency_key(request))
        outcome = await register(submission)
        person = outcome.person
        assert person is not None  # noqa: S101 (refusals were raised)
        status = 200 if outcome.kind == "provisional" and person.is_active else STATUS[outcome.kind]
        INTAKE.labels(source_system=source_of(caller).partition("/")[0], state=outcome.kind).inc()
        if status == 200:
            await desk.looked(person, caller, request)
        return answer(patient_for(person, reader_of(caller)), status=status, person=person, located=True)

    @routes.get("/fhir/Patient/{id}")
    async def read(id: str, request: Request, caller: Reading) -> Response:
        """The person of a Health ID, or of a provisional id for ever."""
        person = await desk.person_for(id, caller, request)
        return answer(patient_for(person, reader_of(caller)), person=person)

    @routes.put("/fhir/Patient/{id}")
    async def update(id: str, request: Request, caller: Registering) -> Response:
        """Change demographics. ``If-Match`` names the version seen: 412 when another one is current."""
        body = await json_body(request, desk.limits)
        version = expected_version(request)
        person = await desk.person_for(id, caller, request)
        if body.tree.get("id") not in (None, id, person.id, *person.replaces):
            raise invalid("The id in the body is not the id in the address.", expression="Patient.id", code="value",
                          text_bn="বডির আইডি আর ঠিকানার আইডি এক নয়।")  # fmt: skip
        submission = submission_of(body, caller, at=desk.now())
        changed = await amend(person, submission, if_version=version, any_person=caller.role == "registrar")
        return answer(patient_for(changed, reader_of(caller)), person=changed)

    @routes.get("/fhir/Patient/{id}/_history")
    async def versions(id: str, request: Request, caller: Reading) -> Response:
        """Every version of a person, newest first."""
        person = await desk.person_for(id, caller, request)
        states = await desk.persons.history(person)
        reader = reader_of(caller)
        base = str(request.base_url).rstrip("/")
        bundle = history([patient_for(s, reader) for s in states], base=base, at=[s.updated_at for s in states])
        return answer(bundle)

    return routes
