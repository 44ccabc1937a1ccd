"""``GET /fhir/metadata``: what this server can do. Public."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import APIRouter, Response
from shr_common.outcomes import FHIR_JSON

from shr_registry.http.including import INCLUDES
from shr_registry.http.search_terms import SEARCH_PARAMETERS

_TOKENS = {"_id", "identifier", "active", "status", "role", "specialty"}
_REFERENCES = {"practitioner", "organization", "location"}
DATE = "2026-01-01"


def capability_statement() -> dict[str, Any]:
    """The CapabilityStatement (R4)."""
    interactions = [{"code": code} for code in ("read", "vread", "search-type", "history-instance", "history-type")]
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": DATE,
        "kind": "instance",
        "implementation": {
            "description": "Registry of facilities and practitioners (IHE mCSD Care Services Selective)"
        },
        "fhirVersion": "4.0.1",
        "format": ["json"],
        "rest": [
            {
                "mode": "server",
                "resource": [
                    {
                        "type": kind,
                        "interaction": interactions,
                        "versioning": "versioned",
                        "searchInclude": sorted(INCLUDES[kind]),
                        "searchParam": [{"name": name, "type": _kind(name)} for name in parameters],
                    }
                    for kind, parameters in SEARCH_PARAMETERS.items()
                ],
            }
        ],
    }


def _kind(name: str) -> str:
    if name in _TOKENS:
        return "token"
    if name in _REFERENCES:
        return "reference"
    return "date" if name == "_lastUpdated" else "string"


def router() -> APIRouter:
    """The one public FHIR route."""
    routes = APIRouter(tags=["mCSD"])
    body = orjson.dumps(capability_statement())

    @routes.get("/fhir/metadata")
    async def metadata() -> Response:
        """The CapabilityStatement."""
        return Response(body, media_type=FHIR_JSON)

    return routes
