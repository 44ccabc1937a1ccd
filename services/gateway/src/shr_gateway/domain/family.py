"""Everybody who is one person: a Health ID with those that were merged into it or that it replaced.

Nothing is re-keyed: each resource and grant keeps the id that it came in under, and is joined when read. So a merge
can be undone exactly, and "a grant covers the survivor only for what it covered before" is a question of time alone:
a grant reaches what was recorded for an id if both were one person at the moment when it was given.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

DEPTH_LIMIT = 16


@dataclass(frozen=True, slots=True)
class Family:
    """``root`` is the id in use; ``ids`` are all, the root first; ``links`` former id → (id in use, since when)."""

    root: str
    ids: tuple[str, ...]
    links: Mapping[str, tuple[str, datetime]]

    def one_at(self, moment: datetime, one: str, other: str) -> bool:
        """Whether two ids were one person at a moment."""
        return one == other or self._root_at(moment, one) == self._root_at(moment, other)

    def _root_at(self, moment: datetime, person: str) -> str:
        for _ in range(DEPTH_LIMIT):
            to, since = self.links.get(person, (None, None))
            if to is None or since is None or since > moment:
                return person
            person = to
        return person


def family_of(person: str, links: Iterable[Mapping[str, Any]]) -> Family:
    """The family of a person from active links ``{"former", "to", "at"}`` (those of others do no harm)."""
    known = {link["former"]: (link["to"], link["at"]) for link in links}
    if not known:
        return Family(person, (person,), {})
    root = _root(person, known)
    former = sorted(one for one in known if one != root and _root(one, known) == root)
    ids = (root, *former)
    return Family(root, ids, {one: known[one] for one in former})


def _root(person: str, known: Mapping[str, tuple[str, datetime]]) -> str:
    for _ in range(DEPTH_LIMIT):
        if person not in known:
            return person
        person = known[person][0]
    return person
