"""``GET /profile/{health_id}`` and ``POST /profile/{health_id}/acknowledgements``."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Annotated

import orjson
from fastapi import APIRouter, Request, Response
from shr_common.errors import invalid
from shr_common.fhir.json import parse
from shr_common.security import Caller, DirectRoute, allow
from shr_contracts.cloudevents import rfc3339

from shr_gateway.http.asking import asking_of, moved, shown
from shr_gateway.use_cases.acknowledge_result import AcknowledgeResult
from shr_gateway.use_cases.read_profile import ReadProfile

JSON = "application/json"
_REFERENCE = re.compile(r"[A-Z][A-Za-z]{1,63}/[A-Za-z0-9.-]{1,64}", re.ASCII)


def router(read: ReadProfile, acknowledge: AcknowledgeResult, *, now: Callable[[], datetime]) -> APIRouter:
    """Routes of the composed profile."""
    routes = APIRouter(tags=["profile"], route_class=DirectRoute)

    @routes.get("/profile/{health_id}")
    async def profile(
        request: Request, health_id: str, caller: Annotated[Caller, allow("citizen", "practitioner")]
    ) -> Response:
        """Everything that matters about one person on one page, under her consent. ``?before=`` goes on in time."""
        before = request.query_params.get("before") if request.scope["query_string"] else None
        found = await read(asking_of(request, caller), health_id, before=before, at=now())
        if found.moved_to is not None:
            return moved(request, old=health_id, new=found.moved_to)
        return shown(found.body, media_type=JSON)

    @routes.post("/profile/{health_id}/acknowledgements", status_code=201)
    async def acknowledgements(
        request: Request, health_id: str, caller: Annotated[Caller, allow("practitioner")]
    ) -> Response:
        """``{"reference"}``: this practitioner has seen this result."""
        asking = asking_of(request, caller)
        reference = parse(await request.body()).get("reference")
        if not isinstance(reference, str) or not _REFERENCE.fullmatch(reference):
            raise invalid("reference is that of a resource, such as Observation/….", expression="reference")
        at = now()
        said = await acknowledge(asking, health_id, reference, at=at)
        return Response(orjson.dumps({**said, "at": rfc3339(at)}), status_code=201, media_type=JSON)

    return routes
