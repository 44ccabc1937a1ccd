"""The CapabilityStatement of healthid."""

from __future__ import annotations

from typing import Any

_PARAMETERS = (
    ("_id", "token"), ("identifier", "token"), ("name", "string"), ("family", "string"), ("given", "string"),
    ("birthdate", "date"), ("gender", "token"), ("address-district", "string"),
)  # fmt: skip
_OPERATION = "http://dghs.gov.bd/fhir/OperationDefinition/"


def capability_statement(*, base: str, date: str) -> dict[str, Any]:
    """What ``GET /fhir/metadata`` answers."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": date,
        "kind": "instance",
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json"],
        "software": {"name": "Shared Health Record: healthid", "version": "0.1.0"},
        "implementation": {"description": "National Health ID registry", "url": f"{base}/fhir"},
        "rest": [
            {
                "mode": "server",
                "security": {"description": "OAuth2 bearer tokens (JWT), roles in the token."},
                "resource": [
                    {
                        "type": "Patient",
                        "supportedProfile": ["https://fhir.dghs.gov.bd/core/StructureDefinition/bd-patient"],
                        "interaction": [
                            {"code": code} for code in ("create", "read", "update", "history-instance", "search-type")
                        ],
                        "versioning": "versioned-update",
                        "readHistory": True,
                        "searchParam": [{"name": name, "type": kind} for name, kind in _PARAMETERS],
                        "operation": [
                            {"name": name, "definition": f"{_OPERATION}{name}"}
                            for name in ("match", "merge", "unmerge", "link-birth-registration", "guardian")
                        ],
                    },
                    {
                        "type": "Provenance",
                        "interaction": [{"code": "search-type"}],
                        "searchParam": [{"name": "target", "type": "reference"}],
                    },
                ],
            }
        ],
    }
