"""``POST /fhir/Patient/$match``: graded candidates with an explanation; nothing is linked by it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Request, Response
from shr_common.errors import Category, Issue, ShrError, invalid
from shr_common.fhir.validate import validate
from shr_common.identifiers import KINDS
from shr_common.security import Caller, DirectRoute, allow

from shr_healthid.domain.explanation import Part
from shr_healthid.domain.matching import CERTAIN, Candidate, Match, is_searchable, match, verified_of
from shr_healthid.domain.person import Person
from shr_healthid.domain.reading import demographics_of
from shr_healthid.domain.served import Reader, patient_for
from shr_healthid.domain.weights import Weights
from shr_healthid.http.bodies import answer, json_body
from shr_healthid.http.callers import reader_of
from shr_healthid.http.desk import Desk
from shr_healthid.storage.candidates import CandidateStore

Matching = Annotated[Caller, allow("source_system", "registrar", "facility", "reviewer")]
GRADE = "http://hl7.org/fhir/StructureDefinition/match-grade"
EXPLANATION = "http://dghs.gov.bd/fhir/StructureDefinition/match-explanation"
PART = "http://dghs.gov.bd/fhir/StructureDefinition/match-part"
TRANSLATION = "http://hl7.org/fhir/StructureDefinition/translation"
COUNT = 10
COUNT_LIMIT = 50
SPARE = 10
"""Loaded beyond the count, since several may be one person by merges."""
AT = "Parameters.parameter.where(name='resource').resource"


class Hasher(Protocol):
    """Keyed hashes of numbers."""

    def hash(self, kind: str, number: str) -> str:
        """The keyed hash of a number of a kind."""


def router(desk: Desk, hasher: Hasher, candidates: CandidateStore, weights: Weights) -> APIRouter:
    """The route of ``$match``."""
    routes = APIRouter(tags=["persons"], route_class=DirectRoute)

    @routes.post("/fhir/Patient/$match")
    async def matching(request: Request, caller: Matching) -> Response:
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
        near = {p.id: Candidate(p.id, p.demographics, verified_of(p.numbers)) for p in proven}
        near = {one.id: one for one in await candidates.near(said)} | near
        found = match(said, near.values(), weights, proven=frozenset(p.id for p in proven))
        shown = await _people(candidates, found, proven, limit=count)
        if only_certain:
            certain = [(p, m) for p, m in shown if m.grade == CERTAIN]
            shown = certain if len(certain) == 1 else []
        await asyncio.gather(*(desk.looked(person, caller, request) for person, _ in shown))
        return answer(_bundle(shown, reader_of(caller), str(request.base_url).rstrip("/")))

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


async def _people(
    candidates: CandidateStore, found: Sequence[Match], proven: Sequence[Person], *, limit: int
) -> list[tuple[Person, Match]]:
    """The people of the matches, best first, each once: sides of a merge are the person who answers for them."""
    loaded = await candidates.persons(m.candidate.id for m in found[: limit + SPARE])
    shown: dict[str, tuple[Person, Match]] = {}
    for one in found[: limit + SPARE]:
        person = loaded.get(one.candidate.id)
        if person is not None:
            shown.setdefault(person.id, (person, one))
    return list(shown.values())[:limit]


def _bundle(shown: Sequence[tuple[Person, Match]], reader: Reader, base: str) -> dict[str, Any]:
    entries = [
        {
            "fullUrl": f"{base}/fhir/Patient/{person.id}",
            "resource": patient_for(person, reader),
            "search": {
                "extension": [{"url": GRADE, "valueCode": m.grade}, _explanation(m), *map(_part, m.parts)],
                "mode": "match",
                "score": m.score,
            },
        }
        for person, m in shown
    ]
    return {"resourceType": "Bundle", "type": "searchset", "total": len(entries), "entry": entries}


def _explanation(found: Match) -> dict[str, Any]:
    """The whole explanation as one text, in English with its Bangla translation."""
    return {
        "url": EXPLANATION,
        "valueString": "; ".join(part.text for part in found.parts),
        "_valueString": _in_bangla("; ".join(part.text_bn for part in found.parts)),
    }


def _part(part: Part) -> dict[str, Any]:
    """One field's part, for programs and for a page that shows them line by line."""
    said: list[dict[str, Any]] = [
        {"url": "field", "valueCode": part.field},
        {"url": "agreement", "valueCode": part.level},
    ]
    if part.weight is not None:
        said.append({"url": "weight", "valueDecimal": part.weight})
    text = {"url": "text", "valueString": part.text, "_valueString": _in_bangla(part.text_bn)}
    return {"url": PART, "extension": [*said, text]}


def _in_bangla(text: str) -> dict[str, Any]:
    parts = [{"url": "lang", "valueCode": "bn"}, {"url": "content", "valueString": text}]
    return {"extension": [{"url": TRANSLATION, "extension": parts}]}
