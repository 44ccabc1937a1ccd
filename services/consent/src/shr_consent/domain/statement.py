"""What a citizen has said about her record, or was asked: consent, refusal, restriction; and emergency declarations.

One life cycle: requested → granted (as asked or narrowed) | denied | expired; granted → revoked | expired.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from shr_common.errors import conflict, invalid
from shr_common.fhir.definitions import RESOURCE_TYPES
from shr_contracts.cloudevents import Event, event_id, event_type, rfc3339
from shr_contracts.events import ConsentChanged
from shr_contracts.topics import CONSENT_CHANGED
from shr_policy import EMERGENCY, Grant

from shr_consent.domain import terms as terms_
from shr_consent.domain.members import Recipient
from shr_consent.domain.terms import Terms

STATUSES = ("requested", "granted", "denied", "revoked", "expired")
KINDS = ("consent", "restriction", "break-glass")
CONFIRMED_FOR = timedelta(hours=24)
"""What was granted at the bedside, by a code or a PIN, holds no longer than this."""


@dataclass(frozen=True, slots=True)
class Party:
    """Who did it: role, the id of that role, where she works, her Health ID, her name as the token has it."""

    role: str
    id: str
    facility: str | None = None
    health_id: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """``terms`` as they stand; ``asked`` as the request had them (requests only). Its id is the consent's id too."""

    id: str
    kind: str
    patient: str
    status: str
    version: int
    terms: Terms
    made_by: Party
    made_at: datetime
    changed_at: datetime
    decision: str = "permit"
    asked: Terms | None = None
    granted_by: str | None = None
    granted_at: datetime | None = None
    reference: str | None = None
    except_for: frozenset[Recipient] = frozenset()
    reason: str | None = None
    emergency: str | None = None
    confirmed_with: str | None = None

    @property
    def by_guardian(self) -> bool:
        """Whether a guardian granted it, not the citizen herself."""
        return self.granted_by is not None and self.granted_by != self.patient

    def as_of(self, now: datetime) -> Statement:
        """As it reads at that moment: what is past its time is expired, published or not."""
        over = self.status in ("requested", "granted") and self.expired_by(now)
        return replace(self, status="expired") if over else self

    def expired_by(self, now: datetime) -> bool:
        """Whether its time is over, published or not."""
        return self.terms.expires_at is not None and self.terms.expires_at <= now

    def value(self) -> dict[str, Any]:
        """The ``consent.changed`` value."""
        return {
            "consent_id": self.id,
            "patient": self.patient,
            "version": self.version,
            "status": self.status,
            **self.terms.as_json(),
            "decision": self.decision,
            "kind": self.kind,
            "reference": self.reference,
            "except": [{"type": kind, "id": one} for kind, one in sorted(self.except_for)],
            "granted_by": self.granted_by,
            "at": rfc3339(self.changed_at),
        }

    def grant(self) -> Grant:
        """As the decision function takes it."""
        return Grant.of(self.value())

    def changed(self) -> Event:
        """The event of this version."""
        kind = event_type(CONSENT_CHANGED)
        return Event(
            topic=CONSENT_CHANGED,
            key=self.patient,
            id=event_id(aggregate=self.id, version=self.version, type=kind),
            type=kind,
            source="consent",
            subject=self.id,
            time=self.changed_at,
            value=ConsentChanged.model_validate(self.value()).model_dump_json(by_alias=True).encode(),
        )


def request(*, id: str, patient: str, terms: Terms, by: Party, at: datetime) -> Statement:
    """A practitioner or facility asks."""
    return Statement(id, "consent", patient, "requested", 1, terms, by, at, at, asked=terms)


def state(
    *,
    id: str,
    patient: str,
    terms: Terms,
    decision: str,
    by: Party,
    at: datetime,
    ends_by: datetime | None = None,
) -> Statement:
    """The citizen's own initiative: a grant, or a standing refusal. ``ends_by``: when a guardian's say ends."""
    if decision == "permit":
        terms = terms.ending_by(ends_by)
    return Statement(
        id, "consent", patient, "granted", 1, terms, by, at, at, decision, granted_by=by.health_id, granted_at=at
    )


def restrict(
    *, id: str, patient: str, reference: str, except_for: frozenset[Recipient], by: Party, at: datetime
) -> Statement:
    """One resource, or an encounter with all that belongs to it, is closed to all but those named."""
    closed = Statement(id, "restriction", patient, "granted", 1, Terms(), by, at, at, "deny")
    return replace(closed, reference=reference, except_for=except_for, granted_by=by.health_id, granted_at=at)


def break_glass(
    *, id: str, patient: str, reason: str, emergency: str, until: datetime, by: Party, at: datetime
) -> Statement:
    """A practitioner declares an emergency."""
    opened = Terms(recipient=("practitioner", by.id), purpose=EMERGENCY, expires_at=until)
    declared = Statement(id, "break-glass", patient, "granted", 1, opened, by, at, at)
    return replace(declared, granted_at=at, reason=reason, emergency=emergency)


def grant(
    stood: Statement, body: Mapping[str, Any], *, by: Party, at: datetime, ends_by: datetime | None = None
) -> Statement:
    """Answer a request: as asked, or narrowed to what ``body`` says; ``ends_by``: when the say of ``by`` ends.

    Raises conflict, invalid.
    """
    require_open(stood, at)
    granted = terms_.narrow(stood.terms, body, now=at, also=frozenset({"patient"}))
    if body.get("patient", stood.patient) != stood.patient:
        raise invalid("The request is about another person.", expression="patient", code="value")
    changed = _next(stood, "granted", at)
    return replace(changed, terms=granted.ending_by(ends_by), granted_by=by.health_id, granted_at=at)


def confirm(stood: Statement, *, way: str, at: datetime) -> Statement:
    """Granted at the bedside: as asked, for the requester's facility, for a day at most. ``way``: code or pin.

    Raises conflict.
    """
    require_open(stood, at)
    by = stood.made_by
    facility = by.id if by.role == "facility" else by.facility
    recipient = ("facility", facility) if facility else stood.terms.recipient
    terms = replace(stood.terms.ending_by(at + CONFIRMED_FOR), recipient=recipient)
    return replace(
        _next(stood, "granted", at), terms=terms, granted_by=stood.patient, granted_at=at, confirmed_with=way
    )


def deny(stood: Statement, *, reason: str | None, at: datetime) -> Statement:
    """Answer a request with no. Raises conflict."""
    require_open(stood, at)
    return replace(_next(stood, "denied", at), reason=reason)


def revoke(stood: Statement, types: frozenset[str] | None, *, at: datetime) -> Statement:
    """Withdraw a consent whole, or for some record types. Withdrawing what is withdrawn changes nothing.

    Raises conflict when it was never granted or has expired, invalid when a type is not covered by it.
    """
    if stood.status == "revoked":
        return stood
    if stood.status != "granted" or stood.expired_by(at):
        raise conflict(f"Only a granted consent can be withdrawn; this one is {_status(stood, at)}.")
    covered = stood.terms.record_types if stood.terms.record_types is not None else RESOURCE_TYPES
    if types is not None and not types <= covered:
        strange = ", ".join(sorted(types - covered))
        raise invalid(f"This consent does not cover {strange}.", expression="record_types", code="value")
    left = covered - types if types is not None else frozenset()
    if not left:
        return _next(stood, "revoked", at)
    return replace(_next(stood, "granted", at), terms=replace(stood.terms, record_types=left))


def lift(stood: Statement, *, at: datetime) -> Statement:
    """Open again what a restriction closed."""
    return stood if stood.status == "revoked" else _next(stood, "revoked", at)


def expire(stood: Statement, *, at: datetime) -> Statement:
    """Its time is over."""
    return _next(stood, "expired", at)


def end_guardians_say(
    stood: Statement, *, own_ids: frozenset[str], ends_by: datetime | None, at: datetime
) -> Statement:
    """What a guardian granted ends when the ward is of age; the birth date was told or corrected."""
    terms = stood.terms.ending_by(ends_by)
    by_guardian = stood.by_guardian and stood.granted_by not in own_ids and stood.decision == "permit"
    if not by_guardian or stood.status != "granted" or terms == stood.terms:
        return stood
    return replace(_next(stood, "granted", at), terms=terms)


def _next(stood: Statement, status: str, at: datetime) -> Statement:
    return replace(stood, status=status, version=stood.version + 1, changed_at=at)


def require_open(stood: Statement, at: datetime) -> None:
    """Raises conflict for a request that was answered, or whose time is over."""
    if stood.status != "requested" or stood.expired_by(at):
        raise conflict(f"This request was answered already, or its time is over: it is {_status(stood, at)}.")


def _status(stood: Statement, at: datetime) -> str:
    return "expired" if stood.status in ("requested", "granted") and stood.expired_by(at) else stood.status
