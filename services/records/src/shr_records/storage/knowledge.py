"""Local replicas of the terminology and the registry: thin, asked for many at once, cached for a while."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable

from pymongo import UpdateOne
from shr_common.mongo import Collection as MongoCollection
from shr_common.mongo import Database, categorised

from shr_records.storage import schema

STRUCTURAL = (
    "http://terminology.hl7.org/",
    "http://hl7.org/fhir/",
    "http://unitsofmeasure.org",
    "urn:ietf:",
    "urn:iso:",
)
"""HL7's own systems: R4's bindings judge them. ICD and the like under hl7.org/fhir/sid/ are content."""
_CONTENT = "http://hl7.org/fhir/sid/"
CACHE_LIMIT = 50_000
KNOWN_FOR_S, UNKNOWN_FOR_S = 300.0, 5.0
WRITES_AT_ONCE = 1000


class _Known:
    """Membership in a collection by ``_id``, with a cache."""

    def __init__(self, collection: MongoCollection) -> None:
        self._collection = collection
        self._cache: dict[str, tuple[bool, float]] = {}

    async def among(self, ids: Collection[str]) -> set[str]:
        """Those of the ids that exist."""
        now = time.monotonic()
        cache = self._cache
        ask = [one for one in ids if (held := cache.get(one)) is None or held[1] < now]
        if ask:
            with categorised():
                there = {row["_id"] async for row in self._collection.find({"_id": {"$in": ask}}, {"_id": 1})}
            if len(cache) + len(ask) > CACHE_LIMIT:
                cache.clear()
            for one in ask:
                cache[one] = (one in there, now + (KNOWN_FOR_S if one in there else UNKNOWN_FOR_S))
        return {one for one in ids if cache[one][0]}


class Codes:
    """The replica of ``terminology.changed``: which codes exist, and the maps between them."""

    def __init__(self, database: Database) -> None:
        self._codes = database[schema.CODES]
        self._mappings = database[schema.MAPPINGS]
        self._known = _Known(self._codes)

    async def known(self, codings: Collection[tuple[str, str]]) -> Callable[[tuple[str, str]], bool]:
        """A test for which of these codings exist."""
        content = {one: f"{one[0]}|{one[1]}" for one in codings if not _is_structural(one[0])}
        there = await self._known.among(set(content.values())) if content else set()
        return lambda coding: coding not in content or content[coding] in there

    async def learn(self, concepts: Iterable[tuple[str, str]], mappings: Iterable[dict[str, str]]) -> None:
        """Upsert codes and mappings."""
        writes = [UpdateOne({"_id": f"{s}|{c}"}, {"$set": {"known": True}}, upsert=True) for s, c in concepts]
        maps = [
            UpdateOne(
                {"_id": "|".join((m["source_system"], m["source_code"], m["target_system"], m["target_code"]))},
                {"$set": {"source": f"{m['source_system']}|{m['source_code']}", "target": m}},
                upsert=True,
            )
            for m in mappings
        ]
        with categorised():
            for first in range(0, len(writes), WRITES_AT_ONCE):
                await self._codes.bulk_write(writes[first : first + WRITES_AT_ONCE], ordered=False)
            for first in range(0, len(maps), WRITES_AT_ONCE):
                await self._mappings.bulk_write(maps[first : first + WRITES_AT_ONCE], ordered=False)


def _is_structural(system: str) -> bool:
    return system.startswith(STRUCTURAL) and not system.startswith(_CONTENT)


class Registry:
    """The replica of ``registry.changed``: which facilities and practitioners exist."""

    def __init__(self, database: Database) -> None:
        self._registry = database[schema.REGISTRY]
        self._known = _Known(self._registry)

    async def known(self, references: Collection[str]) -> Callable[[str], bool]:
        """A test for which of these references the registry holds."""
        there = await self._known.among(set(references)) if references else set()
        return there.__contains__

    async def learn(self, seen: Iterable[tuple[str, int]]) -> None:
        """Note (``Practitioner/…``, version)."""
        writes = [UpdateOne({"_id": one}, {"$max": {"version": version}}, upsert=True) for one, version in seen]
        if writes:
            with categorised():
                await self._registry.bulk_write(writes, ordered=False)
