"""What the views hold about a person and everybody she was: one read for a whole batch of requests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import pymongo
from shr_common.mongo import Database, Document, categorised
from shr_contracts.topics import CONSENT_CHANGED

from shr_gateway.domain.family import DEPTH_LIMIT, Family, family_of
from shr_gateway.storage.views import CONSENTS, LINKS, PEOPLE, POSITIONS, PROFILES

CONSENT_VIEW = "consents"


@dataclass(frozen=True, slots=True)
class Known:
    """``person`` is the root's document, ``consents`` all that was granted under any id, ``profiles`` by id;
    ``folded``: partition of consent.changed → next offset, read before everything else.
    """

    asked: str
    family: Family
    person: Document | None
    consents: Sequence[Document]
    profiles: Mapping[str, Document]
    folded: Mapping[int, int]


@dataclass(slots=True)
class _Found:
    people: dict[str, Document]
    consents: dict[str, list[Document]]
    profiles: dict[str, Document]


class KnownReader:
    """Reads for many at once. ``partitions``: of consent.changed; ``cluster``: the broker's id."""

    def __init__(
        self, database: Database, *, cluster: Callable[[], str], partitions: Callable[[], int], timeout_s: float
    ) -> None:
        self._database = database
        self._cluster = cluster
        self._partitions = partitions
        self._timeout_s = timeout_s

    async def load(self, asked: Sequence[str]) -> list[Known]:
        """One Known for each id. Raises unavailable."""
        with categorised(), pymongo.timeout(self._timeout_s):
            folded = await self._folded()
            ids = set(asked)
            found = _Found({}, {}, {})
            links, _ = await asyncio.gather(self._links(ids), self._fill(found, ids))
            families = {person: family_of(person, links) for person in ids}
            others = {one for family in families.values() for one in family.ids} - ids
            if others:
                await self._fill(found, others)
        return [self._known(person, families[person], found, folded) for person in asked]

    async def families(self, ids: Iterable[str]) -> dict[str, Family]:
        """The family of each id."""
        wanted = set(ids)
        with categorised(), pymongo.timeout(self._timeout_s):
            links = await self._links(wanted)
        return {person: family_of(person, links) for person in wanted}

    @staticmethod
    def _known(asked: str, family: Family, found: _Found, folded: Mapping[int, int]) -> Known:
        return Known(
            asked=asked,
            family=family,
            person=found.people.get(family.root),
            consents=[one for person in family.ids for one in found.consents.get(person, ())],
            profiles={person: found.profiles[person] for person in family.ids if person in found.profiles},
            folded=folded,
        )

    async def _folded(self) -> dict[int, int]:
        prefix = f"{CONSENT_VIEW}|{self._cluster()}|{CONSENT_CHANGED}|"
        ids = [f"{prefix}{partition}" for partition in range(self._partitions())]
        found = await self._database[POSITIONS].find({"_id": {"$in": ids}}).to_list()
        return {int(one["_id"].rpartition("|")[2]): one["next"] for one in found}

    async def _fill(self, found: _Found, ids: set[str]) -> None:
        wanted = {"$in": sorted(ids)}
        people, consents, profiles = await asyncio.gather(
            self._database[PEOPLE].find({"_id": wanted}).to_list(),
            self._database[CONSENTS].find({"patient": wanted, "status": "granted"}).to_list(),
            self._database[PROFILES].find({"_id": wanted}).to_list(),
        )
        found.people.update((one["_id"], one) for one in people)
        found.profiles.update((one["_id"], one) for one in profiles)
        for one in consents:
            found.consents.setdefault(one["patient"], []).append(one)

    async def _links(self, ids: set[str]) -> list[Document]:
        """All links of everybody who is one with one of these, by following them both ways."""
        found: dict[str, Document] = {}
        frontier = ids
        for _ in range(DEPTH_LIMIT):
            wanted = {"$in": sorted(frontier)}
            links = (
                await self._database[LINKS]
                .find({"$or": [{"former": wanted}, {"to": wanted}], "active": True}, {"former": 1, "to": 1, "at": 1})
                .to_list()
            )
            fresh = [link for link in links if link["_id"] not in found]
            if not fresh:
                break
            found.update((link["_id"], link) for link in fresh)
            frontier = {end for link in fresh for end in (link["former"], link["to"])}
        return list(found.values())
