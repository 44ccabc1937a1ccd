"""The FHIR read API: search, ``$everything``, read and history."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request, Response
from shr_common.errors import Category, Issue, ShrError
from shr_common.security import Caller, DirectRoute, allow

from shr_gateway.domain.asking import Asking
from shr_gateway.domain.search import Query, parse, refused
from shr_gateway.http.asking import asking_of, moved, shown
from shr_gateway.http.bundles import history, searchset
from shr_gateway.http.cursors import Cursors
from shr_gateway.http.resource_types import is_resource_type
from shr_gateway.use_cases.read_resource import ReadResource, Version, nothing_there
from shr_gateway.use_cases.search_records import SearchRecords

Reader = Annotated[Caller, allow("citizen", "practitioner")]
FORM = "application/x-www-form-urlencoded"
_ID = re.compile(r"[A-Za-z0-9.-]{1,64}", re.ASCII)
_VERSION = re.compile(r"\d{1,9}", re.ASCII)


class FhirReads:
    """What the routes share."""

    def __init__(
        self,
        search: SearchRecords,
        cursors: Cursors,
        *,
        page_size: int,
        page_size_limit: int,
        now: Callable[[], datetime],
    ) -> None:
        self._search = search
        self._cursors = cursors
        self._page_size = page_size
        self._page_size_limit = page_size_limit
        self._now = now

    def query(self, request: Request, type_: str | None, parameters: list[tuple[str, str]]) -> Query:
        """The query of a request; ``Prefer: handling=strict`` refuses what is not known."""
        strict = "handling=strict" in request.headers.get("prefer", "").replace(" ", "").lower()
        return parse(type_, parameters, page_size=self._page_size, page_size_limit=self._page_size_limit, strict=strict)

    async def type_level(
        self, request: Request, caller: Caller, type_: str, parameters: list[tuple[str, str]]
    ) -> Response:
        """Search one type."""
        asking = asking_of(request, caller)  # a missing purpose is said before anything else
        if not is_resource_type(type_):
            raise nothing_there()
        named = [(n, v) for n, v in parameters if n not in ("patient", "subject")]
        person = next((v for n, v in parameters if n == "_id"), None)
        if type_ == "Patient" and person is not None and len(named) == len(parameters):
            parameters = [("patient", person), *parameters]
        elif caller.role == "citizen" and len(named) == len(parameters) and caller.health_id:
            parameters = [("patient", caller.health_id), *parameters]
        query = self.query(request, type_, parameters)
        return await self.answer(request, asking, f"/fhir/{type_}", query, with_patient=type_ == "Patient")

    async def answer(
        self, request: Request, asking: Asking, path: str, query: Query, *, with_patient: bool
    ) -> Response:
        """One page as a Bundle."""
        cursor = self._cursors.open(query.cursor) if query.cursor else None
        page = await self._search(asking, query, cursor=cursor, at=self._now(), with_patient=with_patient)
        if page.moved_to is not None:
            return moved(request, old=str(query.patient), new=page.moved_to)
        return shown(searchset(request, path, query, page, self._cursors))


def router(reads: FhirReads, resource: ReadResource, *, now: Callable[[], datetime]) -> APIRouter:
    """Routes under ``/fhir``."""
    routes = APIRouter(prefix="/fhir", tags=["fhir"], route_class=DirectRoute)

    @routes.get("/Patient/{health_id}/$everything")
    async def everything(request: Request, health_id: str, caller: Reader) -> Response:
        """Everything of one person that is permitted, page by page."""
        asking = asking_of(request, caller)
        parameters = [(n, v) for n, v in request.query_params.multi_items() if n not in ("patient", "subject")]
        query = reads.query(request, None, [("patient", health_id), *parameters])
        path = f"/fhir/Patient/{health_id}/$everything"
        return await reads.answer(request, asking, path, query, with_patient=True)

    @routes.get("/Patient/{health_id}")
    async def patient(request: Request, health_id: str, caller: Reader) -> Response:
        """The person, as far as a permit reaches."""
        body, moved_to = await resource.patient(asking_of(request, caller), health_id, at=now())
        return moved(request, old=health_id, new=moved_to) if moved_to else shown(body)

    @routes.get("/{type_}")
    async def search(request: Request, type_: str, caller: Reader) -> Response:
        """Search: patient, _id, code, date, category, status, encounter, _lastUpdated, _count, _sort, _summary."""
        return await reads.type_level(request, caller, type_, request.query_params.multi_items())

    @routes.post("/{type_}/_search")
    async def search_by_post(request: Request, type_: str, caller: Reader) -> Response:
        """The same with the parameters in a form."""
        return await reads.type_level(request, caller, type_, await _form(request))

    @routes.get("/{type_}/{id}")
    async def read(request: Request, type_: str, id: str, caller: Reader) -> Response:
        """One resource at its newest state."""
        return _state(await resource(asking_of(request, caller), _reference(type_, id), at=now()))

    @routes.get("/{type_}/{id}/_history")
    async def states(request: Request, type_: str, id: str, caller: Reader) -> Response:
        """All its states that are permitted."""
        reference = _reference(type_, id)
        found = await resource.history(asking_of(request, caller), reference, at=now())
        return shown(history(request, reference, found))

    @routes.get("/{type_}/{id}/_history/{version}")
    async def state(request: Request, type_: str, id: str, version: str, caller: Reader) -> Response:
        """One state."""
        asking = asking_of(request, caller)
        if not _VERSION.fullmatch(version):
            raise nothing_there()
        return _state(await resource.version(asking, _reference(type_, id), int(version), at=now()))

    return routes


def _reference(type_: str, id: str) -> str:
    if not is_resource_type(type_) or not _ID.fullmatch(id):
        raise nothing_there()
    return f"{type_}/{id}"


def _state(version: Version) -> Response:
    return shown(version.body, etag=f'W/"{version.number}"')


async def _form(request: Request) -> list[tuple[str, str]]:
    body = await request.body()
    kind = request.headers.get("content-type", FORM).partition(";")[0].strip().lower()
    if body and kind != FORM:
        issue = Issue(f"A search is posted as {FORM}.", code="not-supported")
        raise ShrError(Category.INVALID, issue, detail="media-type")
    try:
        said = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=500, errors="strict")
    except ValueError:
        raise refused("The form cannot be read.", None) from None
    return [*request.query_params.multi_items(), *said]
