"""What anyone may ask: counters, the capability statement, and in development the inbox."""

from __future__ import annotations

import html
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from shr_common.errors import invalid
from shr_common.identifiers import is_person_id
from shr_common.outcomes import FHIR_JSON
from shr_contracts.cloudevents import rfc3339

from shr_healthid.domain import exact_json
from shr_healthid.http.capabilities import capability_statement
from shr_healthid.storage.counters import CounterStore
from shr_healthid.storage.messages import MessageStore
from shr_healthid.storage.persons import PersonStore


def router(counters: CounterStore, *, now: Callable[[], datetime]) -> APIRouter:
    """Public routes."""
    routes = APIRouter(tags=["public"])

    @routes.get("/counters")
    async def count(by: Annotated[Literal["day", "district"] | None, Query()] = None) -> JSONResponse:
        """Health IDs issued, by first source; ``?by=day|district`` also by those."""
        return JSONResponse(await (counters.totals() if by is None else counters.totals_by(by)))

    @routes.get("/fhir/metadata")
    async def metadata(request: Request) -> Response:
        """What this server can do."""
        statement = capability_statement(base=str(request.base_url).rstrip("/"), date=rfc3339(now()))
        return Response(exact_json.dumps(statement), media_type=FHIR_JSON)

    return routes


def inbox_router(messages: MessageStore, persons: PersonStore, *, limit: int) -> APIRouter:
    """The development inbox; not mounted elsewhere."""
    routes = APIRouter(tags=["development"])

    @routes.get("/dev/inbox")
    async def inbox(health_id: str, request: Request) -> Response:
        """Messages to a citizen, newest last; as a page for a browser."""
        if not is_person_id(health_id):
            raise invalid("Give a Health ID.", expression="health_id", code="value", text_bn="হেলথ আইডি দিন।")
        person = await persons.by_id(health_id)
        ids = [health_id] if person is None else [person.id, *person.replaces]
        found = await messages.of(ids, limit=limit)
        listed = [{**message, "at": rfc3339(message["at"])} for message in found]
        if "text/html" in request.headers.get("accept", ""):
            return HTMLResponse(_page(listed))
        return JSONResponse({"messages": listed})

    return routes


def _page(messages: list[dict[str, Any]]) -> str:
    rows = "".join(
        f"<li><time>{html.escape(m['at'])}</time> <b>{html.escape(m['channel'])}</b>"
        f"<p>{html.escape(m['text'])}</p></li>"
        for m in messages
    )
    return (
        '<!doctype html><html lang="bn"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        "<title>Inbox</title><style>body{font:1rem/1.5 system-ui;margin:1rem;max-width:40rem}li{margin:1rem 0}</style>"
        f"<main><h1>বার্তা · Messages</h1><ol>{rows or '<li>কোনো বার্তা নেই · No messages</li>'}</ol></main></html>"
    )
