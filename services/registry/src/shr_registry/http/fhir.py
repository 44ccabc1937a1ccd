"""IHE mCSD reads: read, search (GET and POST), history. Any valid token."""

from __future__ import annotations

from typing import Literal
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request, Response
from shr_common.errors import Category, ShrError, not_found
from shr_common.fhir.times import instant_of
from shr_common.outcomes import FHIR_JSON
from shr_common.security import Anyone

from shr_registry.http.including import included
from shr_registry.http.paging import Pairs, bad_parameter, bundle, window
from shr_registry.http.search_terms import condition_of
from shr_registry.storage.resource_store import Found, ResourceStore

Type = Literal["Organization", "Location", "Practitioner", "PractitionerRole", "HealthcareService"]
FORM = "application/x-www-form-urlencoded"


def router(store: ResourceStore, *, page_size: int, page_size_limit: int) -> APIRouter:
    """The routes under ``/fhir``."""
    routes = APIRouter(prefix="/fhir", tags=["mCSD"])

    async def search(request: Request, type: Type, pairs: Pairs) -> Response:
        offset, count = window(pairs, page_size=page_size, page_size_limit=page_size_limit)
        page = await store.search(type, condition_of(type, pairs), offset=offset, count=count)
        more = await included(store, type, pairs, page.found)
        return bundle(request, "searchset", page, pairs=pairs, offset=offset, count=count, included=more)

    async def history(request: Request, type: Type, id: str | None) -> Response:
        pairs = request.query_params.multi_items()
        offset, count = window(pairs, page_size=page_size, page_size_limit=page_size_limit)
        said = request.query_params.get("_since")
        since = instant_of(said) if said else None
        if said and since is None:
            raise bad_parameter("_since", "must be an instant")
        page = await store.history(type, id, since=since, offset=offset, count=count)
        if id is not None and page.total == 0 and not said:
            raise not_found(f"There is no {type} of this id.")
        return bundle(request, "history", page, pairs=pairs, offset=offset, count=count)

    @routes.get("/{type}")
    async def search_by_get(request: Request, type: Type, caller: Anyone) -> Response:
        """Search by name, identifier, active, practitioner, organization, …; `_count` and `next` links page."""
        return await search(request, type, request.query_params.multi_items())

    @routes.post("/{type}/_search")
    async def search_by_post(request: Request, type: Type, caller: Anyone) -> Response:
        """The same search with its parameters in a form."""
        if request.headers.get("content-type", FORM).partition(";")[0].strip() != FORM:
            raise ShrError(Category.INVALID, f"_search takes {FORM}.", detail="media-type")
        try:
            form = parse_qsl((await request.body()).decode("utf-8"), keep_blank_values=True, errors="strict")
        except ValueError:
            raise bad_parameter("body", "is no form in UTF-8") from None
        return await search(request, type, [*request.query_params.multi_items(), *form])

    @routes.get("/{type}/_history")
    async def history_of_type(request: Request, type: Type, caller: Anyone) -> Response:
        """What changed, newest first; `_since` an instant (mCSD ITI-91)."""
        return await history(request, type, None)

    @routes.get("/{type}/{id}")
    async def read(type: Type, id: str, caller: Anyone) -> Response:
        """One resource as it stands."""
        return _rendered(type, await store.read(type, id))

    @routes.get("/{type}/{id}/_history")
    async def history_of_one(request: Request, type: Type, id: str, caller: Anyone) -> Response:
        """All versions of one resource, newest first."""
        return await history(request, type, id)

    @routes.get("/{type}/{id}/_history/{version}")
    async def read_version(type: Type, id: str, version: str, caller: Anyone) -> Response:
        """One version of one resource."""
        known = version.isascii() and version.isdigit() and len(version) < 10
        return _rendered(type, await store.read(type, id, int(version)) if known else None)

    return routes


def _rendered(type: str, found: Found | None) -> Response:
    if found is None:
        raise not_found(f"There is no such {type}.")
    return Response(found.body, media_type=FHIR_JSON, headers={"ETag": f'W/"{found.version}"'})
