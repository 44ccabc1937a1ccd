"""``POST /break-glass``: handed on to consent; answered here while consent is unreachable or its state stale."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated

import orjson
from fastapi import APIRouter, Request, Response
from shr_common.errors import ShrError
from shr_common.fhir.json import parse
from shr_common.security import Caller, allow
from shr_contracts.cloudevents import rfc3339

from shr_gateway.http.asking import asking_for
from shr_gateway.http.hand_on import HandOn
from shr_gateway.use_cases.declare_emergency import DeclareEmergency, declaration_of

ConsentIsFresh = Callable[[], Awaitable[bool]]


def router(
    declare: DeclareEmergency, hand_on: HandOn, *, consent_is_fresh: ConsentIsFresh, now: Callable[[], datetime]
) -> APIRouter:
    """The route of an emergency."""
    routes = APIRouter(tags=["emergency"])

    @routes.post("/break-glass", status_code=201)
    async def break_glass(request: Request, caller: Annotated[Caller, allow("practitioner")]) -> Response:
        """``{"patient", "reason", "kind", "hours"}`` → ``{"id", "expires_at"}``; then read with X-Purpose: BTG."""
        body = await request.body()
        said = declaration_of(parse(body))
        if await consent_is_fresh():
            try:
                answer = await hand_on("consent", "POST", "/break-glass", caller=caller, body=body)
                return Response(answer.body, status_code=answer.status, media_type=answer.media_type)
            except ShrError as error:
                if not error.temporary:
                    raise
        declared = await declare(asking_for(caller, "BTG"), said, at=now())
        told = {"id": declared["id"], "expires_at": rfc3339(declared["expires_at"])}
        return Response(orjson.dumps(told), status_code=201, media_type="application/json")

    return routes
