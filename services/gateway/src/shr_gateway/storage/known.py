"""What the views hold about a person and everybody she was: one read for a whole batch of requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pymongo
from shr_common.mongo import Database, Document, categorised
from shr_contracts.topics import CONSENT_CHANGED

from shr_gateway.domain.family import DEPTH_LIMIT, Family, family_of
from shr_gateway.storage.profiles import Profiles, outdated, profile_of
from shr_gateway.storage.views import CONSENTS, LINKS, PEOPLE, POSITIONS, PROFILES

CONSENT_VIEW = "consents"
BATCH = 10_000


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
    """Documents of one read, told apart by what only they have."""

    folded: dict[int, int] = field(default_factory=dict)
    links: dict[str, Document] = field(default_factory=dict)
    people: dict[str, Document] = field(default_factory=dict)
    profiles: dict[str, Document] = field(default_factory=dict)
    consents: dict[str, dict[str, Document]] = field(default_factory=dict)

    def take(self, document: Document) -> None:
        if "lines" in document:
            self.profiles[document["_id"]] = profile_of(document)
        elif "granted_at" in document:
            self.consents.setdefault(document["patient"], {})[document["_id"]] = document
        elif "erased" in document:
            self.people[document["_id"]] = document
        elif "former" in document:
            self.links[document["_id"]] = document
        else:
            self.folded[int(document["_id"].rpartition("|")[2])] = document["next"]

    def ends(self) -> set[str]:
        """Everybody who is linked with somebody."""
        return {end for link in self.links.values() for end in (link["former"], link["to"])}


class KnownReader:
    """Reads for many at once. ``partitions``: of consent.changed; ``cluster``: the broker's id."""

    def __init__(
        self, database: Database, *, cluster: Callable[[], str], partitions: Callable[[], int], timeout_s: float
    ) -> None:
        self._positions = database[POSITIONS]
        self._profiles = Profiles(database)
        self._cluster = cluster
        self._partitions = partitions
        self._timeout_s = timeout_s

    async def load(self, asked: Sequence[str]) -> list[Known]:
        """One Known for each id. Raises unavailable."""
        found = await self._read(asked)
        families = {person: family_of(person, found.links.values()) for person in set(asked)}
        return [_known(person, families[person], found) for person in asked]

    async def families(self, ids: Sequence[str]) -> dict[str, Family]:
        """The family of each id."""
        found = await self._read(ids)
        return {person: family_of(person, found.links.values()) for person in ids}

    async def _read(self, asked: Sequence[str]) -> _Found:
        found = _Found()
        known: set[str] = set()
        wanted = set(asked)
        with categorised(), pymongo.timeout(self._timeout_s):
            for _ in range(DEPTH_LIMIT):
                await self._read_once(found, sorted(wanted))
                known |= wanted
                wanted = found.ends() - known
                if not wanted:
                    break
        return found

    async def _read_once(self, found: _Found, ids: Sequence[str]) -> None:
        """One round trip for all views. Positions come first: what they say was folded, the rest then holds."""
        prefix = f"{CONSENT_VIEW}|{self._cluster()}|{CONSENT_CHANGED}|"
        positions = [f"{prefix}{partition}" for partition in range(self._partitions())]
        these = {"$in": list(ids)}
        stages: list[dict[str, Any]] = [
            {"$match": {"_id": {"$in": positions}}},
            _and_of(CONSENTS, {"patient": these, "status": "granted"}),
            _and_of(LINKS, {"$or": [{"former": these}, {"to": these}], "active": True}),
            _and_of(PEOPLE, {"_id": these}),
            _and_of(PROFILES, {"_id": these}),
        ]
        earlier = dict(found.folded)
        async with await self._positions.aggregate(stages, batchSize=BATCH) as cursor:
            for document in await cursor.to_list():
                found.take(await self._profiles.renewed(document) if outdated(document) else document)
        found.folded.update(earlier)  # the first reading is the one that everything else is later than


def _and_of(name: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    return {"$unionWith": {"coll": name, "pipeline": [{"$match": wanted}]}}


def _known(asked: str, family: Family, found: _Found) -> Known:
    return Known(
        asked=asked,
        family=family,
        person=found.people.get(family.root),
        consents=[one for person in family.ids for one in found.consents.get(person, {}).values()],
        profiles={person: found.profiles[person] for person in family.ids if person in found.profiles},
        folded=found.folded,
    )
