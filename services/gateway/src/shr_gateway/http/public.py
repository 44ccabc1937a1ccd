"""What anybody may read: counters, what this API can do, and the topics."""

from __future__ import annotations

from functools import cache
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response
from shr_common.outcomes import FHIR_JSON
from shr_contracts.asyncapi import document

from shr_gateway.domain.search import TESTS
from shr_gateway.http.bundles import base_of
from shr_gateway.storage.portal import PortalReads

VERSION = "0.1.0"
RELEASED = "2026-11-23"
SERVED = (
    "AllergyIntolerance", "CarePlan", "Composition", "Condition", "DiagnosticReport", "DocumentReference", "Encounter",
    "ImagingStudy", "Immunization", "MedicationAdministration", "MedicationDispense", "MedicationRequest",
    "MedicationStatement", "Observation", "Patient", "Procedure", "ServiceRequest",
)  # fmt: skip
_DATES = frozenset({"date", "_lastUpdated"})


def router(reads: PortalReads) -> APIRouter:
    """Public routes."""
    routes = APIRouter(tags=["public"])

    @routes.get("/counters")
    async def counters() -> dict[str, Any]:
        """Health IDs issued, by first source; the total is the sum."""
        return await reads.counters()

    @routes.get("/asyncapi")
    async def asyncapi() -> Response:
        """All topics and events, as AsyncAPI 3.0."""
        return Response(_asyncapi(), media_type="application/json")

    @routes.get("/fhir/metadata")
    async def metadata(request: Request) -> Response:
        """The FHIR CapabilityStatement."""
        return Response(orjson.dumps(capability_statement(base_of(request))), media_type=FHIR_JSON)

    return routes


@cache
def _asyncapi() -> bytes:
    return orjson.dumps(document(version=VERSION))


def capability_statement(base: str) -> dict[str, Any]:
    """What this API can do (https://hl7.org/fhir/R4/capabilitystatement.html)."""
    searches = [
        {"name": name, "type": "date" if name in _DATES else "reference" if name == "encounter" else "token"}
        for name in sorted(TESTS)
    ]
    searches.insert(0, {"name": "patient", "type": "reference"})
    interactions = [{"code": code} for code in ("read", "vread", "history-instance", "search-type")]
    everything = {
        "name": "everything",
        "definition": "http://hl7.org/fhir/OperationDefinition/Patient-everything",
    }
    resources = [
        {"type": type_, "interaction": interactions, "versioning": "versioned", "searchParam": searches}
        | ({"operation": [everything]} if type_ == "Patient" else {})
        for type_ in SERVED
    ]
    oauth = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/restful-security-service", "code": "OAuth"}]}
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": RELEASED,
        "kind": "instance",
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "software": {"name": "Shared Health Record: gateway", "version": VERSION},
        "implementation": {"description": "Reads under the citizen's consent", "url": f"{base}/fhir"},
        "rest": [{
            "mode": "server",
            "documentation": "Readers send X-Purpose. Every look is written to the citizen's access log first.",
            "security": {"service": [oauth]},
            "resource": resources,
        }],
    }  # fmt: skip
