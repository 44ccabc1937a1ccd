"""What a resource says about itself that reads go by: its date, codes, labels, encounter, status, whether it stands.

Date: interfaces.md §5. Labels: ``meta.security`` with v3-ActCode, put there by the author or at intake.
"""

from __future__ import annotations

from typing import Any

from shr_policy import LABELS

from shr_gateway.domain.values import Resource, codings, first, key_of, reference_of

CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
CONFIDENTIALITY_ORDER = ("U", "L", "M", "N", "R", "V")
WITHDRAWN_CODES = frozenset({"entered-in-error", "retracted", "withdrawn"})

_MOMENTS = (
    "effectiveDateTime", "effectivePeriod", "effectiveInstant", "effectiveTiming",
    "performedDateTime", "performedPeriod", "occurrenceDateTime", "occurrencePeriod", "occurrenceTiming",
    "onsetDateTime", "onsetPeriod",
    "recordedDate", "authoredOn", "period", "issued",
    "whenHandedOver", "started", "date", "created", "recorded",
)  # fmt: skip
_CODES = (
    "code", "vaccineCode", "medicationCodeableConcept", "type", "serviceType", "procedureCode", "vaccineCode", "scope",
)  # fmt: skip


def date_of(resource: Resource) -> str | None:
    """When it happened, as written: effective, performed, occurrence, onset, else recorded, authored, period …"""
    for name in _MOMENTS:
        said = resource.get(name)
        if isinstance(said, dict):
            said = said.get("start") or said.get("end") or first(said.get("event"))
        if isinstance(said, str) and said[:4].isdigit():
            return said
    return None


def codes_of(resource: Resource) -> list[str]:
    """``system|code`` of what it is about."""
    found = (key_of(coding) for name in _CODES for coding in codings(resource.get(name)))
    return list(dict.fromkeys(found))


def categories_of(resource: Resource) -> list[str]:
    """``system|code`` of its categories; AllergyIntolerance has bare codes."""
    said = resource.get("category")
    if isinstance(said, list) and said and isinstance(said[0], str):
        return [f"|{code}" for code in said]
    return list(dict.fromkeys(key_of(coding) for coding in codings(said)))


def status_of(resource: Resource) -> str | None:
    """``status``, or the clinical status where there is none."""
    said = resource.get("status")
    if isinstance(said, str):
        return said
    return next((str(coding.get("code")) for coding in codings(resource.get("clinicalStatus"))), None)


def is_withdrawn(resource: Resource) -> bool:
    """Entered in error or retracted: it leaves every view."""
    if not resource.get("resourceType") or resource.get("status") == "entered-in-error":
        return True
    if any(coding.get("code") == "entered-in-error" for coding in codings(resource.get("verificationStatus"))):
        return True
    meta = resource.get("meta") or {}
    marks = [*(meta.get("tag") or ()), *(meta.get("security") or ())]
    return any(mark.get("code") in WITHDRAWN_CODES for mark in marks if isinstance(mark, dict))


def labels_of(resource: Resource) -> tuple[list[str], str]:
    """Its sensitive labels, and its confidentiality (the highest that it names; N when it names none)."""
    labels: set[str] = set()
    rank = -1
    for mark in (resource.get("meta") or {}).get("security") or ():
        code = mark.get("code")
        if code in LABELS and mark.get("system") in (ACT_CODE, None):
            labels.add(code)
        elif code in CONFIDENTIALITY_ORDER and mark.get("system") in (CONFIDENTIALITY, None):
            rank = max(rank, CONFIDENTIALITY_ORDER.index(code))
    return sorted(labels), CONFIDENTIALITY_ORDER[rank] if rank >= 0 else "N"


def encounter_of(resource: Resource) -> str | None:
    """The encounter that it belongs to."""
    context: Any = resource.get("context")
    if isinstance(context, dict) and "encounter" in context:
        context = context["encounter"]
    for said in (resource.get("encounter"), context):
        reference = reference_of(said)
        if reference is not None and reference.startswith("Encounter/"):
            return reference.partition("/_history/")[0]
    return None


def facility_of(source: str) -> str | None:
    """The author's facility in ``system/facility``."""
    facility = source.partition("/")[2]
    return None if facility in ("", "unknown") else facility
