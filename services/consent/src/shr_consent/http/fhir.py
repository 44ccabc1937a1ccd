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
from shr_consent.http.listing import Listing
from shr_consent.storage.statements import StatementStore

Party = Annotated[Caller, allow("citizen", "practitioner", "facility")]


def router(statements: StatementStore, listing: Listing, now: Callable[[], datetime]) -> APIRouter:
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
        found, more = await listing.page(
            request, caller, patient=patient, query=_with_status(status), after=after, limit=count, now=now()
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
        bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset", "link": links}
        if more is None and after is None:
            bundle["total"] = len(entries)
        return _fhir({**bundle, "entry": entries} if entries else bundle)

    @routes.get("/fhir/Consent/{id}")
    async def read(id: str, caller: Party) -> Response:
        """One consent; somebody else's answers like one that does not exist."""
        found = await statements.find(id)
        if found is None or not await listing.sees(caller, found, now()):
            raise not_found("There is no such Consent.")
        return _fhir(fhir(found), {"ETag": f'W/"{found.version}"'})

    @routes.get("/fhir/metadata")
    async def metadata() -> Response:
        """What this address can do."""
        return _fhir(CAPABILITIES)

    return routes


def _with_status(status: str | None) -> dict[str, Any]:
    if status is None:
        return {}
    if status not in STATUS.values():
        raise invalid(f"The status is one of {', '.join(sorted(set(STATUS.values())))}.", expression="status")
    return {"status": {"$in": [own for own, theirs in STATUS.items() if theirs == status]}}


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
