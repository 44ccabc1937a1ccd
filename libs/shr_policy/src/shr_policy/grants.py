"""Who asks, and what the citizen has said: the two inputs of a decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

DHAKA = ZoneInfo("Asia/Dhaka")
Recipient = tuple[str, str]
"""(type, id): practitioner, facility or organization, and its id in the registry."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks. ``in_good_standing``: posting, licence and facility are in force, as far as the registry has told."""

    role: str
    id: str
    facility: str | None = None
    health_id: str | None = None
    in_good_standing: bool = True

    def is_among(self, recipients: frozenset[Recipient]) -> bool:
        """Whether one of these recipients is this actor, or the facility at which it works."""
        if not recipients:
            return False
        if self.role == "practitioner" and ("practitioner", self.id) in recipients:
            return True
        facility = self.id if self.role == "facility" else self.facility
        return facility is not None and (
            ("facility", facility) in recipients or ("organization", facility) in recipients
        )

    def is_recipient(self, recipient: Recipient) -> bool:
        """Whether a grant to ``recipient`` is one to this actor: a facility's reaches whoever works there."""
        kind, identifier = recipient
        if kind == "practitioner":
            return self.role == "practitioner" and identifier == self.id
        return identifier == (self.id if self.role == "facility" else self.facility)


@dataclass(frozen=True, slots=True)
class Grant:
    """One thing that the citizen has said (or an emergency declaration), as ``consent.changed`` carries it.

    ``record_types`` None = all; ``record_start`` and ``record_end`` are ISO dates (Asia/Dhaka), inclusive, None = open.
    ``erase_at``: until when the recipient may keep copies; from then on none may be taken.
    """

    consent_id: str
    status: str
    kind: str
    decision: str
    recipient: Recipient | None
    purpose: str | None
    record_types: frozenset[str] | None
    record_start: str | None
    record_end: str | None
    expires_at: datetime | None
    access_mode: str
    sensitive: frozenset[str]
    reference: str | None
    except_for: frozenset[Recipient]
    erase_at: datetime | None = None

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> Grant:
        """From a ``consent.changed`` value as parsed JSON. Raises KeyError, ValueError when it is none."""
        period = value.get("record_period") or {}
        types = value.get("record_types", "*")
        recipient = value.get("recipient")
        return cls(
            consent_id=value["consent_id"],
            status=value["status"],
            kind=value.get("kind", "consent"),
            decision=value.get("decision", "permit"),
            recipient=(recipient["type"], recipient["id"]) if recipient else None,
            purpose=value.get("purpose"),
            record_types=None if types == "*" or types is None else frozenset(types),
            record_start=_day(period.get("start")),
            record_end=_day(period.get("end")),
            expires_at=_moment(value.get("expires_at")),
            access_mode=value.get("access_mode") or "VIEW",
            sensitive=frozenset(value.get("sensitive") or ()),
            reference=value.get("reference"),
            except_for=frozenset((one["type"], one["id"]) for one in value.get("except") or ()),
            erase_at=_moment(value.get("erase_at")),
        )

    def may_keep(self, now: datetime) -> bool:
        """Whether copies may still be kept, as far as this grant says how long."""
        return self.erase_at is None or now < self.erase_at

    def in_force(self, now: datetime) -> bool:
        """Granted, and not past its end: from the very moment of ``expires_at`` on it permits nothing."""
        return self.status == "granted" and (self.expires_at is None or now < self.expires_at)


def _day(said: Any) -> str | None:
    if said is None:
        return None
    text = said.isoformat() if hasattr(said, "isoformat") else str(said)
    if len(text) <= 10:
        return text
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo is None else moment.astimezone(DHAKA)).date().isoformat()


def _moment(said: Any) -> datetime | None:
    if said is None:
        return None
    moment = said if isinstance(said, datetime) else datetime.fromisoformat(said)
    return moment.replace(tzinfo=DHAKA).astimezone(UTC) if moment.tzinfo is None else moment
