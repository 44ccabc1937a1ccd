"""A statement as a FHIR R4 Consent (http://hl7.org/fhir/R4/consent.html)."""

from __future__ import annotations

from typing import Any

from shr_common.identifiers import UHID
from shr_contracts.cloudevents import rfc3339
from shr_policy import LABELS

from shr_consent.domain.members import Recipient
from shr_consent.domain.statement import Statement

STATUS = {
    "requested": "proposed",
    "granted": "active",
    "denied": "rejected",
    "revoked": "inactive",
    "expired": "inactive",
}
_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem/"
_REFERENCED = {"practitioner": "Practitioner", "facility": "Organization", "organization": "Organization"}
MODE_SYSTEM = "http://dghs.gov.bd/fhir/CodeSystem/consent-access-mode"
STATUS_SYSTEM = "http://dghs.gov.bd/fhir/CodeSystem/consent-status"


def fhir(stated: Statement) -> dict[str, Any]:
    """The resource, valid R4."""
    return {
        "resourceType": "Consent",
        "id": stated.id,
        "meta": {
            "versionId": str(stated.version),
            "lastUpdated": rfc3339(stated.changed_at),
            "tag": [{"system": STATUS_SYSTEM, "code": stated.status}],
        },
        "status": STATUS[stated.status],
        "scope": _concept("consentscope", "patient-privacy"),
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": {
            "reference": f"Patient/{stated.patient}",
            "identifier": {"system": UHID, "value": stated.patient},
        },
        "dateTime": rfc3339(stated.made_at),
        "policyRule": _concept("v3-ActCode", "OPTOUT" if stated.decision == "deny" else "OPTIN"),
        "provision": _provision(stated),
    }


def _provision(stated: Statement) -> dict[str, Any]:
    terms = stated.terms
    provision: dict[str, Any] = {"type": stated.decision}
    if terms.expires_at:
        provision["period"] = {"end": rfc3339(terms.expires_at)}
    if terms.recipient:
        provision["actor"] = [_actor(terms.recipient)]
    provision["action"] = [{"coding": [{"system": MODE_SYSTEM, "code": terms.access_mode}]}]
    if terms.sensitive:
        provision["securityLabel"] = [
            {"system": f"{_TERMINOLOGY}v3-{'ActCode' if one in LABELS else 'Confidentiality'}", "code": one}
            for one in sorted(terms.sensitive)
        ]
    if terms.purpose:
        provision["purpose"] = [{"system": f"{_TERMINOLOGY}v3-ActReason", "code": terms.purpose}]
    if terms.record_types is not None:
        provision["class"] = [
            {"system": "http://hl7.org/fhir/resource-types", "code": one} for one in sorted(terms.record_types)
        ]
    if terms.record_start or terms.record_end:
        bounds = {"start": terms.record_start, "end": terms.record_end}
        provision["dataPeriod"] = {name: day for name, day in bounds.items() if day}
    if stated.reference:
        provision["data"] = [{"meaning": "dependents", "reference": {"reference": stated.reference}}]
    if stated.except_for:
        provision["provision"] = [{"type": "permit", "actor": [_actor(one) for one in sorted(stated.except_for)]}]
    return provision


def _actor(recipient: Recipient) -> dict[str, Any]:
    kind, identifier = recipient
    return {
        "role": _concept("v3-ParticipationType", "IRCP"),
        "reference": {"reference": f"{_REFERENCED[kind]}/{identifier}"},
    }


def _concept(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": f"{_TERMINOLOGY}{system}", "code": code}]}
