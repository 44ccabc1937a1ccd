"""The public shapes of requests, consents, restrictions, emergencies and decisions."""

from __future__ import annotations

from typing import Any

from shr_contracts.cloudevents import rfc3339
from shr_policy import Decision, Filter

from shr_consent.domain.statement import Statement


def statement(stated: Statement) -> dict[str, Any]:
    """A request or consent as it stands."""
    by = stated.made_by
    granted = stated.granted_at is not None
    shape = {
        "id": stated.id,
        "status": stated.status,
        "version": stated.version,
        "kind": stated.kind,
        "patient": stated.patient,
        **stated.terms.as_json(),
        "decision": stated.decision,
        "requested_by": {"role": by.role, "id": by.id, "facility": by.facility, "name": by.name},
        "granted_by": stated.granted_by,
        "requested_at": rfc3339(stated.made_at),
        "changed_at": rfc3339(stated.changed_at),
    }
    if granted and stated.kind == "consent":
        shape["consent_id"] = stated.id
    if stated.asked is not None:
        shape["asked"] = stated.asked.as_json()
    if stated.confirmed_with is not None:
        shape["confirmed_with"] = stated.confirmed_with
    if stated.reason is not None:
        shape["reason"] = stated.reason
    return shape


def restriction(stated: Statement) -> dict[str, Any]:
    """What is closed, and to whom it stays open."""
    return {
        "id": stated.id,
        "status": stated.status,
        "version": stated.version,
        "patient": stated.patient,
        "reference": stated.reference,
        "except": [{"type": kind, "id": one} for kind, one in sorted(stated.except_for)],
        "changed_at": rfc3339(stated.changed_at),
    }


def emergency(stated: Statement) -> dict[str, Any]:
    """An emergency declaration."""
    by = stated.made_by
    ends = stated.terms.expires_at
    return {
        "id": stated.id,
        "status": stated.status,
        "patient": stated.patient,
        "expires_at": rfc3339(ends) if ends else None,
        "reason": stated.reason,
        "kind": stated.emergency,
        "declared_by": {"role": by.role, "id": by.id, "facility": by.facility, "name": by.name},
        "declared_at": rfc3339(stated.made_at),
    }


SHAPES = {"consent": statement, "restriction": restriction, "break-glass": emergency}


def decision(decided: Decision) -> dict[str, Any]:
    """The answer of ``POST /decisions``. ``whole``: everything, as for the citizen herself."""
    return {
        "decision": "permit" if decided.permit else "deny",
        "own_facility": decided.own_facility,
        "whole": decided.whole,
        "filters": [_filter(one) for one in decided.filters],
        "refusals": [_filter(one) for one in decided.refusals],
        "reasons": list(decided.reasons),
    }


def _filter(found: Filter) -> dict[str, Any]:
    bounded = found.record_start or found.record_end
    return {
        "consent_id": found.consent_id,
        "record_types": "*" if found.record_types is None else sorted(found.record_types),
        "record_period": {"start": found.record_start, "end": found.record_end} if bounded else None,
        "sensitive": sorted(found.sensitive),
        "emergency": found.emergency,
    }
