"""What healthid said: who is who by any id, and who guards whom."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from shr_common.mongo import Client, Database, Document, Session, categorised, unit_of_work

from shr_appointments.domain.actors import Person
from shr_appointments.storage.collections import LINKS, PEOPLE
from shr_appointments.storage.newer import newer

HOPS_LIMIT = 16
"""Merges of merges are followed this far."""


class PeopleReplica:
    """``people`` and ``links``, folded by version, so order and repeats do not matter."""

    def __init__(self, client: Client, database: Database, *, timeout_s: float) -> None:
        self._client = client
        self._people = database[PEOPLE]
        self._links = database[LINKS]
        self._timeout_s = timeout_s

    async def person(self, id: str) -> Person:
        """A person by any of her ids; one whom no event has named is only her id."""
        with categorised():
            current, ids = await self._group(id)
            rows = {row["_id"]: row async for row in self._people.find({"_id": {"$in": sorted(ids)}})}
        guardians = frozenset(rows.get(current, {}).get("guardians", ()))
        return Person(current, ids, guardians, known=current in rows)

    async def _group(self, id: str) -> tuple[str, frozenset[str]]:
        current, ids, frontier = id, {id}, {id}
        for _ in range(HOPS_LIMIT):
            wanted = sorted(frontier)
            query: Document = {"$or": [{"_id": {"$in": wanted}}, {"to": {"$in": wanted}}], "undone": False}
            links = {row["_id"]: row["to"] async for row in self._links.find(query)}
            frontier = {one for link in links.items() for one in link} - ids
            ids |= frontier
            moves = current in links
            current = links.get(current, current)
            if not frontier and not moves:
                break
        return current, frozenset(ids)

    async def fold(
        self, people: Mapping[str, Document], links: Mapping[str, Document], erased: Collection[str]
    ) -> None:
        """Keep what is newer, forget the erased; all or nothing."""

        async def work(session: Session) -> None:
            if people:
                await self._people.bulk_write([newer(one, row) for one, row in people.items()], session=session)
            if links:
                await self._links.bulk_write([newer(one, row) for one, row in links.items()], session=session)
            if erased:
                await self._people.delete_many({"_id": {"$in": list(erased)}}, session=session)

        await unit_of_work(self._client, work, timeout_s=self._timeout_s)
