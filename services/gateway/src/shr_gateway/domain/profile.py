"""The profile of a person, put together from pre-serialised items: sections, timeline, identity."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from shr_common.errors import Category, Issue, ShrError

from shr_gateway.domain.lines import Line
from shr_gateway.domain.sections import OTHER, SECTION_LIMIT, SECTIONS, TIMELINE_LIMIT
from shr_gateway.domain.values import sort_key

UNNAMED = b'{"display":null,'
"""How the item of a bare code begins."""
NamesByKey = Mapping[str, tuple[str | None, str | None]]
Position = tuple[str, str]
"""(moment as a sort key, reference): where a timeline goes on."""


def lines_of(profiles: Mapping[str, Mapping[str, Any]]) -> Sequence[Line]:
    """The lines of all ids, newest first."""
    several: list[list[Line]] = [profile["lines"] for profile in profiles.values()]
    if len(several) == 1:
        return several[0]
    return list(heapq.merge(*several, key=lambda line: (line.at, line.reference), reverse=True))


def name_keys(lines: Iterable[Line]) -> set[str]:
    """The keys of the names that lines are shown with."""
    pairs = {(line.kind.facility, line.name_key) for line in lines}
    facilities = {f"Organization/{facility}" for facility, _ in pairs if facility}
    return facilities | {name_key for _, name_key in pairs if name_key}


class Serialiser:
    """Adds names to pre-serialised items; what is added is made once for each facility and concept."""

    def __init__(self, names: NamesByKey) -> None:
        self.names = names
        self._suffixes: dict[tuple[str | None, str | None], bytes] = {}

    def item(self, line: Line) -> bytes:
        """The JSON object of one line."""
        key = (line.kind.facility, line.name_key)
        suffix = self._suffixes.get(key)
        if suffix is None:
            suffix = self._suffixes[key] = self._suffix(*key)
        item = line.item
        if item.startswith(UNNAMED):
            return self._named(line) + suffix
        return item[:-1] + suffix

    def _named(self, line: Line) -> bytes:
        """An item that came with a bare code, under the name that terminology gives it, else under its code."""
        key = line.name_key or ""
        name = self.names.get(key, (None, None))[0] or key.rpartition("|")[2]
        return b'{"display":' + orjson.dumps(name) + b"," + line.item[len(UNNAMED) : -1]

    def _suffix(self, facility: str | None, name_key: str | None) -> bytes:
        added = {}
        if facility:
            name, name_bn = self.names.get(f"Organization/{facility}", (None, None))
            added.update({"facility_name": name, "facility_name_bn": name_bn})
        if name_key:
            added["display_bn"] = self.names.get(name_key, (None, None))[1]
        said = {key: value for key, value in added.items() if value}
        return b"," + orjson.dumps(said)[1:] if said else b"}"


@dataclass(frozen=True, slots=True)
class Parts:
    """What a profile is made of besides its items."""

    health_id: str
    as_of: str
    identity: Mapping[str, Any]
    restricted: bool
    access: Mapping[str, Any]
    acknowledged: Sequence[Mapping[str, Any]]
    next: str | None


def render(parts: Parts, lines: Sequence[Line], timeline: Sequence[Line], serialiser: Serialiser) -> bytes:
    """The profile as JSON: sections whole up to their limit, the timeline as given."""
    serialise = serialiser.item
    bodies = [serialise(line) for line in lines]
    sections: dict[str, list[bytes]] = {name: [] for name in (*SECTIONS, OTHER)}
    for line, body in zip(lines, bodies, strict=True):
        sections[line.kind.section].append(body)
    newest = bodies[: len(timeline)] if timeline and timeline[0] is lines[0] else [serialise(one) for one in timeline]
    return orjson.dumps({
        "health_id": parts.health_id,
        "as_of": parts.as_of,
        "identity": parts.identity,
        "sections": {name: _list(sections[name][:SECTION_LIMIT]) for name in SECTIONS},
        "timeline": _list(newest),
        "restricted": parts.restricted,
        "next": parts.next,
        "access": parts.access,
        "acknowledged": parts.acknowledged,
    })  # fmt: skip


def _list(items: Sequence[bytes]) -> orjson.Fragment:
    return orjson.Fragment(b"[" + b",".join(items) + b"]")


def position_of(line: Line) -> str:
    """Where a timeline goes on after a line, as ``before`` takes it."""
    return f"{line.at}~{line.reference}"


def parse_position(text: str) -> Position:
    """From ``before``: what ``next`` said, or a date or time. Raises invalid (400)."""
    moment, _, reference = text.partition("~")
    at = sort_key(moment)
    if not at or len(text) > 200:
        issue = Issue("before is a date, a time, or the value of next in the page before.", expression="before")
        raise ShrError(Category.INVALID, issue, detail="bad-request")
    return at, reference


def earlier(lines: Sequence[Line], position: Position | None, *, limit: int = TIMELINE_LIMIT + 1) -> list[Line]:
    """The newest lines before a position."""
    if position is None:
        return list(lines[:limit])
    return [line for line in lines if (line.at, line.reference) < position][:limit]
