"""``/``: the promise and the counters; her record for a citizen who is signed in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request, Response
from shr_common.security import Caller
from starlette.responses import RedirectResponse

from shr_gateway.http.pages.page import pages_route
from shr_gateway.pages import words
from shr_gateway.pages.render import Pages, language_of
from shr_gateway.storage.portal import PortalReads

HOMES = {
    "practitioner": "/clinic",
    "administrator": "/admin",
    "registrar": "/registry",
    "reviewer": "/registry/reviews",
}
Home = Callable[[Request, Caller], Awaitable[Response]]


def counters(found: dict[str, Any], *, lang: str, at: datetime) -> dict[str, Any]:
    """Health IDs by source, largest first, as the page shows them."""
    named = [
        (words.SOURCES.get(system, (system, system))[0 if lang == "bn" else 1], count)
        for system, count in sorted(found["by_source"].items(), key=lambda one: -one[1])
    ]
    return {
        "total": found["total"],
        "by_source": named,
        "most": max(found["by_source"].values(), default=0),
        "at": at,
    }


def router(pages: Pages, reads: PortalReads, home: Home, *, now: Callable[[], datetime]) -> APIRouter:
    """The first page."""
    routes = APIRouter(tags=["pages"], route_class=pages_route(pages), default_response_class=Response)

    @routes.get("/")
    async def start(request: Request) -> Response:
        """Landing page, or one's own."""
        caller: Caller | None = request.scope.get("caller")
        if caller is not None and caller.role == "citizen":
            return await home(request, caller)
        if caller is not None and caller.role in HOMES:
            return RedirectResponse(HOMES[caller.role], status_code=303)
        found = await reads.counters()
        shown = counters(found, lang=language_of(request), at=now())
        return pages.show(request, "landing.html", counters=shown)

    return routes
