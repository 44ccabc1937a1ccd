"""May this actor be shown anything of this record, and through which filters?"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from shr_policy.grants import Actor, Grant, Recipient
from shr_policy.vocabulary import (
    ACTIONS,
    AUTHOR_PURPOSES,
    EMERGENCY,
    KEEPING,
    PURPOSES,
    READERS,
    SENSITIVE,
    VERY_RESTRICTED,
)

NOTHING_PERMITS = "Nothing in this record is open to you for this purpose, type and action."
_EVERYTHING_BUT_V = SENSITIVE - {VERY_RESTRICTED}
_NOTHING_CLOSED: Mapping[str, frozenset[Recipient]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Filter:
    """What one grant lets through (or one refusal holds back). Its parts hold together: types × period × labels."""

    consent_id: str
    record_types: frozenset[str] | None
    record_start: str | None
    record_end: str | None
    sensitive: frozenset[str]
    emergency: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """*Permit* means: something may be shown, namely what ``shr_policy.admits`` lets through, item by item.

    ``whole``: own record, or that of a ward. ``own_facility``: what this actor's facility wrote. ``refusals``: standing
    denials of the citizen, which win over ``filters``. ``closed``: reference → those to whom it stays open.
    """

    permit: bool
    whole: bool
    own_facility: bool
    filters: tuple[Filter, ...]
    refusals: tuple[Filter, ...]
    closed: Mapping[str, frozenset[Recipient]]
    reasons: tuple[str, ...]
    actor: Actor
    purpose: str


def decide(
    *,
    actor: Actor,
    patient: str,
    purpose: str,
    resource_type: str,
    action: str,
    grants: Sequence[Grant],
    guardians: Collection[str],
    wrote_here: bool,
    now: datetime,
) -> Decision:
    """The decision for one actor and one person. Unknown words mean no.

    ``resource_type``: a FHIR type or ``*``; ``action``: read, download, count or subscribe; ``grants``: everything
    that is known to have been said for this person; ``guardians``: Health IDs of her guardians now, as healthid's
    events tell; ``wrote_here``: whether the actor's facility wrote anything in this record.
    """
    modes = ACTIONS.get(action)
    if modes is None or purpose not in PURPOSES:
        return _denied(actor, purpose, "The purpose or the action is not one that this system knows.")
    if actor.role == "citizen":
        return _for_citizen(actor, patient, purpose, guardians)
    if actor.role not in READERS:
        return _denied(actor, purpose, f"The role {actor.role} reads no records.")
    if not actor.in_good_standing:
        return _denied(actor, purpose, "The posting, the licence or the facility is no longer in force.")
    permits, refusals, restrictions = _said_to(actor, purpose, grants, now)
    if action == KEEPING:
        permits = [grant for grant in permits if grant.may_keep(now)]
    filters = _filters(permits, refusals, purpose=purpose, resource_type=resource_type, modes=modes)
    own_facility = wrote_here and purpose in AUTHOR_PURPOSES and _facility(actor) is not None
    if not filters and not own_facility:
        return _denied(actor, purpose, NOTHING_PERMITS)
    reasons = [f"{'Emergency declaration' if f.emergency else 'Consent'} {f.consent_id}." for f in filters]
    if own_facility:
        reasons.append("Your facility wrote in this record.")
    return Decision(
        permit=True,
        whole=False,
        own_facility=own_facility,
        filters=tuple(filters),
        refusals=tuple(_filter(grant) for grant in refusals),
        closed=_closed(restrictions) if restrictions else _NOTHING_CLOSED,
        reasons=tuple(reasons),
        actor=actor,
        purpose=purpose,
    )


def _for_citizen(actor: Actor, patient: str, purpose: str, guardians: Collection[str]) -> Decision:
    own = actor.health_id or actor.id
    if own == patient:
        return Decision(True, True, False, (), (), _NOTHING_CLOSED, ("Your own record.",), actor, purpose)
    if own and own in guardians:
        return Decision(True, True, False, (), (), _NOTHING_CLOSED, ("You are the guardian.",), actor, purpose)
    return _denied(actor, purpose, NOTHING_PERMITS)


def _said_to(
    actor: Actor, purpose: str, grants: Sequence[Grant], now: datetime
) -> tuple[list[Grant], list[Grant], list[Grant]]:
    """What is in force and speaks of this actor and purpose: permits, refusals, restrictions."""
    permits: list[Grant] = []
    refusals: list[Grant] = []
    restrictions: list[Grant] = []
    for grant in grants:
        if not grant.in_force(now):
            continue
        if grant.kind == "restriction":
            restrictions.append(grant)
        elif grant.decision == "permit":
            if grant.recipient and grant.purpose == purpose and actor.is_recipient(grant.recipient):
                permits.append(grant)
        elif _refuses(grant, actor, purpose):
            refusals.append(grant)
    return permits, refusals, restrictions


def _refuses(grant: Grant, actor: Actor, purpose: str) -> bool:
    """A refusal without a purpose covers all of them but the emergency, which has to be refused by name."""
    if grant.purpose != purpose and (grant.purpose is not None or purpose == EMERGENCY):
        return False
    return grant.recipient is None or actor.is_recipient(grant.recipient)


def _filters(
    permits: list[Grant], refusals: list[Grant], *, purpose: str, resource_type: str, modes: frozenset[str]
) -> list[Filter]:
    filters = []
    refused_types: set[str] = set()
    for refusal in refusals:
        if refusal.record_start is None and refusal.record_end is None:
            if refusal.record_types is None:
                return []
            refused_types |= refusal.record_types
    for grant in permits:
        if grant.access_mode not in modes:
            continue
        if grant.kind == "break-glass" and purpose != EMERGENCY:
            continue
        types = grant.record_types
        if types is not None and refused_types:
            types = types - refused_types
        reached = types is None or (bool(types) if resource_type == "*" else resource_type in types)
        if reached and resource_type not in refused_types:
            filters.append(_filter(grant, types))
    return filters


def _filter(grant: Grant, types: frozenset[str] | None = None) -> Filter:
    emergency = grant.kind == "break-glass"
    return Filter(
        consent_id=grant.consent_id,
        record_types=types if types is not None else grant.record_types,
        record_start=grant.record_start,
        record_end=grant.record_end,
        sensitive=_EVERYTHING_BUT_V if emergency else grant.sensitive,
        emergency=emergency,
    )


def _closed(restrictions: list[Grant]) -> Mapping[str, frozenset[Recipient]]:
    """Closed twice means: open only to those whom both name."""
    closed: dict[str, frozenset[Recipient]] = {}
    for grant in restrictions:
        if grant.reference is not None:
            named = grant.except_for
            closed[grant.reference] = closed[grant.reference] & named if grant.reference in closed else named
    return closed


def _facility(actor: Actor) -> str | None:
    return actor.id if actor.role == "facility" else actor.facility


def _denied(actor: Actor, purpose: str, reason: str) -> Decision:
    return Decision(False, False, False, (), (), _NOTHING_CLOSED, (reason,), actor, purpose)
