"""Reads of persons: by any id they ever had, by number, by a source's local id, by name and date."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pymongo
from pymongo import ReturnDocument
from shr_common.mongo import Database, Document, categorised

from shr_healthid.domain.ledger import HOPS_LIMIT, local_key
from shr_healthid.domain.names import skeleton, words_of
from shr_healthid.domain.person import LocalId, Person
from shr_healthid.storage.collections import LOCAL_IDS, NUMBERS, PERSONS, VERSIONS
from shr_healthid.storage.sealing import Sealing

COUNT_LIMIT = 1000
HISTORY_LIMIT = 200
WORDS_LIMIT = 6
READ_S = 10.0


@dataclass(frozen=True, slots=True)
class Criteria:
    """A search: words of the name (prefixes, or spelled otherwise), birth date (or its beginning), gender, district."""

    name: str | None = None
    birth_date: str | None = None
    gender: str | None = None
    district: str | None = None


class PersonStore:
    """Plain reads, and the queue of those who wait for verification."""

    def __init__(self, database: Database, sealing: Sealing) -> None:
        self._database = database
        self._persons = database[PERSONS]
        self._sealing = sealing

    async def by_id(self, id_: str) -> Person | None:
        """The person of an id, former ids included."""
        with categorised():
            for _ in range(HOPS_LIMIT):
                document = await self._persons.find_one({"_id": id_})
                if document is None:
                    return None
                if "moved_to" not in document:
                    return self._sealing.person_of(document)
                id_ = document["moved_to"]
        return None

    async def answering(self, person: Person) -> Person:
        """Who answers for a person: herself, or whom she was merged into."""
        for _ in range(HOPS_LIMIT):
            survivor = await self.by_id(person.survivor) if person.survivor is not None else None
            if survivor is None:
                break
            person = survivor
        return person

    async def by_numbers(self, hashes: Sequence[str]) -> list[Person]:
        """Whose verified numbers these are; a form that two persons share is nobody's."""
        with categorised():
            found = await self._database[NUMBERS].find({"_id": {"$in": list(hashes)}, "verified": True}).to_list()
        return await self._only(document["persons"] for document in found)

    async def by_numbers_each(self, asked: Sequence[Sequence[str]]) -> list[list[Person]]:
        """``by_numbers`` for several who ask at the same time, in two reads."""
        hashes = list({hash_ for one in asked for hash_ in one})
        with categorised(), pymongo.timeout(READ_S):
            found = await self._database[NUMBERS].find({"_id": {"$in": hashes}, "verified": True}).to_list()
            claims: dict[str, list[str]] = {document["_id"]: document["persons"] for document in found}
            ids = list({id_ for persons in claims.values() for id_ in persons})
            documents = await self._persons.find({"_id": {"$in": ids}}).to_list() if ids else []
        known: dict[str, Person | None] = dict.fromkeys(ids)
        for document in documents:
            if "moved_to" in document:
                known[document["_id"]] = await self.by_id(document["_id"])
            else:
                known[document["_id"]] = self._sealing.person_of(document)
        answering = {id_: await self.answering(person) for id_, person in known.items() if person is not None}
        results = []
        for one in asked:
            sides = [{answering[id_].id: answering[id_] for id_ in claims.get(hash_, ()) if id_ in answering}
                     for hash_ in one]  # fmt: skip
            results.append(list({id_: p for side in sides if len(side) == 1 for id_, p in side.items()}.values()))
        return results

    async def by_local_id(self, local_id: LocalId) -> list[Person]:
        """Whose local id this is; one that two persons claim is nobody's."""
        with categorised():
            found = await self._database[LOCAL_IDS].find_one({"_id": local_key(local_id)})
        return await self._only([found["persons"]] if found else [])

    async def _only(self, claims: Any) -> list[Person]:
        """Who answers for each claim, where that is exactly one."""
        persons: dict[str, Person] = {}
        for ids in claims:
            claimants = [await self.answering(person) for id_ in ids if (person := await self.by_id(id_))]
            current = {person.id: person for person in claimants}
            if len(current) == 1:
                persons |= current
        return list(persons.values())

    async def search(self, criteria: Criteria, *, after: str, limit: int) -> tuple[list[Person], int]:
        """A page in order of id, and how many there are (COUNT_LIMIT at most)."""
        query = _query(criteria)
        with categorised():
            total = await self._persons.count_documents(query, limit=COUNT_LIMIT)
            page = await self._persons.find({**query, "_id": {"$gt": after}}).sort("_id", 1).limit(limit).to_list()
        return [self._sealing.person_of(document) for document in page], total

    async def history(self, person: Person) -> list[Person]:
        """Her states, newest first."""
        with categorised():
            older = (
                await self._database[VERSIONS]
                .find({"key": person.key, "version": {"$lt": person.version}})
                .sort("version", -1)
                .limit(HISTORY_LIMIT)
                .to_list()
            )
        return [person, *(self._sealing.person_of(document) for document in older)]

    async def take_due(self, now: datetime, *, limit: int, until: datetime) -> list[Person]:
        """Provisional persons whose verification is due; nobody else gets them before ``until``."""
        taken: list[Document] = []
        with categorised():
            while len(taken) < limit:
                document = await self._persons.find_one_and_update(
                    {"pending.next_at": {"$lte": now}},
                    {"$set": {"pending.next_at": until}},
                    sort=[("pending.next_at", 1)],
                    return_document=ReturnDocument.AFTER,
                )
                if document is None:
                    break
                taken.append(document)
        return [self._sealing.person_of(document) for document in taken]

    async def put_off(self, person_id: str, *, attempts: int, until: datetime) -> None:
        """Try again then; no effect on whom proof reached meanwhile."""
        with categorised():
            await self._persons.update_one(
                {"_id": person_id, "pending": {"$exists": True}},
                {"$set": {"pending": {"attempts": attempts, "next_at": until}}},
            )


def _query(criteria: Criteria) -> Document:
    clauses: list[Document] = [{"status": {"$exists": True}}]
    for word in words_of(criteria.name or "")[:WORDS_LIMIT]:
        spelled: list[Document] = [{"words": {"$regex": f"^{re.escape(word)}"}}]
        if len(bones := skeleton(word)) > 1:
            spelled.append({"words": f"~{bones}"})
        clauses.append({"$or": spelled})
    if criteria.birth_date:
        clauses.append({"birth_date": {"$regex": f"^{re.escape(criteria.birth_date)}"}})
    if criteria.gender:
        clauses.append({"gender": {"$eq": criteria.gender}})
    if criteria.district:
        clauses.append({"district": {"$eq": criteria.district}})
    return {"$and": clauses}
