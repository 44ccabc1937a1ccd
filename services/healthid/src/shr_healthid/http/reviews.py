"""The review queue: what may be one person twice, and what contradicts what the registry knows."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from itertools import combinations
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from shr_common.errors import invalid, not_found
from shr_common.security import Caller, DirectRoute, allow
from shr_contracts.cloudevents import rfc3339

from shr_healthid.domain import exact_json
from shr_healthid.domain.cases import DECIDED, DIFFERENT, OPEN, SAME, Case, Decision
from shr_healthid.domain.demographics import differences
from shr_healthid.domain.person import Person
from shr_healthid.domain.served import patient_for
from shr_healthid.http.bodies import json_body
from shr_healthid.http.callers import reader_of
from shr_healthid.http.deciding import actor_of, cursor, decision_of, intake_of, page_size, place_of
from shr_healthid.http.patients import Desk
from shr_healthid.storage.reviews import Asked, Marker, ReviewStore
from shr_healthid.use_cases.decide_case import DecideCase

Reviewing = Annotated[Caller, allow("registrar", "reviewer")]
STATUSES = {OPEN: OPEN, DECIDED: DECIDED, "all": None}
ASSIGNEE_CHARACTERS_LIMIT = 200


def router(
    desk: Desk, reviews: ReviewStore, decide: DecideCase, *, page_usual: int, page_size_limit: int
) -> APIRouter:  # fmt: skip
    """What waits for a reviewer, and his decisions."""
    routes = APIRouter(tags=["reviews"], route_class=DirectRoute)

    @routes.get("/duplicates")
    async def duplicates(request: Request, caller: Reviewing) -> Response:
        """Open cases, what looks certain on top. ``?status=open|decided|all&kind=&assigned=me|nobody|{id}&count=``."""
        limit = page_size(request, usual=page_usual, most=page_size_limit)
        place = place_of(request, float, datetime, str)
        found = await reviews.page(_asked(request, caller), after=Marker(*place) if place else None, limit=limit)
        shown = {id_ for case in found for id_ in case.persons}
        await asyncio.gather(*(desk.note(id_, caller, request, ("DuplicateCase", 1)) for id_ in sorted(shown)))
        last = found[-1] if len(found) == limit else None
        next_ = cursor(last.certainty, last.at.isoformat(), last.id) if last else None
        return _json({"entries": [case_json(case) for case in found], "next": next_})

    @routes.get("/duplicates/{id}")
    async def duplicate(id: str, request: Request, caller: Reviewing) -> Response:
        """One case with both people side by side, and what tells them apart."""
        case = await _case(reviews, id)
        persons = [p for id_ in case.persons if (p := await desk.persons.by_id(id_)) is not None]
        await asyncio.gather(*(desk.looked(person, caller, request) for person in persons))
        people = [patient_for(person, reader_of(caller)) for person in persons]
        return _json({**case_json(case), "people": people, "differences": _differing(persons)})

    @routes.post("/duplicates/{id}/assign")
    async def take(id: str, request: Request, caller: Reviewing) -> Response:
        """``{"to"?, "take_over"?}``: 200 the case, taken by the caller (or ``to``); 409 while somebody else has it."""
        said = (await json_body(request, desk.limits)).tree
        to, take_over = said.get("to", caller.id), said.get("take_over", False)
        if not isinstance(to, str) or not 0 < len(to) <= ASSIGNEE_CHARACTERS_LIMIT:
            raise invalid("to is the id of a reviewer.", expression="to", code="value",
                          text_bn="to একজন পর্যালোচকের আইডি।")  # fmt: skip
        if not isinstance(take_over, bool):
            raise invalid("take_over is true or false.", expression="take_over", code="value",
                          text_bn="take_over হবে true বা false।")  # fmt: skip
        case = await decide.assign(id, actor_of(caller), to=to, take_over=take_over)
        seen = ("DuplicateCase", 1)
        await asyncio.gather(*(desk.note(id_, caller, request, seen) for id_ in sorted(set(case.persons))))
        return _json(case_json(case))

    @routes.post("/duplicates/{id}/decision")
    async def decision(id: str, request: Request, caller: Reviewing) -> Response:
        """``{"decision": "same|different", "survivor", "reason"}``: 200 the case; 409 when it was decided already."""
        said = (await json_body(request, desk.limits)).tree
        at = desk.now()
        made = decision_of(said, caller, at, verdicts=(SAME, DIFFERENT), reasoned=DIFFERENT)
        case = await _case(reviews, id)
        what = ("DuplicateDecision", 1)
        await asyncio.gather(*(desk.note(id_, caller, request, what) for id_ in sorted(set(case.persons))))
        return _json(case_json(await decide(case, made, intake_of(caller, at))))

    return routes


async def _case(reviews: ReviewStore, id_: str) -> Case:
    case = await reviews.by_id(id_)
    if case is None:
        raise not_found("There is no such case.")
    return case


def _asked(request: Request, caller: Caller) -> Asked:
    said = request.query_params
    status = said.get("status", OPEN)
    if status not in STATUSES:
        raise invalid("status is open, decided or all.", expression="status", code="value",
                      text_bn="status হবে open, decided বা all।")  # fmt: skip
    assigned = said.get("assigned")
    named = {"me": caller.id, "nobody": ""}.get(assigned, assigned) if assigned else None
    return Asked(STATUSES[status], said.get("kind") or None, named)


def case_json(case: Case) -> dict[str, Any]:
    """A case as it is answered."""
    return {
        "id": case.id,
        "kind": case.kind,
        "persons": list(case.persons),
        "source": case.source,
        "at": rfc3339(case.at),
        "status": case.status,
        "certainty": case.certainty,
        "assigned": case.assigned,
        "decision": decision_json(case.decision),
        "about": case.about,
    }


def decision_json(decision: Decision | None) -> dict[str, Any] | None:
    """A decision as it is answered."""
    if decision is None:
        return None
    return {
        "decision": decision.verdict,
        "survivor": decision.survivor,
        "reason": decision.reason,
        "by": decision.by.id,
        "role": decision.by.role,
        "at": rfc3339(decision.at),
    }


def _differing(persons: list[Person]) -> list[str]:
    pairs = combinations(persons, 2)
    return sorted({found for a, b in pairs for found in differences(a.demographics, b.demographics)})


def _json(value: Mapping[str, Any]) -> Response:
    return Response(exact_json.dumps(value), media_type="application/json")
