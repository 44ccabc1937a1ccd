"""The review queue."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from shr_common.security import Caller, allow
from shr_contracts.cloudevents import rfc3339

from shr_healthid.storage.reviews import ReviewStore

Reviewing = Annotated[Caller, allow("registrar", "reviewer")]


def router(reviews: ReviewStore, *, page_size_limit: int) -> APIRouter:
    """What waits for a reviewer."""
    routes = APIRouter(tags=["reviews"])

    @routes.get("/duplicates")
    async def duplicates(caller: Reviewing) -> JSONResponse:
        """Open reviews, oldest first: conflicts, mismatches, shared numbers and local ids, with both sides."""
        found = await reviews.open_ones(limit=page_size_limit)
        return JSONResponse({"entries": [{**review, "at": rfc3339(review["at"])} for review in found]})

    return routes
