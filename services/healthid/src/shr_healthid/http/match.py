"""``POST /fhir/Patient/$match``: graded candidates with an explanation; nothing is linked by it."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Request, Response
from shr_common.errors import Category, Issue, ShrError, invalid
from shr_common.fhir.validate import validate
from shr_common.identifiers import KINDS
from shr_common.security import Caller, allow

from shr_healthid.domain.matching import Match, is_searchable, match
from shr_healthid.domain.reading import demographics_of
from shr_healthid.domain.served import Reader, patient_for
from shr_healthid.http.bodies import answer, json_body
from shr_healthid.http.callers import reader_of
from shr_healthid.http.patients import Desk

Matching = Annotated[Caller, allow("source_system", "registrar", "facility", "reviewer")]
GRADE = "http://hl7.org/fhir/StructureDefinition/match-grade"
EXPLANATION = "http://dghs.gov.bd/fhir/StructureDefinition/match-explanation"
COUNT = 10
COUNT_LIMIT = 50
AT = "Parameters.parameter.where(name='resource').resource"


class Hasher(Protocol):
    """Keyed hashes of numbers."""

    def hash(self, kind: str, number: str) -> str:
        """The keyed hash of a number of a kind."""


def router(desk: Desk, hasher: Hasher) -> APIRouter:
    """The route of ``$match``."""
    routes = APIRouter(tags=["persons"])

    @routes.post("/fhir/Patient/$match")
    async def candidates(request: Request, caller: Matching) -> Response:
        """Parameters ``resource``, ``onlyCertainMatches``, ``count`` → searchset with scores."""
        patient, only_certain, count = _asked((await json_body(request, desk.limits)).tree)
        said = demographics_of(patient)
        hashes = [
            hasher.hash(KINDS[i["system"]], str(i["value"]))
            for i in patient.get("identifier", ())
            if KINDS.get(i.get("system", "")) in ("nid", "brn") and i.get("value")
        ]
        proven = await desk.persons.by_numbers(hashes) if hashes else []
        if not proven and not is_searchable(said):
            raise invalid("Give a name, a whole birth date or a number to look for.", expression=AT, code="required",
                          text_bn="খোঁজার জন্য নাম, পূর্ণ জন্ম তারিখ বা নম্বর দিন।")  # fmt: skip
        near = {p.id: p for p in (*await desk.persons.candidates(said), *proven)}
        found = match(said, list(near.values()), frozenset(p.id for p in proven))
        if only_certain:
            certain = [m for m in found if m.grade == "certain"]
            found = certain if len(certain) == 1 else []
        found = found[:count]
        await asyncio.gather(*(desk.looked(m.person, caller, request) for m in found))
        return answer(_bundle(found, reader_of(caller), str(request.base_url).rstrip("/")))

    return routes


def _asked(tree: dict[str, Any]) -> tuple[dict[str, Any], bool, int]:
    listed = tree.get("parameter")
    given = {p["name"]: p for p in (listed if isinstance(listed, list) else ())
             if isinstance(p, dict) and isinstance(p.get("name"), str)}  # fmt: skip
    patient = given.get("resource", {}).get("resource")
    if tree.get("resourceType") != "Parameters" or not isinstance(patient, dict):
        raise invalid("Send Parameters with a resource.", expression="Parameters", code="required",
                      text_bn="resource সহ Parameters পাঠান।")  # fmt: skip
    if patient.get("resourceType") != "Patient":
        raise invalid("The resource to match is a Patient.", expression=AT, code="value")
    issues: list[Issue] = [issue for issue in validate(patient, AT) if issue.severity in ("error", "fatal")]
    if issues:
        raise ShrError(Category.INVALID, issues)
    count = given.get("count", {}).get("valueInteger", COUNT)
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise invalid("count is a number from 1 on.", expression="Parameters.parameter.where(name='count')")
    return patient, given.get("onlyCertainMatches", {}).get("valueBoolean") is True, min(count, COUNT_LIMIT)


def _bundle(found: list[Match], reader: Reader, base: str) -> dict[str, Any]:
    entries = [
        {
            "fullUrl": f"{base}/fhir/Patient/{m.person.id}",
            "resource": patient_for(m.person, reader),
            "search": {
                "extension": [
                    {"url": GRADE, "valueCode": m.grade},
                    {"url": EXPLANATION, "valueString": "; ".join(m.explanation)},
                ],
                "mode": "match",
                "score": m.score,
            },
        }
        for m in found
    ]
    return {"resourceType": "Bundle", "type": "searchset", "total": len(entries), "entry": entries}
