"""The rules once more, written to be obviously right: one item, one question, no filters in between."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta

from shr_policy import Actor, Grant, Item

NEEDS = {
    "read": ["VIEW", "STORE"],
    "download": ["STORE"],
    "count": ["QUERY", "VIEW", "STORE"],
    "subscribe": ["STREAM"],
}


def may_see(
    *,
    actor: Actor,
    patient: str,
    purpose: str,
    action: str,
    grants: Sequence[Grant],
    guardians: Collection[str],
    wrote_here: bool,
    now: datetime,
    item: Item,
) -> bool:
    if action not in NEEDS or purpose not in ["CAREMGT", "BTG", "PATRQT", "PUBHLTH", "HPAYMT", "HRESCH"]:
        return False
    if actor.role == "citizen":
        me = actor.health_id or actor.id
        return me == patient or (me != "" and me in guardians)
    if actor.role not in ["practitioner", "facility"] or not actor.in_good_standing:
        return False
    workplace = actor.id if actor.role == "facility" else actor.facility
    if wrote_here and workplace and item.facility == workplace and purpose in ["CAREMGT", "BTG", "HPAYMT"]:
        return True
    if purpose == "BTG" and item.confidentiality == "V":
        return False
    live = [g for g in grants if g.status == "granted" and not (g.expires_at and now >= g.expires_at)]
    if any(refuses(g, actor, purpose, item) for g in live if g.kind != "restriction" and g.decision == "deny"):
        return False
    closed = any(closes(g, actor, item) for g in live if g.kind == "restriction")
    for g in live:
        if g.kind == "restriction" or g.decision != "permit" or not is_to(g, actor) or g.purpose != purpose:
            continue
        if g.access_mode not in NEEDS[action] or not (g.record_types is None or item.type in g.record_types):
            continue
        if action == "download" and g.erase_at and now >= g.erase_at:
            continue
        if g.kind == "break-glass":
            if purpose == "BTG" and inside(g, item) and item.confidentiality in "ULMNR":
                return True
            continue
        if closed or not inside(g, item):
            continue
        if all(label in g.sensitive for label in named_by(item)):
            return True
    return False


def named_by(item: Item) -> list[str]:
    if item.labels:
        return sorted(item.labels)
    return [item.confidentiality] if item.confidentiality in ("R", "V") else []


def is_to(grant: Grant, actor: Actor) -> bool:
    if grant.recipient is None:
        return False
    kind, one = grant.recipient
    if kind == "practitioner":
        return actor.role == "practitioner" and actor.id == one
    return one == (actor.id if actor.role == "facility" else actor.facility)


def refuses(grant: Grant, actor: Actor, purpose: str, item: Item) -> bool:
    about_purpose = grant.purpose == purpose or (grant.purpose is None and purpose != "BTG")
    about_actor = grant.recipient is None or is_to(grant, actor)
    about_type = grant.record_types is None or item.type in grant.record_types
    return about_purpose and about_actor and about_type and any(day_in(grant, day) for day in days(item))


def closes(grant: Grant, actor: Actor, item: Item) -> bool:
    if grant.reference not in [item.reference, item.belongs_to]:
        return False
    mine = [("practitioner", actor.id)] if actor.role == "practitioner" else []
    workplace = actor.id if actor.role == "facility" else actor.facility
    mine += [("facility", workplace), ("organization", workplace)] if workplace else []
    return not any(one in grant.except_for for one in mine)


def inside(grant: Grant, item: Item) -> bool:
    if grant.record_start is None and grant.record_end is None:
        return True
    return item.date is not None and all(day_in(grant, day) for day in days(item))


def day_in(grant: Grant, day: date | None) -> bool:
    if day is None:
        return True
    return not (grant.record_start and day < date.fromisoformat(grant.record_start)) and not (
        grant.record_end and day > date.fromisoformat(grant.record_end)
    )


def days(item: Item) -> list[date | None]:
    """Every day that the item's date can mean; [None] when it has none."""
    if item.date is None:
        return [None]
    if len(item.date) == 10:
        return [date.fromisoformat(item.date)]
    first = date.fromisoformat(item.date + "-01-01"[-(10 - len(item.date)) :])
    found: list[date | None] = []
    day = first
    while day.isoformat().startswith(item.date):
        found.append(day)
        day += timedelta(days=1)
    return found
