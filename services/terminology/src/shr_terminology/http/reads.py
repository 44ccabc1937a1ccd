"""Reads and searches of CodeSystem, ValueSet and ConceptMap."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal
from urllib.parse import urlencode

import orjson
from fastapi import APIRouter, Request, Response
from shr_common.errors import not_found
from shr_common.outcomes import FHIR_JSON
from shr_common.security import Anyone

from shr_terminology.http.asking import Asked, from_query, refused
from shr_terminology.storage.artefact_store import ArtefactStore, Stored, beginning_with

Type = Literal["CodeSystem", "ValueSet", "ConceptMap"]
WHOLE_BYTES = 64 * 1024
CONTENT = frozenset({"concept", "compose", "expansion", "group", "text"})
SUBSETTED = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}
_SHOWING = frozenset({"_count", "_offset", "_format", "_pretty", "_summary", "_total"})
SEARCH: dict[str, Callable[[str], dict[str, Any]]] = {
    "_id": lambda said: {"rid": {"$in": said.split(",")[:100]}},
    "url": lambda said: {"url": said},
    "version": lambda said: {"version": said},
    "status": lambda said: {"status": {"$in": said.split(",")[:10]}},
    "name": beginning_with,
    "title": beginning_with,
}


def router(store: ArtefactStore, *, page_size: int, page_size_limit: int) -> APIRouter:
    """The routes; any valid token."""
    routes = APIRouter(prefix="/fhir", tags=["artefacts"])

    @routes.get("/{type}")
    async def search(request: Request, type: Type, caller: Anyone) -> Response:
        """By url, version, name, title, status, _id. A resource above 64 KB is shown without its codes."""
        asked = from_query(request)
        condition = _condition(request, asked)
        offset = asked.number("_offset") or 0
        said = asked.number("_count")
        count = page_size if said is None else min(said, page_size_limit)
        total, found = await store.search(type, condition, offset=offset, count=count)
        more = offset + len(found) < total and count > 0
        body = {
            "resourceType": "Bundle",
            "type": "searchset",
            "total": total,
            "link": _links(request, offset=offset, count=count, more=more),
        }
        entries = [_entry(request, one) for one in found]
        return Response(orjson.dumps(body | ({"entry": entries} if entries else {})), media_type=FHIR_JSON)

    @routes.get("/{type}/{id}")
    async def read(type: Type, id: str, caller: Anyone) -> Response:
        """One artefact whole."""
        found = await store.read(type, id)
        if found is None:
            raise not_found(f"There is no such {type}.")
        return Response(found.body, media_type=FHIR_JSON, headers={"ETag": f'W/"{found.revision}"'})

    return routes


def _condition(request: Request, asked: Asked) -> dict[str, Any]:
    conditions = []
    for name in request.query_params:
        if name in _SHOWING:
            continue
        if name not in SEARCH:
            raise refused(f"{name} is no search parameter here; there are {', '.join(SEARCH)}.", name)
        said = asked.text(name)
        if said is not None:
            conditions.append(SEARCH[name](said))
    return {"$and": conditions} if conditions else {}


def _links(request: Request, *, offset: int, count: int, more: bool) -> list[dict[str, str]]:
    kept = [pair for pair in request.query_params.multi_items() if pair[0] not in ("_offset", "_count")]
    here = f"{request.base_url}{request.url.path.lstrip('/')}"

    def link(relation: str, at: int) -> dict[str, str]:
        return {"relation": relation, "url": f"{here}?{urlencode([*kept, ('_count', count), ('_offset', at)])}"}

    return [link("self", offset), *([link("next", offset + count)] if more else [])]


def _entry(request: Request, found: Stored) -> dict[str, Any]:
    address = f"{request.base_url}fhir/{found.kind}/{found.id}"
    if len(found.body) <= WHOLE_BYTES:
        shown: Any = orjson.Fragment(found.body)
    else:
        whole = orjson.loads(found.body)
        shown = {name: value for name, value in whole.items() if name not in CONTENT}
        shown["meta"] = {**whole.get("meta", {}), "tag": [*whole.get("meta", {}).get("tag", ()), SUBSETTED]}
    return {"fullUrl": address, "resource": shown, "search": {"mode": "match"}}
