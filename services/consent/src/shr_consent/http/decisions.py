"""``POST /decisions``: may this actor see anything of this person's record?"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from shr_common.audit import AuditTrail
from shr_common.errors import forbidden
from shr_common.security import Anyone, Caller

from shr_consent.http import shapes
from shr_consent.http.caller import party_of
from shr_consent.http.request import body_of
from shr_consent.use_cases.decide_access import DecideAccess, Question, is_about, may_ask, question_of


def router(decide: DecideAccess, audit: AuditTrail, now: Callable[[], datetime]) -> APIRouter:
    """The one route."""
    routes = APIRouter(tags=["decisions"])

    async def note(asked: Question, caller: Caller, decision: str, count: int, at: datetime) -> None:
        await audit.record(
            patient=asked.patient,
            caller=caller,
            purpose=asked.purpose,
            decision=decision,
            what=[("Consent", count)],
            at=at,
        )

    @routes.post("/decisions")
    async def decision(request: Request, caller: Anyone) -> dict[str, Any]:
        """Permit means: something may be shown. About somebody else: administrators only, and audited."""
        by, at = party_of(caller), now()
        asked = question_of(await body_of(request), caller=by)
        if not may_ask(by, asked):
            await note(asked, caller, "deny", 0, at)
            raise forbidden("You may ask what you yourself may see, with the role, id and facility of your token.")
        decided = await decide(asked, now=at)
        if not is_about(by, asked.actor):
            await note(asked, caller, "permit", len(decided.filters), at)
        return shapes.decision(decided)

    return routes
