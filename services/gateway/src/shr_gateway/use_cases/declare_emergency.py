"""Declare an emergency here, while consent cannot be reached: durable, audited, for one hour at most."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shr_common.errors import Category, Issue, ShrError
from shr_common.identifiers import is_person_id
from shr_policy import hours_of

from shr_gateway.domain.asking import Asking
from shr_gateway.use_cases.disclose import Audit, Entry

REASON_LIMIT = 1000
KIND_LIMIT = 64


@dataclass(frozen=True, slots=True)
class Declaration:
    """What a practitioner says."""

    patient: str
    reason: str
    kind: str
    hours: float


def declaration_of(said: Mapping[str, Any]) -> Declaration:
    """From a request's body. Raises invalid with every issue located."""
    patient, reason, kind, hours = (said.get(name) for name in ("patient", "reason", "kind", "hours"))
    issues = []
    if not isinstance(patient, str) or not is_person_id(patient):
        issues.append(Issue("patient is a Health ID.", expression="patient", code="value"))
    if not isinstance(reason, str) or not reason.strip() or len(reason) > REASON_LIMIT:
        issues.append(
            Issue(f"Give the reason, in {REASON_LIMIT} letters at most.", expression="reason", code="required")
        )
    if kind is not None and (not isinstance(kind, str) or len(kind) > KIND_LIMIT):
        issues.append(Issue("kind is a short word.", expression="kind", code="value"))
    length = 0.0
    try:
        length = hours_of(hours)
    except ValueError as error:
        issues.append(Issue(str(error), expression="hours", code="value"))
    if issues:
        raise ShrError(Category.INVALID, issues)
    return Declaration(str(patient), str(reason).strip(), kind or "emergency", length)


class DeclareEmergency:
    """Record first, then keep the declaration: what opens a record is never there without its entry."""

    def __init__(
        self,
        *,
        audit: Audit,
        keep: Callable[[dict[str, Any]], Awaitable[None]],
        new_id: Callable[[], str],
        limit_s: float,
    ) -> None:
        self._audit = audit
        self._keep = keep
        self._new_id = new_id
        self._limit_s = limit_s

    async def __call__(self, asking: Asking, said: Declaration, *, at: datetime) -> dict[str, Any]:
        """``{"id", "expires_at": datetime}``. Raises unavailable."""
        expires_at = at + timedelta(seconds=min(said.hours * 3600, self._limit_s))
        emergency = self._new_id()
        told = {"id": emergency, "reason": said.reason, "kind": said.kind, "declared_at": "gateway"}
        told["expires_at"] = expires_at.isoformat()
        await self._audit(
            Entry(
                patient=said.patient,
                asking=asking,
                decision="permit",
                what=[],
                at=at,
                consent_id=emergency,
                break_glass=told,
            )
        )
        await self._keep({
            "_id": emergency,
            "patient": said.patient,
            "practitioner": asking.actor.id,
            "facility": asking.actor.facility,
            "reason": said.reason,
            "kind": said.kind,
            "at": at,
            "expires_at": expires_at,
        })  # fmt: skip
        return {"id": emergency, "expires_at": expires_at}
