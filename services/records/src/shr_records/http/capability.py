"""What this FHIR endpoint can do, as a CapabilityStatement."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import APIRouter, Response
from shr_common.fhir.definitions import RESOURCE_TYPES
from shr_common.outcomes import FHIR_JSON

INTERACTIONS = ("read", "vread", "update", "delete", "history-instance", "create")
ELSEWHERE = frozenset({"Patient", "Bundle", "Parameters", "OperationOutcome", "Binary"})


def statement() -> dict[str, Any]:
    """The statement."""
    types = [
        {
            "type": name,
            "interaction": [{"code": code} for code in INTERACTIONS],
            "versioning": "versioned-update",
            "conditionalCreate": False,
        }
        for name in sorted(RESOURCE_TYPES - ELSEWHERE)
    ]
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2026-11-23",
        "kind": "instance",
        "software": {"name": "Shared Health Record: records", "version": "0.1.0"},
        "implementation": {"description": "Intake of the Shared Health Record"},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json"],
        "rest": [
            {
                "mode": "server",
                "documentation": "Sources submit bundles and read back what they authored.",
                "interaction": [{"code": "transaction"}, {"code": "batch"}],
                "resource": types,
            }
        ],
    }


def router() -> APIRouter:
    """The route; public."""
    routes = APIRouter(tags=["capabilities"])

    @routes.get("/fhir/metadata")
    async def metadata() -> Response:
        """The capability statement."""
        return Response(orjson.dumps(statement()), media_type=FHIR_JSON)

    return routes
