"""The order of Periods (per-1) where no compiled schema can compare both ends: in a resource's own usual places."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

from shr_common.fhir.rules_datatypes import period_is_ordered
from shr_common.fhir.tables import resource_types, table

Places = tuple[tuple[str, str | None], ...]
"""(member, None) is a Period of the resource itself, (member, name) one within that member or each of its items."""


@cache
def places_of(resource_type: str) -> Places:
    """Where a resource of this type may hold Periods, but for measured values and what datatypes hold."""
    own: list[tuple[str, str | None]] = [(name, None) for name in _single_periods(resource_type)]
    uses = Counter(kind for path in _paths(resource_type) for kind in _inner(path))
    within = [
        (name, period)
        for name, element in table(resource_type).elements.items()
        if element.kind == f"{resource_type}.{name}" and uses[element.kind] == 1
        for period in _single_periods(element.kind)
    ]
    return (*own, *within)


def is_place(owner: str, name: str) -> bool:
    """Whether the element ``name`` of the type or path ``owner`` is one of its resource's places."""
    resource_type, _, member = owner.partition(".")
    place = (member, name) if member else (name, None)
    return resource_type in resource_types() and place in places_of(resource_type)


def is_in_order(held: Any, name: str | None) -> bool:
    """Whether no Period of one place, of valid structure, ends before it starts."""
    if name is None:
        return period_is_ordered(held)
    items = held if isinstance(held, list) else [held]
    return all(period_is_ordered(item[name]) for item in items if name in item)


def _single_periods(path: str) -> list[str]:
    return [
        name
        for name, element in table(path).elements.items()
        if element.kind == "Period" and not element.many and not name.startswith("value")
    ]


def _inner(path: str) -> list[str]:
    return [element.kind for element in table(path).elements.values() if "." in element.kind]


def _paths(path: str, met: set[str] | None = None) -> Iterator[str]:
    """The path and those of all backbone elements below it, once each."""
    met = {path} if met is None else met
    yield path
    for kind in _inner(path):
        if kind not in met:
            met.add(kind)
            yield from _paths(kind, met)
