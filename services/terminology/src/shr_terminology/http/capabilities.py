"""``GET /fhir/metadata``: CapabilityStatement, or with ``mode=terminology`` TerminologyCapabilities. Public."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Query, Response
from shr_common.outcomes import FHIR_JSON

from shr_terminology.domain.index import Terminology
from shr_terminology.http.reads import SEARCH
from shr_terminology.http.routes import Holder

DATE = "2026-01-01"
_OPERATIONS = {
    "CodeSystem": ("lookup", "validate-code", "subsumes"),
    "ValueSet": ("expand", "validate-code"),
    "ConceptMap": ("translate",),
}


def _common(kind: str) -> dict[str, Any]:
    return {"resourceType": kind, "status": "active", "date": DATE, "kind": "instance"}


def capability_statement() -> dict[str, Any]:
    """What this server can do (R4)."""
    resources = [
        {
            "type": kind,
            "interaction": [{"code": "read"}, {"code": "search-type"}],
            "searchParam": [{"name": name, "type": _kind(name)} for name in SEARCH],
            "operation": [
                {"name": name, "definition": f"http://hl7.org/fhir/OperationDefinition/{kind}-{name}"} for name in names
            ],
        }
        for kind, names in _OPERATIONS.items()
    ]
    return {
        **_common("CapabilityStatement"),
        "implementation": {"description": "Local terminology mirror of the Shared Health Record"},
        "fhirVersion": "4.0.1",
        "format": ["json"],
        "rest": [{"mode": "server", "resource": resources}],
    }


def _kind(name: str) -> str:
    return {"url": "uri", "name": "string", "title": "string"}.get(name, "token")


def terminology_capabilities(index: Terminology) -> dict[str, Any]:
    """Which code systems are loaded, and what the operations take (R4)."""
    systems: dict[str, dict[str, Any]] = {}
    for system in index.systems():
        found = systems.setdefault(system.url, {"uri": system.url, "subsumption": True})
        if system.version:
            found.setdefault("version", []).append({"code": system.version})
    expansion = [{"name": name} for name in ("url", "filter", "offset", "count", "includeDesignations", "activeOnly")]
    return {
        **_common("TerminologyCapabilities"),
        "implementation": {"description": "Local terminology mirror of the Shared Health Record"},
        "codeSystem": list(systems.values()),
        "expansion": {"hierarchical": False, "paging": True, "incomplete": False, "parameter": expansion},
        "validateCode": {"translations": True},
        "translation": {"needsMap": False},
    }


def router(holder: Holder) -> APIRouter:
    """The one public FHIR route."""
    routes = APIRouter(tags=["operations"])

    @routes.get("/fhir/metadata")
    async def metadata(mode: Annotated[Literal["full", "normative", "terminology"], Query()] = "full") -> Response:
        """The CapabilityStatement or, with `mode=terminology`, TerminologyCapabilities."""
        said = terminology_capabilities(holder.index) if mode == "terminology" else capability_statement()
        return Response(orjson.dumps(said), media_type=FHIR_JSON)

    return routes
