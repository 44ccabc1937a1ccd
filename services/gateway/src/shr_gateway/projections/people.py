"""``patient.*`` folded: who a person is, which ids are one person, and the counters by first source."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shr_common.identifiers import is_health_id

Person = dict[str, Any]
Link = dict[str, Any]

_TAKEN = (
    "status", "name", "name_bn", "gender", "birth_date", "district", "upazila", "guardians", "replaces", "via",
)  # fmt: skip


def fold_person(known: Person | None, value: Mapping[str, Any]) -> Person | None:
    """The person after an event; None when it says nothing new. Once erased, always erased."""
    if known is not None and (known["erased"] or known["version"] >= value["version"]):
        return None
    person: Person = {"_id": value["health_id"], "version": value["version"], "erased": False}
    person.update((name, value.get(name)) for name in _TAKEN)
    person["guardians"] = value.get("guardians") or []
    person["replaces"] = value.get("replaces") or []
    issued = is_health_id(value["health_id"]) and value.get("status") != "provisional"
    person["issued"] = issued or bool(known and known["issued"])
    return person


def erased(known: Person | None, health_id: str) -> Person:
    """What is left of an erased person: that the id was issued, by whom, and that nothing may come back."""
    issued = bool(known and known["issued"])
    via = known["via"] if known else None
    person: Person = {"_id": health_id, "version": 0, "erased": True, **dict.fromkeys(_TAKEN)}
    return {**person, "guardians": [], "replaces": [], "issued": issued, "via": via, "status": "retired"}


def newly_issued(known: Person | None, person: Person) -> str | None:
    """The source system by which a Health ID was issued, the moment that it counts; None otherwise."""
    if not person["issued"] or (known is not None and known["issued"]):
        return None
    return (person["via"] or "other").partition("/")[0]


def link_id(former: str, to: str) -> str:
    """One document for each pair."""
    return f"{former}>{to}"


def _link(known: Link | None, former: str, to: str) -> Link:
    empty: Link = {"_id": link_id(former, to), "former": former, "to": to, "replaced": None, "merges": []}
    return {**empty, **(known or {})}


def fold_replaces(
    known: Link | None, *, former: str, to: str, present: bool, version: int, at: datetime
) -> Link | None:
    """``to`` says, at its ``version``, whether it replaces ``former``; since when is the earliest time it was said."""
    link = _link(known, former, to)
    said = link["replaced"]
    if said is None and not present:
        return None
    first = min([at, *([said["at"]] if said else [])]) if present else said["at"]
    newest = said is None or version > said["version"]
    replaced = {
        "version": version if newest else said["version"],
        "present": present if newest else said["present"],
        "at": first,
    }
    return None if replaced == said else _settled({**link, "replaced": replaced})


def fold_merge(known: Link | None, value: Mapping[str, Any], at: datetime) -> Link:
    """Merged, or (``undone``) found not to be one person."""
    link = _link(known, value["retired"], value["survivor"])
    facts = {(m["at"], m["version"]): m for m in link["merges"]}
    facts[at, value["version"]] = {"at": at, "version": value["version"], "undone": bool(value.get("undone"))}
    return _settled({**link, "merges": [facts[key] for key in sorted(facts)]})


def _settled(link: Link) -> Link:
    """``active`` and ``at`` (since when) from what was said."""
    since: datetime | None = None
    for merge in link["merges"]:
        since = None if merge["undone"] else since or merge["at"]
    replaced = link["replaced"]
    last = link["merges"][-1] if link["merges"] else None
    parted = last is not None and last["undone"] and (replaced is None or last["at"] >= replaced["at"])
    if replaced and replaced["present"] and not parted:
        since = replaced["at"] if since is None else min(since, replaced["at"])
    return {**link, "active": since is not None, "at": since}
