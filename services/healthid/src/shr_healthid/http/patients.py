"""``/fhir/Patient``: register, read, change, history."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request, Response
from shr_common.errors import invalid
from shr_common.identifiers import is_person_id
from shr_common.outcomes import operation_outcome
from shr_common.security import Caller, allow
from shr_common.telemetry import INTAKE

from shr_healthid.domain.provenance import provenance_of, provenances, with_change
from shr_healthid.domain.served import history, patient_for
from shr_healthid.http.bodies import answer, expected_version, idempotency_key, json_body, media_type, wants_outcome
from shr_healthid.http.bulk import MEDIA_TYPES, Bulk
from shr_healthid.http.callers import reader_of, source_of
from shr_healthid.http.changes import held, reason_in_provenance
from shr_healthid.http.deciding import actor_of
from shr_healthid.http.desk import STATUS
from shr_healthid.http.desk import Desk as Desk
from shr_healthid.http.submissions import submission_of
from shr_healthid.use_cases.amend_person import AmendPerson
from shr_healthid.use_cases.register_person import RegisterPerson

Registering = Annotated[Caller, allow("source_system", "registrar", "facility")]
Reading = Annotated[Caller, allow("source_system", "registrar", "facility", "reviewer", "citizen")]


def router(desk: Desk, register: RegisterPerson, amend: AmendPerson, bulk: Bulk) -> APIRouter:
    """Routes of single persons."""
    routes = APIRouter(tags=["persons"])

    @routes.post("/fhir/Patient")
    async def create(request: Request, caller: Registering) -> Response:
        """Register a BD-Core Patient: 201 with a Health ID, 200 known, 202 provisional, 409 contradicted, 422.

        NDJSON (``application/fhir+ndjson``), one Patient in each line: 200 with one answer for each line, in order.
        """
        if media_type(request) in MEDIA_TYPES:
            return await bulk(request, caller)
        body = await json_body(request, desk.limits)
        submission = submission_of(body, caller, at=desk.now(), key=idempotency_key(request))
        outcome = await register(submission)
        person = outcome.person
        assert person is not None  # noqa: S101 (refusals were raised)
        status = 200 if outcome.kind == "provisional" and person.is_active else STATUS[outcome.kind]
        INTAKE.labels(source_system=source_of(caller).partition("/")[0], state=outcome.kind).inc()
        if status == 200:
            await desk.looked(person, caller, request)
        said = patient_for(person, reader_of(caller))
        if wants_outcome(request):
            said = operation_outcome(outcome.warnings)
        return answer(said, status=status, person=person, located=True)

    @routes.get("/fhir/Patient/{id}")
    async def read(id: str, request: Request, caller: Reading) -> Response:
        """The person of a Health ID, or of a provisional id for ever."""
        person = await desk.person_for(id, caller, request)
        return answer(patient_for(person, reader_of(caller)), person=person)

    @routes.put("/fhir/Patient/{id}")
    async def update(id: str, request: Request, caller: Registering) -> Response:
        """Change demographics. ``If-Match`` names the version seen: 412 when another one is current.

        202 with an OperationOutcome when a second person has to approve (see ``GET /approvals/{id}``, named by
        ``Content-Location``): nothing was changed yet. ``X-Provenance`` may say why.
        """
        reason = reason_in_provenance(request)
        body = await json_body(request, desk.limits)
        version = expected_version(request)
        person = await desk.person_for(id, caller, request)
        if body.tree.get("id") not in (None, id, person.id, *person.replaces):
            raise invalid("The id in the body is not the id in the address.", expression="Patient.id", code="value",
                          text_bn="বডির আইডি আর ঠিকানার আইডি এক নয়।")  # fmt: skip
        submission = submission_of(body, caller, at=desk.now())
        amended = await amend(
            person, submission, actor_of(caller), if_version=version, any_person=caller.role == "registrar",
            reason=reason,
        )  # fmt: skip
        if amended.approval is not None:
            return held(amended.approval)
        return answer(patient_for(amended.person, reader_of(caller)), person=amended.person)

    @routes.get("/fhir/Patient/{id}/_history")
    async def versions(id: str, request: Request, caller: Reading) -> Response:
        """Every version of a person, newest first; ``meta.extension`` says who made it and why."""
        person = await desk.person_for(id, caller, request)
        states = await desk.persons.history(person)
        reader = reader_of(caller)
        base = str(request.base_url).rstrip("/")
        shown = [with_change(patient_for(s, reader), s) for s in states]
        return answer(history(shown, base=base, at=[s.updated_at for s in states]))

    @routes.get("/fhir/Provenance")
    async def provenance(request: Request, caller: Reading) -> Response:
        """``?target=Patient/{id}``: who made each version of a person, when and why, newest first."""
        id_ = request.query_params.get("target", "").removeprefix("Patient/")
        if not is_person_id(id_):
            raise invalid("Give target=Patient/{id}.", expression="target", code="required",
                          text_bn="target=Patient/{id} দিন।")  # fmt: skip
        person = await desk.person_for(id_, caller, request)
        found = [provenance_of(state) for state in await desk.persons.history(person)]
        base = str(request.base_url).rstrip("/")
        return answer(provenances(found, base=base, self_url=f"{base}/fhir/Provenance?target=Patient/{id_}"))

    return routes
