"""The profile of a person, put together from pre-serialised items: sections, timeline, identity."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from shr_common.errors import Category, Issue, ShrError

from shr_gateway.domain.sections import OTHER, SECTION_LIMIT, SECTIONS, TIMELINE_LIMIT
from shr_gateway.domain.values import sort_key

Item = Mapping[str, Any]
NamesByKey = Mapping[str, tuple[str | None, str | None]]
Position = tuple[str, str]
"""(moment as a sort key, reference): where a timeline goes on."""


def items_of(profiles: Mapping[str, Mapping[str, Any]]) -> Sequence[Item]:
    """The items of all ids, newest first, each with the id that it was recorded for."""
    for person, profile in profiles.items():
        for item in profile["items"]:
            item["person"] = person
    several = [profile["items"] for profile in profiles.values()]
    if len(several) == 1:
        only: Sequence[Item] = several[0]
        return only
    return list(heapq.merge(*several, key=lambda item: (item["at"], item["reference"]), reverse=True))


def name_keys(items: Iterable[Item]) -> set[str]:
    """The keys of the names that items are shown with."""
    keys: set[str] = set()
    for item in items:
        if item["facility"]:
            keys.add(f"Organization/{item['facility']}")
        if item["name_key"]:
            keys.add(item["name_key"])
    return keys


class Serialiser:
    """Adds names to pre-serialised items; what is added is made once for each facility and concept."""

    def __init__(self, names: NamesByKey) -> None:
        self._names = names
        self._suffixes: dict[tuple[str | None, str | None], bytes] = {}

    def item(self, item: Item) -> bytes:
        """The JSON object of one item."""
        key = (item["facility"], item["name_key"])
        suffix = self._suffixes.get(key)
        if suffix is None:
            suffix = self._suffixes[key] = self._suffix(*key)
        body: bytes = item["item"]
        return body[:-1] + suffix

    def _suffix(self, facility: str | None, name_key: str | None) -> bytes:
        added = {}
        if facility:
            name, name_bn = self._names.get(f"Organization/{facility}", (None, None))
            added.update({"facility_name": name, "facility_name_bn": name_bn})
        if name_key:
            added["display_bn"] = self._names.get(name_key, (None, None))[1]
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


def render(parts: Parts, items: Sequence[Item], timeline: Sequence[Item], names: NamesByKey) -> bytes:
    """The profile as JSON: sections whole up to their limit, the timeline as given."""
    serialiser = Serialiser(names)
    rendered: dict[str, bytes] = {}
    sections: dict[str, list[bytes]] = {name: [] for name in (*SECTIONS, OTHER)}
    for item in items:
        body = serialiser.item(item)
        rendered[item["reference"]] = body
        sections[item["section"]].append(body)
    line = [rendered.get(item["reference"]) or serialiser.item(item) for item in timeline]
    return orjson.dumps({
        "health_id": parts.health_id,
        "as_of": parts.as_of,
        "identity": parts.identity,
        "sections": {name: _list(sections[name][:SECTION_LIMIT]) for name in SECTIONS},
        "timeline": _list(line),
        "restricted": parts.restricted,
        "next": parts.next,
        "access": parts.access,
        "acknowledged": parts.acknowledged,
    })  # fmt: skip


def _list(items: Sequence[bytes]) -> orjson.Fragment:
    return orjson.Fragment(b"[" + b",".join(items) + b"]")


def position_of(item: Item) -> str:
    """Where a timeline goes on after an item, as ``before`` takes it."""
    return f"{item['at']}~{item['reference']}"


def parse_position(text: str) -> Position:
    """From ``before``: what ``next`` said, or a date or time. Raises invalid (400)."""
    moment, _, reference = text.partition("~")
    at = sort_key(moment)
    if not at or len(text) > 200:
        issue = Issue("before is a date, a time, or the value of next in the page before.", expression="before")
        raise ShrError(Category.INVALID, issue, detail="bad-request")
    return at, reference


def earlier(items: Sequence[Item], position: Position | None, *, limit: int = TIMELINE_LIMIT + 1) -> list[Item]:
    """The newest items before a position."""
    if position is None:
        return list(items[:limit])
    return [item for item in items if (item["at"], item["reference"]) < position][:limit]
