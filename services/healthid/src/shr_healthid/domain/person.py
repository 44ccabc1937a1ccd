"""A person as the registry holds her. Numbers are in the clear in memory only; stores seal them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shr_common.errors import invalid
from shr_common.fhir.times import DHAKA

ACTIVE = "active"
PROVISIONAL = "provisional"
LOCAL_IDS_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Number:
    """An NID (10, 13 or 17 digits) or BRN of a person; ``senders`` are the sources that sent it in this form."""

    kind: str
    value: str = field(repr=False)
    hash: str
    verified: bool = False
    senders: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class LocalId:
    """An identifier of a source's own; ``system`` is the system, else the type, else empty."""

    source: str
    system: str
    value: str


@dataclass(frozen=True, slots=True)
class Demographics:
    """What two registrations are compared by. ``names``: every form given, Bangla and English.

    ``birth_date`` is a FHIR date of any precision, ``estimated`` if somebody guessed it; ``district`` and ``upazila``
    are BBS geocodes (4 and 8 digits), else as sent; ``place`` is the rest of the address in words. ``father`` and
    ``mother`` are their names.
    """

    names: tuple[str, ...] = ()
    name: str | None = None
    name_bn: str | None = None
    gender: str | None = None
    birth_date: str | None = None
    district: str | None = None
    upazila: str | None = None
    mobile: str | None = field(default=None, repr=False)
    father: str | None = None
    mother: str | None = None
    place: str | None = None
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class Pending:
    """Verification still to come: how often it was tried, and when next."""

    attempts: int
    next_at: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """Who made a version, and why. ``action``: update, merge, unmerge; ``approved_by``: the second person, if any."""

    action: str
    by: str
    role: str | None = None
    reason: str | None = field(default=None, repr=False)
    approved_by: str | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """One state of a person.

    ``id`` is her Health ID, or ``P-…`` while provisional; ``key`` is the first id she ever had and names the
    aggregate for ever. ``patient`` is the FHIR Patient as sent, without id, versions and national identifiers.
    ``first_source`` is the source that registered her; counters go by it. ``survivor``: the id of whom she was merged
    into (she is *retired* then, and answers as that person); ``absorbed``: ids of those merged into her.
    """

    id: str
    key: str
    version: int
    status: str
    demographics: Demographics
    patient: dict[str, Any] = field(repr=False)
    first_source: str
    registered_at: datetime
    updated_at: datetime
    updated_by: str
    numbers: tuple[Number, ...] = ()
    unlinked: tuple[Number, ...] = ()
    local_ids: tuple[LocalId, ...] = ()
    guardians: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    sources: frozenset[str] = frozenset()
    pending: Pending | None = None
    survivor: str | None = None
    absorbed: tuple[str, ...] = ()
    change: Change | None = None

    @property
    def is_retired(self) -> bool:
        """Whether she was merged into somebody."""
        return self.survivor is not None

    @property
    def is_active(self) -> bool:
        """Whether she has her Health ID."""
        return self.status == ACTIVE

    def verified_hashes(self, kind: str) -> list[str]:
        """The keyed hashes of her verified numbers of a kind."""
        return sorted(number.hash for number in self.numbers if number.kind == kind and number.verified)


def with_numbers(known: Iterable[Number], more: Iterable[Number]) -> tuple[Number, ...]:
    """Both, each number once: verified if either is, with the senders of both."""
    merged = {number.hash: number for number in known}
    for number in more:
        there = merged.get(number.hash)
        if there is None:
            merged[number.hash] = number
        else:
            merged[number.hash] = Number(
                number.kind,
                number.value,
                number.hash,
                verified=there.verified or number.verified,
                senders=there.senders | number.senders,
            )
    return tuple(merged.values())


def with_local_ids(known: tuple[LocalId, ...], more: Iterable[LocalId]) -> tuple[LocalId, ...]:
    """Both, each once. Raises invalid above LOCAL_IDS_LIMIT."""
    merged = tuple(dict.fromkeys((*known, *more)))
    if len(merged) > LOCAL_IDS_LIMIT:
        raise invalid(
            f"A person may have {LOCAL_IDS_LIMIT} local identifiers at most.",
            expression="Patient.identifier",
            text_bn=f"একজন ব্যক্তির স্থানীয় পরিচিতি সর্বোচ্চ {LOCAL_IDS_LIMIT}টি হতে পারে।",
        )
    return merged


def day_in_dhaka(moment: datetime) -> str:
    """The date of a moment in Asia/Dhaka."""
    return moment.astimezone(DHAKA).date().isoformat()
