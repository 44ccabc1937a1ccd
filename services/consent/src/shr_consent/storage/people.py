"""The replica of persons: who they are by any of their ids, who their guardians are, when they were born."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pymongo
from shr_common.mongo import Client, Database, Document, Session, categorised, unit_of_work

from shr_consent.domain.persons import Person
from shr_consent.storage.indexes import LINKS, PEOPLE
from shr_consent.storage.newer import newer

LINKS_LIMIT = 16
"""Merges of merges are followed this far."""
REPLACED = 1 << 53
"""The version of a link to the id that replaced one: for ever, whatever merges of the former id were told."""


@dataclass(frozen=True, slots=True)
class PersonChanged:
    """A person as an event has her."""

    id: str
    version: int
    guardians: tuple[str, ...]
    birth_date: str | None
    replaces: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Merged:
    """``former`` leads to ``current`` from now on, or (undone) no more."""

    former: str
    current: str
    version: int
    undone: bool = False


class PeopleStore:
    """``people`` and ``links``. Everything is folded by version, so order and repeats do not matter."""

    def __init__(self, client: Client, database: Database, *, timeout_s: float) -> None:
        self._client = client
        self._people = database[PEOPLE]
        self._links = database[LINKS]
        self._timeout_s = timeout_s

    async def person(self, id: str) -> Person:
        """A person by any of her ids; one whom no event has named is only her id."""
        with categorised(), pymongo.timeout(self._timeout_s):
            current, ids = await self._group(id)
            rows = {row["_id"]: row async for row in self._people.find({"_id": {"$in": sorted(ids)}})}
        row: Document = rows.get(current) or {}
        return Person(current, ids, frozenset(row.get("guardians", ())), row.get("birth_date"))

    async def _group(self, id: str) -> tuple[str, frozenset[str]]:
        current, ids = id, {id}
        frontier = {id}
        for _ in range(LINKS_LIMIT):
            wanted = sorted(frontier)
            query: Document = {"$or": [{"_id": {"$in": wanted}}, {"to": {"$in": wanted}}], "undone": False}
            links = {row["_id"]: row["to"] async for row in self._links.find(query)}
            frontier = {one for link in links.items() for one in link} - ids
            if current in links:
                current = links[current]
            ids |= frontier
            if not frontier and current not in links:
                break
        return current, frozenset(ids)

    async def fold(self, changes: Sequence[PersonChanged], merges: Sequence[Merged], erased: Sequence[str]) -> None:
        """Keep what is newer than what is known, and forget the erased; all or nothing."""
        people = [
            newer(one.id, {"version": one.version, "guardians": list(one.guardians), "birth_date": one.birth_date})
            for one in changes
        ]
        links = [
            newer(former, {"version": REPLACED, "to": change.id, "undone": False})
            for change in changes
            for former in change.replaces
            if former != change.id
        ]
        links += [
            newer(one.former, {"version": one.version, "to": one.current, "undone": one.undone}) for one in merges
        ]

        async def work(session: Session) -> None:
            if people:
                await self._people.bulk_write(people, session=session)
            if links:
                await self._links.bulk_write(links, session=session)
            if erased:
                await self._people.delete_many({"_id": {"$in": list(erased)}}, session=session)

        await unit_of_work(self._client, work, timeout_s=self._timeout_s)
