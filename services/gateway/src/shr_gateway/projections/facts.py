"""Consents, registry entries, appointments, looks and words, folded: the newest version of each stands."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shr_gateway.domain.values import day_of

Document = dict[str, Any]
Value = Mapping[str, Any]

_CONSENT = (
    "consent_id", "patient", "version", "status", "recipient", "purpose", "record_types", "record_period",
    "expires_at", "access_mode", "erase_at", "frequency", "sensitive", "decision", "kind", "reference", "except",
    "granted_by", "at",
)  # fmt: skip


def fold_consent(known: Document | None, value: Value, at: datetime) -> Document | None:
    """A consent, request, refusal, restriction or declaration as it stands; since when it was granted is kept.

    Raises KeyError when it is none.
    """
    granted = at if value["status"] == "granted" else None
    before = known["granted_at"] if known is not None else None
    moments: list[datetime] = [moment for moment in (granted, before) if moment is not None]
    granted_at = min(moments) if moments else None
    if known is not None and known["version"] >= value["version"]:
        return None if granted_at == known["granted_at"] else {**known, "granted_at": granted_at}
    return {
        "_id": value["consent_id"],
        "patient": value["patient"],
        "version": value["version"],
        "status": value["status"],
        "kind": value.get("kind") or "consent",
        "granted_at": granted_at,
        "at": at,
        "value": {name: value[name] for name in _CONSENT if name in value},
    }


def fold_registry(known: Document | None, value: Value) -> Document | None:
    """A facility, practitioner or posting."""
    if known is not None and known["version"] >= value["version"]:
        return None
    period = value.get("period") or {}
    return {
        "_id": f"{value['resource_type']}/{value['id']}",
        "type": value["resource_type"],
        "id": value["id"],
        "version": value["version"],
        "active": value.get("active", True),
        "name": value.get("name"),
        "name_bn": value.get("name_bn"),
        "practitioner": value.get("practitioner"),
        "facility": value.get("facility"),
        "start": day_of(period["start"]) if period.get("start") else None,
        "end": day_of(period["end"]) if period.get("end") else None,
    }


def fold_appointment(known: Document | None, value: Value, *, start: datetime, end: datetime) -> Document | None:
    """A booking."""
    if known is not None and known["version"] >= value["version"]:
        return None
    names = ("version", "status", "patient", "facility", "practitioner", "department", "slot", "schedule")
    return {"_id": value["appointment_id"], **{name: value.get(name) for name in names}, "start": start, "end": end}


def look_of(value: Value, at: datetime) -> Document:
    """One look. It never changes, so the first copy of it stands."""
    names = ("patient", "actor", "purpose", "decision", "consent_id", "what", "break_glass")
    return {"_id": value["id"], **{name: value.get(name) for name in names}, "at": at}


def names_of(value: Value) -> list[Document]:
    """Names of the concepts of a code system, in both languages where they are known."""
    return [
        {
            "_id": f"{concept['system']}|{concept['code']}",
            "display": concept.get("display"),
            "display_bn": concept.get("display_bn"),
        }
        for concept in value.get("concepts") or ()
        if (concept.get("display") or concept.get("display_bn")) and concept.get("system") and concept.get("code")
    ]


def flow_of(source: str, at: str) -> tuple[str, str]:
    """The day in Dhaka and the source system that an answer is counted under."""
    return day_of(at), source.partition("/")[0] or "unknown"


def cause_of(outcome: Value) -> str:
    """Why a submission was refused: the first error's rule, else its issue code. Never its words, which may quote."""
    for issue in outcome.get("issue") or ():
        if issue.get("severity") in ("error", "fatal"):
            for coding in (issue.get("details") or {}).get("coding") or ():
                if isinstance(coding.get("code"), str):
                    return str(coding["code"])[:100]
            return str(issue.get("code") or "invalid")[:100]
    return "invalid"
