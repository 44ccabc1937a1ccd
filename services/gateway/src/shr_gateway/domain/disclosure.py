"""The one composition on every way out: the decision for each id of a person, and what it lets through.

``shr_policy`` decides for one id; a person may have come in under several. Permits reach an id when both were one
person at the time of the grant; refusals and restrictions reach all of them, since deny wins.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
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


def admitted(permit: Permit, rows: Iterable[F]) -> Shown[F]:
    """What the permit shows of rows or lines, order kept."""
    shown: Shown[F] = Shown()
    what, consents = shown.what, shown.consents
    if permit.whole:
        shown.rows = list(rows)
        for row in shown.rows:
            what[row.type] = what.get(row.type, 0) + 1
        return shown
    judges = {person: _judge(decision) for person, decision in permit.decisions.items()}
    for row in rows:
        judge = judges.get(row.person)
        admission = None if judge is None else judge(row)
        if admission is None or not admission.shown:
            shown.withheld = True
            continue
        shown.rows.append(row)
        what[row.type] = what.get(row.type, 0) + 1
        if admission.consent_id is not None:
            consents[admission.consent_id] = consents.get(admission.consent_id, 0) + 1
    return shown


def _judge(decision: Decision) -> Callable[[Facets], Admission]:
    """Judges the rows of one id; those that are alike are judged once.

    References matter only where something is closed, days only where a grant or refusal is for a period.
    """
    known: dict[str, Admission] = {}
    terms = (*decision.filters, *decision.refusals)
    if decision.closed or any(term.record_start is not None or term.record_end is not None for term in terms):
        return lambda row: admits(decision, item_of(row))

    def judge(row: Facets) -> Admission:
        admission = known.get(row.alike)
        if admission is None:
            admission = known[row.alike] = admits(decision, item_of(row))
        return admission

    return judge


def item_of(row: Facets) -> Item:
    """A row as the policy sees it."""
    return Item(
        row.type, row.reference, row.day, row.facility, frozenset(row.labels), row.confidentiality, row.encounter
    )
