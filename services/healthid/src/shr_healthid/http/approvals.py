"""Changes that wait for a second person: what they change, who asked, and the decision."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from shr_common.errors import invalid, not_found
from shr_common.fhir.times import DHAKA
from shr_common.identifiers import is_person_id
from shr_common.security import Caller, DirectRoute, allow
from shr_common.telemetry import traceparent
from shr_contracts.cloudevents import rfc3339

from shr_healthid.domain import exact_json
from shr_healthid.domain.cases import APPROVE, APPROVED, PENDING, REJECT, REJECTED, Approval
from shr_healthid.http.bodies import json_body
from shr_healthid.http.callers import source_of
from shr_healthid.http.deciding import cursor, decision_of, page_size, place_of
from shr_healthid.http.patients import Desk
from shr_healthid.http.reviews import decision_json
from shr_healthid.storage.approvals import ApprovalStore, Asked
from shr_healthid.use_cases.decide_approval import DecideApproval

Approving = Annotated[Caller, allow("registrar", "reviewer")]
Seeing = Annotated[Caller, allow("registrar", "reviewer", "source_system", "facility")]
STATUSES = {PENDING: PENDING, APPROVED: APPROVED, REJECTED: REJECTED, "all": None}


def router(
    desk: Desk, approvals: ApprovalStore, decide: DecideApproval, *, page_usual: int, page_size_limit: int
) -> APIRouter:  # fmt: skip
    """What waits for a second person, and her decisions."""
    routes = APIRouter(tags=["approvals"], route_class=DirectRoute)

    @routes.get("/approvals")
    async def waiting(request: Request, caller: Approving) -> Response:
        """Pending changes, the oldest first. ``?status=pending|approved|rejected|all&person=&count=``."""
        limit = page_size(request, usual=page_usual, most=page_size_limit)
        place = place_of(request, datetime, str)
        found = await approvals.page(await _asked(request, desk), after=(place[0], place[1]) if place else None,
                                     limit=limit)  # fmt: skip
        shown = sorted({one.person for one in found})
        await asyncio.gather(*(desk.note(id_, caller, request, ("Approval", 1)) for id_ in shown))
        last = found[-1] if len(found) == limit else None
        next_ = cursor(last.asked_at.isoformat(), last.id) if last else None
        return _json({"entries": [approval_json(one) for one in found], "next": next_})

    @routes.get("/approvals/{id}")
    async def one(id: str, request: Request, caller: Seeing) -> Response:
        """One change and what became of it; who asked for it may see it too."""
        approval = await approvals.by_id(id)
        asked_it = approval is not None and approval.source == source_of(caller)
        if approval is None or (caller.role in ("source_system", "facility") and not asked_it):
            raise not_found("There is no such change, or you may not see it.")
        await desk.note(approval.person, caller, request, ("Approval", 1))
        return _json(approval_json(approval))

    @routes.post("/approvals/{id}/decision")
    async def decision(id: str, request: Request, caller: Approving) -> Response:
        """``{"decision": "approve|reject", "reason"}``: 200 the change as decided; 409 decided already, 403 own."""
        said = (await json_body(request, desk.limits)).tree
        at = desk.now()
        made = decision_of(said, caller, at, verdicts=(APPROVE, REJECT), reasoned=REJECT)
        approval = await approvals.by_id(id)
        if approval is None:
            raise not_found("There is no such change.")
        await desk.note(approval.person, caller, request, ("ApprovalDecision", 1))
        today = at.astimezone(DHAKA).date()
        decided, person = await decide(approval, made, today=today, traceparent=traceparent())
        return _json({**approval_json(decided), "version_now": person.version})

    return routes


async def _asked(request: Request, desk: Desk) -> Asked:
    status, person = request.query_params.get("status", PENDING), request.query_params.get("person")
    if status not in STATUSES:
        raise invalid("status is pending, approved, rejected or all.", expression="status", code="value",
                      text_bn="status হবে pending, approved, rejected বা all।")  # fmt: skip
    if person is not None and not is_person_id(person):
        raise invalid("person is a Health ID.", expression="person", code="value", text_bn="person একটি হেলথ আইডি।")
    known = await desk.persons.by_id(person) if person else None
    return Asked(STATUSES[status], known.id if known else person)


def approval_json(one: Approval) -> dict[str, Any]:
    """A change as it is answered: each element before and after."""
    return {
        "id": one.id,
        "person": one.person,
        "version": one.version,
        "status": one.status,
        "changes": [{"field": f, "before": one.before.get(f), "after": one.after.get(f)} for f in one.fields],
        "asked_by": one.asked_by.id,
        "role": one.asked_by.role,
        "source": one.source,
        "at": rfc3339(one.asked_at),
        "reason": one.reason,
        "decision": decision_json(one.decision),
    }


def _json(value: Mapping[str, Any]) -> Response:
    return Response(exact_json.dumps(value), media_type="application/json")
