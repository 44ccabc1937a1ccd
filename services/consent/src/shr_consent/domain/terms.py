"""The terms of a consent: what is asked for, granted, narrowed. And what is wider than what was asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

from shr_common.errors import Category, ShrError
from shr_contracts.cloudevents import rfc3339
from shr_policy import ACTIONS

from shr_consent.domain import members
from shr_consent.domain.members import Findings, Frequency, Recipient, WrongError

T = TypeVar("T")
READERS: dict[str, Callable[[Any, str], Any]] = {
    "recipient": members.recipient,
    "purpose": members.purpose,
    "record_types": members.record_types,
    "record_period": members.record_period,
    "expires_at": members.moment,
    "access_mode": members.access_mode,
    "erase_at": members.moment,
    "frequency": members.frequency,
    "sensitive": members.sensitive,
}
MEMBERS = frozenset(READERS)
_MAY_BE_NULL = frozenset({"recipient", "record_period", "expires_at", "erase_at", "frequency", "purpose"})


@dataclass(frozen=True, slots=True)
class Terms:
    """``record_types`` None = all; ``record_start``/``record_end`` ISO dates; None for a bound = none."""

    recipient: Recipient | None = None
    purpose: str | None = None
    record_types: frozenset[str] | None = None
    record_start: str | None = None
    record_end: str | None = None
    expires_at: datetime | None = None
    access_mode: str = "VIEW"
    erase_at: datetime | None = None
    frequency: Frequency | None = None
    sensitive: frozenset[str] = frozenset()

    def as_json(self) -> dict[str, Any]:
        """The public shape of a request or consent."""
        bounded = self.record_start or self.record_end
        return {
            "recipient": {"type": self.recipient[0], "id": self.recipient[1]} if self.recipient else None,
            "purpose": self.purpose,
            "record_types": "*" if self.record_types is None else sorted(self.record_types),
            "record_period": {"start": self.record_start, "end": self.record_end} if bounded else None,
            "expires_at": rfc3339(self.expires_at) if self.expires_at else None,
            "access_mode": self.access_mode,
            "erase_at": rfc3339(self.erase_at) if self.erase_at else None,
            "frequency": {"count": self.frequency.count, "period": self.frequency.period} if self.frequency else None,
            "sensitive": sorted(self.sensitive),
        }

    def ending_by(self, moment: datetime | None) -> Terms:
        """The same, ended at ``moment`` at the latest (None: as they are)."""
        if moment is None or (self.expires_at is not None and self.expires_at <= moment):
            return self
        return replace(self, expires_at=moment)

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Terms:
        """From ``as_json``."""
        return _with(cls(), {name: READERS[name](v, name) for name in MEMBERS if (v := stored.get(name)) is not None})


def read(body: Mapping[str, Any], *, now: datetime, refusal: bool = False, also: frozenset[str] = frozenset()) -> Terms:
    """The terms in a body; ``also`` are members that the caller reads. A refusal needs no recipient and no purpose.

    Raises invalid with every finding: unknown members, wrong types, unknown purpose, past expiry, STORE without erase.
    """
    findings = Findings(body, MEMBERS | also)
    terms = _with(Terms(), _read_members(body, findings))
    located = {issue.expression for issue in findings.issues}
    for name in ("recipient", "purpose"):
        if not refusal and getattr(terms, name) is None and not any((at or "").startswith(name) for at in located):
            findings.wrong(f"Say the {name}.", name)
    if not refusal and "record_types" not in body:
        findings.wrong('Say which resource types, or "*" for all.', "record_types")
    _check(terms, now, findings)
    findings.refuse()
    return terms


def narrow(asked: Terms, body: Mapping[str, Any], *, now: datetime, also: frozenset[str] = frozenset()) -> Terms:
    """What is granted of what was asked: members left out stay as asked. Raises invalid at each that is wider."""
    findings = Findings(body, MEMBERS | also)
    said = _read_members(body, findings)
    if "record_period" in said and said["record_period"] is not None:
        start, end = said["record_period"]
        inherited = body["record_period"]
        said["record_period"] = (
            start if "start" in inherited else asked.record_start,
            end if "end" in inherited else asked.record_end,
        )
    granted = _with(asked, said)
    for name, wider in _WIDER.items():
        if name in body and wider(asked, granted):
            findings.wrong("This is wider than what was asked for.", name)
    _check(granted, now, findings)
    findings.refuse()
    return granted


def _read_members(body: Mapping[str, Any], findings: Findings) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for name, reader in READERS.items():
        if name not in body:
            continue
        if body[name] is None and name in _MAY_BE_NULL:
            said[name] = None
            continue
        try:
            said[name] = reader(body[name], name)
        except WrongError as error:
            findings.issues.append(error.issue)
    return said


def _with(terms: Terms, said: Mapping[str, Any]) -> Terms:
    changes = dict(said)
    if "record_period" in changes:
        changes["record_start"], changes["record_end"] = changes.pop("record_period") or (None, None)
    return replace(terms, **changes)


def _check(terms: Terms, now: datetime, findings: Findings) -> None:
    for name in ("expires_at", "erase_at"):
        said = getattr(terms, name)
        if said is not None and said <= now:
            findings.wrong("This time has passed already.", name)
    if terms.record_start and terms.record_end and terms.record_end < terms.record_start:
        findings.wrong("The period ends before it starts.", "record_period.end")
    if terms.access_mode == "STORE" and terms.erase_at is None:
        findings.wrong("Who may store has to say until when: erase_at is missing.", "erase_at")


def _actions(mode: str) -> frozenset[str]:
    return frozenset(action for action, modes in ACTIONS.items() if mode in modes)


def _later(asked: datetime | None, granted: datetime | None) -> bool:
    return asked is not None and (granted is None or granted > asked)


def _more_types(asked: Terms, granted: Terms) -> bool:
    if asked.record_types is None:
        return False
    return granted.record_types is None or not granted.record_types <= asked.record_types


def _longer_period(asked: Terms, granted: Terms) -> bool:
    earlier = asked.record_start is not None and (granted.record_start or "") < asked.record_start
    later = asked.record_end is not None and (granted.record_end or "9999-99-99") > asked.record_end
    return earlier or later


def _oftener(asked: Terms, granted: Terms) -> bool:
    if asked.frequency is None:
        return False
    if granted.frequency is None:
        return True
    return granted.frequency.count > asked.frequency.count or granted.frequency.seconds < asked.frequency.seconds


_WIDER: dict[str, Callable[[Terms, Terms], bool]] = {
    "recipient": lambda asked, granted: granted.recipient != asked.recipient,
    "purpose": lambda asked, granted: granted.purpose != asked.purpose,
    "record_types": _more_types,
    "record_period": _longer_period,
    "expires_at": lambda asked, granted: _later(asked.expires_at, granted.expires_at),
    "erase_at": lambda asked, granted: _later(asked.erase_at, granted.erase_at),
    "access_mode": lambda asked, granted: not _actions(granted.access_mode) <= _actions(asked.access_mode),
    "frequency": _oftener,
    "sensitive": lambda asked, granted: not granted.sensitive <= asked.sensitive,
}


def person_in(body: Mapping[str, Any]) -> str:
    """The ``patient`` of a body. Raises invalid."""
    return one(body, "patient", members.person)


def one(body: Mapping[str, Any], name: str, reader: Callable[[Any, str], T]) -> T:
    """One required member. Raises invalid."""
    try:
        return reader(body.get(name), name)
    except WrongError as error:
        raise ShrError(Category.INVALID, error.issue) from None
