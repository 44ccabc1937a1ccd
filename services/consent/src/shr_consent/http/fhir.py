"""``/fhir/Consent``: what was asked and granted, as FHIR R4."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request, Response
from shr_common.errors import invalid, not_found
from shr_common.outcomes import FHIR_JSON
from shr_common.security import Caller, allow

from shr_consent.domain.fhir_consent import STATUS, fhir
from shr_consent.domain.statement import Statement
from shr_consent.http.listing import Listing
from shr_consent.http.request import page_size
from shr_consent.storage.statements import in_status

Party = Annotated[Caller, allow("citizen", "practitioner", "facility")]


def router(listing: Listing, now: Callable[[], datetime]) -> APIRouter:
    """Search, read, and the capability statement."""
    routes = APIRouter(tags=["FHIR"])

    @routes.get("/fhir/Consent")
    async def search(
        request: Request,
        caller: Party,
        patient: str | None = None,
        status: str | None = None,
        after: str | None = None,
        count: Annotated[int | None, Query(alias="_count")] = None,
    ) -> Response:
        """A searchset of one person's consents."""
        if patient is None and caller.role != "citizen":
            raise invalid("Search with patient=.", expression="patient")
        at = now()
        size, query = page_size(request, count, name="_count", least=0), _with_status(status, at)
        total = await listing.count(caller, patient=patient, query=query, now=at)
        found: list[Statement] = []
        more: str | None = None
        if size:
            found, more = await listing.page(
                request, caller, patient=patient, query=query, after=after, limit=size, now=at
            )
        base = str(request.base_url).rstrip("/")
        links = [{"relation": "self", "url": str(request.url)}]
        if more is not None:
            links.append({"relation": "next", "url": more})
        entries = [
            {
                "fullUrl": f"{base}/fhir/Consent/{one.id}",
                "resource": fhir(one),
                "search": {"mode": "match"},
            }
            for one in found
        ]
        bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset", "total": total, "link": links}
        return _fhir({**bundle, "entry": entries} if entries else bundle)

    @routes.get("/fhir/Consent/{id}")
    async def read(id: str, caller: Party) -> Response:
        """One consent; somebody else's answers like one that does not exist."""
        found = await listing.one(caller, id, now())
        if found is None:
            raise not_found("There is no such Consent.")
        return _fhir(fhir(found), {"ETag": f'W/"{found.version}"'})

    @routes.get("/fhir/metadata")
    async def metadata() -> Response:
        """What this address can do."""
        return _fhir(CAPABILITIES)

    return routes


def _with_status(status: str | None, now: datetime) -> dict[str, Any]:
    """A token search: ``active``, ``active,proposed``, with or without the system before a bar."""
    if status is None:
        return {}
    wanted = {one.rpartition("|")[2] for one in status.split(",")}
    if not wanted <= set(STATUS.values()):
        raise invalid(f"The status is one of {', '.join(sorted(set(STATUS.values())))}.", expression="status")
    return in_status([own for own, theirs in STATUS.items() if theirs in wanted], now)


def _fhir(resource: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(resource), media_type=FHIR_JSON, headers=headers)


CAPABILITIES: dict[str, Any] = {
    "resourceType": "CapabilityStatement",
    "status": "active",
    "date": "2026-11-23",
    "kind": "instance",
    "software": {"name": "Shared Health Record: consent"},
    "implementation": {"description": "Consents of the Shared Health Record"},
    "fhirVersion": "4.0.1",
    "format": ["application/fhir+json"],
    "rest": [
        {
            "mode": "server",
            "resource": [
                {
                    "type": "Consent",
                    "interaction": [{"code": "read"}, {"code": "search-type"}],
                    "searchParam": [{"name": "patient", "type": "reference"}, {"name": "status", "type": "token"}],
                }
            ],
        }
    ],
}
