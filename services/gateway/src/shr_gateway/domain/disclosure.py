"""The one composition on every way out: the decision for each id of a person, and what it lets through.

``shr_policy`` decides for one id; a person may have come in under several. Permits reach an id when both were one
person at the time of the grant; refusals and restrictions reach all of them, since deny wins.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Generic, TypeVar

from shr_policy import Actor, Admission, Decision, Filter, Grant, Item, admits, decide, of_age

from shr_gateway.domain.asking import Asking
from shr_gateway.domain.family import Family
from shr_gateway.domain.lines import Facets


@dataclass(frozen=True, slots=True)
class Given:
    """One consent with the id that it was given under, and when it was first granted."""

    grant: Grant
    patient: str
    at: datetime

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Given:
        """From a document of the consent view."""
        return cls(Grant.of(document["value"]), document["patient"], document["granted_at"])

    @property
    def refuses(self) -> bool:
        """Whether it closes instead of opening."""
        return self.grant.decision == "deny" or self.grant.kind == "restriction"


@dataclass(frozen=True, slots=True)
class Permit:
    """One decision for each id that the person was recorded under."""

    decisions: Mapping[str, Decision]

    @property
    def permit(self) -> bool:
        """Whether something may be shown."""
        return any(decision.permit for decision in self.decisions.values())

    @property
    def whole(self) -> bool:
        """Own record, or that of a ward: all of it."""
        return all(decision.whole for decision in self.decisions.values())

    @property
    def looks_at_each(self) -> bool:
        """Whether references or days matter: where something is closed, or a grant or refusal is for a period."""
        return any(
            decision.closed
            or any(
                term.record_start is not None or term.record_end is not None
                for term in (*decision.filters, *decision.refusals)
            )
            for decision in self.decisions.values()
        )

    @property
    def emergency(self) -> bool:
        """Whether an emergency declaration opens it."""
        return any(f.emergency for decision in self.decisions.values() for f in decision.filters)

    @property
    def reaches_all_types(self) -> bool:
        """Whether it is not narrowed to some types of resource."""
        filters = (f for decision in self.decisions.values() for f in decision.filters)
        return self.whole or any(f.record_types is None for f in filters)

    @property
    def digest(self) -> str:
        """Changes when what is permitted changes: a cursor made under another permit is not taken."""
        said = [(person, _terms(decision)) for person, decision in sorted(self.decisions.items())]
        return hashlib.sha256(repr(said).encode()).hexdigest()[:16]


def _terms(decision: Decision) -> tuple[Any, ...]:
    def filters(found: Iterable[Filter]) -> list[tuple[Any, ...]]:
        return sorted(
            (f.consent_id, sorted(f.record_types or ("*",)), f.record_start or "", f.record_end or "",
             sorted(f.sensitive), f.emergency)
            for f in found
        )  # fmt: skip

    closed = sorted((reference, sorted(left_open)) for reference, left_open in decision.closed.items())
    return (
        decision.permit, decision.whole, decision.own_facility, filters(decision.filters), filters(decision.refusals),
        closed,
    )  # fmt: skip


F = TypeVar("F", bound=Facets)
_SHOWN, _HIDDEN = Admission(True), Admission(False)


@dataclass(slots=True)
class Shown(Generic[F]):
    """What passed the permit: the rows, how many of which type, by which consents, and whether some stayed back."""

    rows: list[F] = field(default_factory=list)
    what: dict[str, int] = field(default_factory=dict)
    consents: dict[str, int] = field(default_factory=dict)
    withheld: bool = False

    @property
    def consent_id(self) -> str | None:
        """The consent that opened most."""
        return max(self.consents, key=lambda one: (self.consents[one], one)) if self.consents else None


def permit_for(
    *,
    asking: Asking,
    family: Family,
    resource_type: str,
    action: str,
    given: Sequence[Given],
    guardians: Collection[str],
    birth_date: str | None,
    wrote: Collection[str],
    now: datetime,
) -> Permit:
    """The permit of a family. ``wrote``: ids under which the actor's facility wrote; ``now``: by consent's clock."""
    actor = _as_one(asking.actor, family)
    wards = () if of_age(birth_date, now) else guardians
    decisions = {}
    for recorded_for in family.ids:
        grants = [
            one.grant for one in given
            if one.refuses or not family.links or family.one_at(one.at, one.patient, recorded_for)
        ]  # fmt: skip
        decisions[recorded_for] = decide(
            actor=actor,
            patient=family.root,
            purpose=asking.purpose,
            resource_type=resource_type,
            action=action,
            grants=grants,
            guardians=wards,
            wrote_here=recorded_for in wrote,
            now=now,
        )
    return Permit(decisions)


def _as_one(actor: Actor, family: Family) -> Actor:
    """A citizen who signed in under a former id is the same person."""
    if actor.role == "citizen" and actor.health_id in family.ids:
        return replace(actor, health_id=family.root)
    return actor


@dataclass(slots=True)
class _Tally:
    """Rows that are judged alike, and how many there were."""

    admission: Admission
    type: str
    count: int = 0


def admitted(permit: Permit, rows: Iterable[F]) -> Shown[F]:
    """What the permit shows of rows or lines, order kept."""
    shown: Shown[F] = Shown()
    tallies: dict[str, _Tally] = {}
    one_by_one, keep = permit.looks_at_each, shown.rows.append
    for row in rows:
        alike = row.reference if one_by_one else row.kind.alike
        tally = tallies.get(alike)
        if tally is None:
            tally = tallies[alike] = _Tally(_admission(permit, row), row.kind.type)
        tally.count += 1
        if tally.admission.shown:
            keep(row)
    for tally in tallies.values():
        if not tally.admission.shown:
            shown.withheld = True
            continue
        shown.what[tally.type] = shown.what.get(tally.type, 0) + tally.count
        consent = tally.admission.consent_id
        if consent is not None:
            shown.consents[consent] = shown.consents.get(consent, 0) + tally.count
    return shown


def _admission(permit: Permit, row: Facets) -> Admission:
    if permit.whole:
        return _SHOWN
    decision = permit.decisions.get(row.kind.person)
    return _HIDDEN if decision is None else admits(decision, item_of(row))


def item_of(row: Facets) -> Item:
    """A row as the policy sees it."""
    kind = row.kind
    return Item(
        kind.type, row.reference, row.day, kind.facility, frozenset(kind.labels), kind.confidentiality, row.encounter
    )
