"""``encounter.recorded`` folded: one row for each resource at its newest state, and the profile of each person.

Rows decide which state is the newest: by ``meta.lastUpdated``, then by version, so that any order and repetition of the
same events gives the same rows. A profile is what the rows of its person say, the newest of each section.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from shr_common.errors import malformed
from shr_common.fhir.times import instant_of

from shr_gateway.domain import facets
from shr_gateway.domain.display import Neighbours, item_of
from shr_gateway.domain.lines import Kind, Line
from shr_gateway.domain.sections import limit_of, section_of
from shr_gateway.domain.values import Decimal, Resource, day_of, sort_key

Row = dict[str, Any]
Profile = dict[str, Any]
Changes = dict[str, "dict[str, Row | None]"]
"""person → reference → its item, or None when it leaves."""

_NULL = msgspec.Raw(b"null")
_EARLIEST = "0000"


class _Entry(msgspec.Struct):
    type: str
    id: str
    version: int
    resource: msgspec.Raw = _NULL


class Recorded(msgspec.Struct):
    """The value of ``encounter.recorded``, each resource still in the bytes in which it is served."""

    source: str
    submission_id: str
    health_id: str
    recorded_at: str
    resources: list[_Entry]
    version: int = 1


_recorded = msgspec.json.Decoder(Recorded)
_resource = msgspec.json.Decoder(float_hook=Decimal)


def recorded_of(value: bytes) -> Recorded:
    """The event in a record's value. Raises invalid when it is none."""
    try:
        return _recorded.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise malformed(f"This is no encounter.recorded: {error}") from None


def rows_of(event: Recorded) -> list[Row]:
    """One row for each resource of an event."""
    parsed: list[Any] = [_resource.decode(entry.resource) for entry in event.resources]
    near: dict[str, Resource] = {
        f"{entry.type}/{entry.id}": resource
        for entry, resource in zip(event.resources, parsed, strict=True)
        if entry.type == "Medication" and isinstance(resource, dict)
    }
    return [_row(event, entry, resource, near) for entry, resource in zip(event.resources, parsed, strict=True)]


def _row(event: Recorded, entry: _Entry, resource: Any, near: Neighbours) -> Row:
    gone = not isinstance(resource, dict) or facets.is_withdrawn(resource)
    said: Resource = resource if isinstance(resource, dict) else {}
    reference = f"{entry.type}/{entry.id}"
    date = facets.date_of(said) or event.recorded_at
    labels, confidentiality = facets.labels_of(said)
    section = None if gone else section_of(entry.type)
    facility = facets.facility_of(event.source)
    item: bytes | None = None
    name_key: str | None = None
    if section is not None:
        contained = {f"#{c.get('id')}": c for c in said.get("contained") or () if isinstance(c, dict)}
        item, name_key = item_of(
            said, reference=reference, source=event.source, facility=facility, date=date, section=section,
            near={**near, **contained} if contained else near,
        )  # fmt: skip
    return {
        "_id": reference,
        "person": event.health_id,
        "type": entry.type,
        "version": entry.version,
        "updated": _updated(said),
        "gone": gone,
        "at": sort_key(date),
        "date": date,
        "day": day_of(date),
        "codes": facets.codes_of(said),
        "categories": facets.categories_of(said),
        "status": facets.status_of(said),
        "labels": labels,
        "confidentiality": confidentiality,
        "facility": facility,
        "source": event.source,
        "encounter": facets.encounter_of(said),
        "section": section,
        "name_key": name_key,
        "item": item,
        "body": None if gone else bytes(entry.resource),
    }


def _updated(resource: Resource) -> str:
    """``meta.lastUpdated`` as text that sorts as the instants do."""
    said = (resource.get("meta") or {}).get("lastUpdated")
    moment = instant_of(said) if isinstance(said, str) else None
    return _EARLIEST if moment is None else moment.isoformat(timespec="microseconds")


def newer(row: Row, than: Row) -> bool:
    """An older ``meta.lastUpdated``, or a lower version at the same one, never wins."""
    return (row["updated"], row["version"]) > (than["updated"], than["version"])


@dataclass(slots=True)
class Folded:
    """What a batch of events changes: rows that are now the newest, those that they pass, and items of profiles."""

    current: dict[str, Row] = field(default_factory=dict)
    passed: dict[str, Row] = field(default_factory=dict)
    changes: Changes = field(default_factory=dict)
    effective: list[Recorded] = field(default_factory=list)


def fold(known: Mapping[str, Row], events: Iterable[Recorded]) -> Folded:
    """Fold events over the rows that are known of their resources (by reference). Pure."""
    folded = Folded()
    for event in events:
        effective = False
        for row in rows_of(event):
            effective |= _fold_row(folded, known, row)
        if effective:
            folded.effective.append(event)
    return folded


def _fold_row(folded: Folded, known: Mapping[str, Row], row: Row) -> bool:
    reference = row["_id"]
    before = folded.current.get(reference) or known.get(reference)
    if before is not None and before["version"] == row["version"] and before["updated"] == row["updated"]:
        return False
    if before is not None and not newer(row, before):
        return _pass(folded, row)
    if before is not None:
        _pass(folded, before)
        if before["person"] != row["person"]:
            folded.changes.setdefault(before["person"], {})[reference] = None
    folded.current[reference] = row
    # an item that never stood need not be taken away
    if row["section"] is not None or before is not None:
        folded.changes.setdefault(row["person"], {})[reference] = row if row["section"] is not None else None
    return True


def _pass(folded: Folded, row: Row) -> bool:
    """Keep a state that is not the newest, for its history."""
    if row["gone"]:
        return False
    key = f"{row['_id']}/_history/{row['version']}"
    kept = folded.passed.get(key)
    if kept is None or newer(row, kept):
        folded.passed[key] = {**row, "_id": key, "reference": row["_id"]}
    return False


def line_of(row: Row) -> Line:
    """What a profile keeps of a row."""
    kind = Kind.of(row["person"], row["type"], row["section"], row["facility"], row["labels"], row["confidentiality"])
    return Line(kind, row["_id"], row["day"], row["at"], row["encounter"], row["name_key"], row["item"])


def empty_profile(person: str) -> Profile:
    """A profile without lines. ``capped``: sections that have more in the rows than here."""
    return {"_id": person, "lines": [], "capped": [], "acknowledged": []}


def fold_profile(profile: Profile, changes: Mapping[str, Row | None]) -> Profile:
    """The profile after rows came, changed or left: newest first, each section up to its limit."""
    lines = {line.reference: line for line in profile["lines"]}
    for reference, row in changes.items():
        if row is None:
            lines.pop(reference, None)
        else:
            lines[reference] = line_of(row)
    kept, capped = within_limits(sorted(lines.values(), key=newest_first, reverse=True))
    return {**profile, "lines": kept, "capped": sorted({*profile["capped"], *capped})}


def newest_first(line: Line) -> tuple[str, str]:
    """Sort key, to be used in reverse."""
    return line.at, line.reference


def within_limits(ordered: Iterable[Line]) -> tuple[list[Line], set[str]]:
    """The newest of each section, and the sections that had more."""
    counts: dict[str, int] = {}
    kept: list[Line] = []
    capped: set[str] = set()
    for line in ordered:
        section = line.kind.section
        counts[section] = counts.get(section, 0) + 1
        if counts[section] > limit_of(section):
            capped.add(section)
        else:
            kept.append(line)
    return kept, capped


def to_refill(profile: Profile, changes: Mapping[str, Row | None]) -> set[str]:
    """Capped sections in which an item that stood was changed or left: what follows it has to come from the rows."""
    if not profile["capped"]:
        return set()
    section_of_line = {line.reference: line.kind.section for line in profile["lines"]}
    return {section_of_line[ref] for ref in changes if ref in section_of_line} & set(profile["capped"])


def refilled(profile: Profile, section: str, newest: list[Row], *, more: bool) -> Profile:
    """The profile with a section made anew from its newest rows; ``more``: the rows have others beyond these."""
    others = [line for line in profile["lines"] if line.kind.section != section]
    lines = sorted([*others, *map(line_of, newest)], key=newest_first, reverse=True)
    capped = set(profile["capped"]) - {section} | ({section} if more else set())
    return {**profile, "lines": lines, "capped": sorted(capped)}


def fold_acknowledgement(profile: Profile, said: Mapping[str, Any]) -> Profile:
    """A practitioner has seen a result: the first time counts."""
    seen = {(one["reference"], one["practitioner"]): one for one in profile["acknowledged"]}
    key = (said["reference"], said["practitioner"])
    if key not in seen or said["at"] < seen[key]["at"]:
        seen[key] = {name: said.get(name) for name in ("reference", "practitioner", "facility", "at")}
    return {**profile, "acknowledged": [seen[key] for key in sorted(seen)]}
