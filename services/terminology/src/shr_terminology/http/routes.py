"""The operations' routes: GET with a query or POST with Parameters; any valid token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import orjson
from fastapi import APIRouter, Request, Response
from shr_common.fhir.json import JsonLimits
from shr_common.outcomes import FHIR_JSON
from shr_common.security import Anyone

from shr_terminology.domain.index import Terminology
from shr_terminology.http.asking import from_body, from_query
from shr_terminology.http.operations import Operation


class Holder(Protocol):
    """Whoever has the current index."""

    index: Terminology


class ReadyAnswers:
    """Answers to GET requests, kept until the index changes; when full, all are dropped."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._index: Terminology | None = None
        self._bodies: dict[tuple[str, bytes], bytes] = {}

    def get(self, index: Terminology, key: tuple[str, bytes]) -> bytes | None:
        """The answer that this index gave."""
        if index is not self._index:
            self._index, self._bodies = index, {}
        return self._bodies.get(key)

    def keep(self, key: tuple[str, bytes], body: bytes) -> None:
        """Remember an answer of moderate size."""
        if len(body) <= 64 * 1024:
            if len(self._bodies) >= self._limit:
                self._bodies.clear()
            self._bodies[key] = body


def router(
    holder: Holder, operations: Mapping[str, Operation], *, instances: frozenset[str], limits: JsonLimits, answers: int
) -> APIRouter:
    """Routes of operations by their path (``CodeSystem/$lookup``); ``instances`` also at ``/{type}/{id}/$…``."""
    routes = APIRouter(prefix="/fhir", tags=["operations"])
    ready = ReadyAnswers(answers)
    for path, operation in operations.items():
        _add(routes, holder, ready, limits, f"/{path}", operation)
        if path in instances:
            kind, _, name = path.partition("/")
            _add(routes, holder, ready, limits, f"/{kind}/{{id}}/{name}", operation)
    return routes


def _add(
    routes: APIRouter, holder: Holder, ready: ReadyAnswers, limits: JsonLimits, path: str, operation: Operation
) -> None:
    kind = path.split("/")[1]

    def canonical(index: Terminology, request: Request) -> str | None:
        id = request.path_params.get("id")  # noqa: A001 (FHIR's own word)
        return None if id is None else index.canonical_of(kind, id)

    async def by_get(request: Request, caller: Anyone) -> Response:
        index = holder.index
        key = (request.scope["path"], request.scope["query_string"])
        body = ready.get(index, key)
        if body is None:
            body = orjson.dumps(operation(index, from_query(request), canonical(index, request)))
            ready.keep(key, body)
        return Response(body, media_type=FHIR_JSON)

    async def by_post(request: Request, caller: Anyone) -> Response:
        asked = await from_body(request, limits)
        index = holder.index
        return Response(orjson.dumps(operation(index, asked, canonical(index, request))), media_type=FHIR_JSON)

    summary = operation.__doc__ or path
    extra = {"requestBody": {"content": {FHIR_JSON: {"schema": {"type": "object"}}}}}
    routes.add_api_route(path, by_get, methods=["GET"], summary=summary, name=f"GET {path}")
    routes.add_api_route(path, by_post, methods=["POST"], summary=summary, name=f"POST {path}", openapi_extra=extra)
