"""``GET /fhir/metadata``: what this server can do. Public."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import APIRouter, Response
from shr_common.outcomes import FHIR_JSON

DATE = "2026-01-01"
_SEARCHES = {
    "Schedule": {"actor": "reference", "active": "token", "_id": "token"},
    "Slot": {"schedule": "reference", "start": "date", "status": "token"},
    "Appointment": {"patient": "reference", "date": "date", "status": "token", "practitioner": "reference"},
}
_OPERATIONS = ("book", "hold", "cancel", "reschedule", "check-in")


def capability_statement() -> dict[str, Any]:
    """The CapabilityStatement (R4)."""
    interactions = [{"code": "read"}, {"code": "search-type"}]
    resources: list[dict[str, Any]] = [
        {
            "type": kind,
            "interaction": interactions,
            "searchParam": [{"name": name, "type": how} for name, how in parameters.items()],
        }
        for kind, parameters in _SEARCHES.items()
    ]
    resources[-1]["operation"] = [
        {"name": name, "definition": f"http://dghs.gov.bd/fhir/OperationDefinition/appointment-{name}"}
        for name in _OPERATIONS
    ]
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": DATE,
        "kind": "instance",
        "implementation": {"description": "Appointments of the Shared Health Record"},
        "fhirVersion": "4.0.1",
        "format": ["json"],
        "rest": [{"mode": "server", "resource": resources}],
    }


def router() -> APIRouter:
    """The one public FHIR route."""
    routes = APIRouter(tags=["schedules"])
    body = orjson.dumps(capability_statement())

    @routes.get("/fhir/metadata")
    async def metadata() -> Response:
        """The CapabilityStatement."""
        return Response(body, media_type=FHIR_JSON)

    return routes
