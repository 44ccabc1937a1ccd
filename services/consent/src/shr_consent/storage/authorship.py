"""Which facility wrote something in which record: pairs, nothing else."""

from __future__ import annotations

from collections.abc import Iterable

import pymongo
from pymongo import UpdateOne
from shr_common.mongo import Database, categorised

from shr_consent.storage.indexes import AUTHORSHIP

REMEMBERED_LIMIT = 50_000


class AuthorshipStore:
    """``authorship``: ``_id`` is ``<person>|<facility>``. A pair once seen stays, so repeats cost nothing."""

    def __init__(self, database: Database, *, timeout_s: float) -> None:
        self._pairs = database[AUTHORSHIP]
        self._timeout_s = timeout_s
        self._remembered: set[str] = set()

    async def wrote(self, facility: str, patients: Iterable[str]) -> bool:
        """Whether a facility wrote anything in the record of these ids."""
        ids = [f"{patient}|{facility}" for patient in patients]
        with categorised(), pymongo.timeout(self._timeout_s):
            return await self._pairs.find_one({"_id": {"$in": ids}}) is not None

    async def add(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Remember (person, facility) pairs, durably."""
        fresh = {f"{patient}|{facility}" for patient, facility in pairs} - self._remembered
        if not fresh:
            return
        with categorised(), pymongo.timeout(self._timeout_s):
            await self._pairs.bulk_write(
                [UpdateOne({"_id": pair}, {"$set": {}}, upsert=True) for pair in sorted(fresh)], ordered=False
            )
        if len(self._remembered) > REMEMBERED_LIMIT:
            self._remembered.clear()
        self._remembered |= fresh

    async def erase(self, patients: Iterable[str]) -> None:
        """Forget persons."""
        with categorised(), pymongo.timeout(self._timeout_s):
            for patient in patients:
                await self._pairs.delete_many({"_id": {"$gte": f"{patient}|", "$lt": f"{patient}}}"}})
        self._remembered.clear()
