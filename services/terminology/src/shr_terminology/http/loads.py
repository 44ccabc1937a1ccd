"""``POST /loads``: FHIR artefacts into the store."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Literal

import orjson
from fastapi import APIRouter, Query, Request, Response
from shr_common.fhir.json import JsonLimits, parse
from shr_common.security import Caller, allow

from shr_terminology.use_cases.load_artefacts import LoadArtefacts


def router(load: LoadArtefacts, *, limits: JsonLimits, now: Callable[[], datetime]) -> APIRouter:
    """The route of ``shr terminology load``."""
    routes = APIRouter(tags=["loads"])

    @routes.post("/loads", openapi_extra={"requestBody": {"content": {"application/json": {"schema": {}}}}})
    async def load_artefacts(
        request: Request,
        caller: Annotated[Caller, allow("administrator")],
        format: Annotated[Literal["fhir"], Query(description="Format of the file.")] = "fhir",
    ) -> Response:
        """A CodeSystem, ValueSet or ConceptMap, or a Bundle of them → `{"artefacts": [{kind, url, …, state}]}`."""
        loaded = await load(parse(await request.body(), limits=limits), at=now())
        shown = [
            {
                "kind": one.artefact.kind,
                "url": one.artefact.url,
                "version": one.artefact.version,
                "id": one.artefact.id,
                "state": one.state,
            }
            for one in loaded
        ]
        return Response(orjson.dumps({"artefacts": shown}), media_type="application/json")

    return routes
