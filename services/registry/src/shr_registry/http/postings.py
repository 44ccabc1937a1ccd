"""``/postings``: who works where, told by the HR system."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request, Response
from shr_common.errors import forbidden
from shr_common.fhir.json import parse
from shr_common.security import Anyone, Caller, allow

from shr_registry.domain.reading import posting_of
from shr_registry.storage.resource_store import Found, ResourceStore
from shr_registry.use_cases.post_somebody import PostSomebody

HR = "hr"
Id = Annotated[str | None, Query(max_length=64)]


def router(store: ResourceStore, post: PostSomebody, *, now: Callable[[], datetime], page_size_limit: int) -> APIRouter:
    """The routes of postings."""
    routes = APIRouter(tags=["postings"])

    @routes.post("/postings", status_code=201)
    async def post_somebody(
        request: Request, caller: Annotated[Caller, allow("administrator", "source_system")]
    ) -> Response:
        """`{"practitioner", "facility", "role", "department", "start", "end", "active"}`: 201 new, 200 known."""
        if caller.role == "source_system" and caller.source != HR:
            raise forbidden("Postings are told by the HR system only.")
        result = await post(parse(await request.body()), at=now())
        found = await store.read("PractitionerRole", result.resources[0].partition("/")[2])
        assert found is not None  # noqa: S101 (stored above; nothing is ever deleted)
        status = 201 if result.state == "created" else 200
        headers = {"Location": f"/fhir/{found.reference}"}
        return Response(orjson.dumps(_shown(found)), status, headers=headers, media_type="application/json")

    @routes.get("/postings")
    async def postings(
        caller: Anyone,
        practitioner: Id = None,
        facility: Id = None,
        offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    ) -> dict[str, Any]:
        """`{"postings": [{id, practitioner, facility, role, department, start, end, active, version}], "next"}`."""
        asked = {"practitioner": practitioner, "organization": facility}
        condition = {field: wanted for field, wanted in asked.items() if wanted is not None}
        page = await store.search("PractitionerRole", condition, offset=offset, count=page_size_limit)
        further = offset + len(page.found)
        return {
            "postings": [_shown(found) for found in page.found],
            "total": page.total,
            "next": further if further < page.total else None,
        }

    return routes


def _shown(found: Found) -> dict[str, Any]:
    return posting_of(json.loads(found.body))
