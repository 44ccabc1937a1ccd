"""``$merge``, ``$unmerge``, ``$link-birth-registration`` and ``$guardian``."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from shr_common.errors import Category, Issue, ShrError, invalid
from shr_common.identifiers import BRN, is_brn, is_person_id
from shr_common.security import Caller, allow

from shr_healthid.domain.ledger import Intake
from shr_healthid.domain.merging import Pair, Places
from shr_healthid.domain.person import Change
from shr_healthid.domain.served import collection, patient_for
from shr_healthid.http.bodies import answer, json_body
from shr_healthid.http.callers import reader_of
from shr_healthid.http.deciding import intake_of as intake_by
from shr_healthid.http.deciding import reason_of
from shr_healthid.http.patients import Desk
from shr_healthid.http.submissions import submission_of
from shr_healthid.use_cases.amend_person import AmendPerson, intake_of
from shr_healthid.use_cases.link_birth_registration import LinkBirthRegistration
from shr_healthid.use_cases.merge_persons import MergePersons

Registrar = Annotated[Caller, allow("registrar")]
RELATION_CHARACTERS_LIMIT = 64


def router(desk: Desk, link: LinkBirthRegistration, amend: AmendPerson, merging: MergePersons) -> APIRouter:
    """Operations on one person, and on two who are one."""
    routes = APIRouter(tags=["persons"])

    async def asked(request: Request, caller: Caller, action: str) -> tuple[Pair, Intake, Change]:
        body = await json_body(request, desk.limits)
        pair = _pair(body.tree)
        reason = reason_of({"reason": _parameter(body.tree, "reason").get("valueString")})
        for id_ in sorted({pair.survivor, pair.retired}):
            await desk.note(id_, caller, request, (f"Patient/${action}", 1))
        return pair, intake_by(caller, desk.now()), Change(action, caller.id, caller.role, reason)

    @routes.post("/fhir/Patient/$merge")
    async def merge(request: Request, caller: Registrar) -> Response:
        """Parameters ``survivor``, ``retired`` (valueReference), optional ``reason``: 200 the survivor."""
        survivor = await merging.merge(*await asked(request, caller, "merge"))
        return answer(patient_for(survivor, reader_of(caller)), person=survivor, located=True)

    @routes.post("/fhir/Patient/$unmerge")
    async def unmerge(request: Request, caller: Registrar) -> Response:
        """Parameters ``survivor``, ``retired``, optional ``reason``: 200 a Bundle with both as they were before."""
        both = await merging.unmerge(*await asked(request, caller, "unmerge"))
        base = str(request.base_url).rstrip("/")
        return answer(collection([patient_for(person, reader_of(caller)) for person in both], base=base))

    @routes.post("/fhir/Patient/{id}/$link-birth-registration")
    async def link_birth_registration(id: str, request: Request, caller: Registrar) -> Response:
        """Parameters ``identifier`` (BRN) and optionally ``patient``: 200 the Patient under her Health ID."""
        body = await json_body(request, desk.limits)
        brn, final = _brn_and_patient(body.tree)
        person = await desk.person_for(id, caller, request)
        submission = submission_of(body, caller, at=desk.now())
        if final is not None:
            _, as_sent = _brn_and_patient(body.as_sent)
            submission = replace(submission, patient=final, as_sent=as_sent)
        outcome = await link(person, brn, submission, has_final=final is not None)
        assert outcome.person is not None  # noqa: S101 (refusals were raised)
        return answer(patient_for(outcome.person, reader_of(caller)), person=outcome.person, located=True)

    @routes.post("/fhir/Patient/{id}/$guardian")
    async def guardian(id: str, request: Request, caller: Registrar) -> Response:
        """``{"guardian", "relation", "action": "add|end"}``: 200 the Patient."""
        body = await json_body(request, desk.limits)
        relation = body.tree.get("relation")
        if relation is not None and (not isinstance(relation, str) or len(relation) > RELATION_CHARACTERS_LIMIT):
            raise invalid("relation is a word such as mother.", expression="relation", code="value",
                          text_bn="relation একটি শব্দ, যেমন mother।")  # fmt: skip
        guardian_id, action = body.tree.get("guardian"), body.tree.get("action", "add")
        if not isinstance(guardian_id, str) or not is_person_id(guardian_id.removeprefix("Patient/")):
            raise invalid("Name the guardian by her Health ID.", expression="guardian", code="value",
                          text_bn="অভিভাবকের হেলথ আইডি দিন।")  # fmt: skip
        if action not in ("add", "end"):
            raise invalid("action is add or end.", expression="action", code="value",
                          text_bn="action হবে add অথবা end।")  # fmt: skip
        person = await desk.person_for(id, caller, request)
        intake = intake_of(submission_of(body, caller, at=desk.now()))
        change = Change(f"guardian-{action}", caller.id, caller.role, relation)
        changed = await amend.guardian(
            person.id, guardian_id.removeprefix("Patient/"), intake, change, ends=action == "end"
        )
        return answer(patient_for(changed, reader_of(caller)), person=changed)

    return routes


def _parameter(tree: dict[str, Any], name: str) -> dict[str, Any]:
    listed = tree.get("parameter")
    found = (p for p in (listed if isinstance(listed, list) else ()) if isinstance(p, dict) and p.get("name") == name)
    return next(found, {})


def _pair(tree: dict[str, Any]) -> Pair:
    if tree.get("resourceType") != "Parameters":
        raise invalid("Send Parameters with survivor and retired.", expression="Parameters", code="required",
                      text_bn="survivor ও retired সহ Parameters পাঠান।")  # fmt: skip
    issues, ids, places = [], {}, Places()
    for name, place in (("survivor", places.survivor), ("retired", places.retired)):
        said = _parameter(tree, name).get("valueReference")
        reference = said.get("reference") if isinstance(said, dict) else None
        kind, _, id_ = str(reference or "").rpartition("/")
        if not isinstance(reference, str) or kind.rpartition("/")[2] not in ("", "Patient") or not is_person_id(id_):
            issues.append(Issue(f"{name} is a valueReference to Patient/{{Health ID}}.", expression=place,
                                code="value" if reference else "required",
                                text_bn=f"{name} হবে Patient/{{হেলথ আইডি}}-র valueReference।"))  # fmt: skip
        ids[name] = id_
    if issues:
        raise ShrError(Category.INVALID, issues)
    return Pair(ids["survivor"], ids["retired"], places)


def _brn_and_patient(tree: dict[str, Any]) -> tuple[str, dict[str, Any] | None]:
    listed = tree.get("parameter")
    given = {p.get("name"): p for p in (listed if isinstance(listed, list) else ()) if isinstance(p, dict)
             and isinstance(p.get("name"), str)}  # fmt: skip
    identifier = given.get("identifier", {})
    said = identifier.get("valueIdentifier", {"system": BRN, "value": identifier.get("valueString")})
    at = "Parameters.parameter.where(name='identifier').value"
    if tree.get("resourceType") != "Parameters" or not isinstance(said, dict):
        raise invalid("Send Parameters with the identifier (BRN).", expression="Parameters", code="required",
                      text_bn="identifier (BRN) সহ Parameters পাঠান।")  # fmt: skip
    value = said.get("value")
    if said.get("system", BRN) != BRN or not isinstance(value, str) or not is_brn(value):
        raise invalid(f"Give the birth registration number: system {BRN}, 17 Latin digits.", expression=at,
                      code="value", text_bn="জন্ম নিবন্ধন নম্বর দিন: ১৭টি ইংরেজি অঙ্ক।")  # fmt: skip
    final = given.get("patient", {}).get("resource")
    if final is not None and not isinstance(final, dict):
        raise invalid("patient holds a Patient resource.", expression="Parameters.parameter.where(name='patient')")
    return value, final
