"""The access log: entries chained in 16 shards, appended in batches by any number of workers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

import pymongo
from pymongo import UpdateOne
from shr_common.errors import busy
from shr_common.mongo import Client, Database, Document, Session, categorised, unit_of_work

from shr_consent.domain.audit_chain import SHARDS, Head, chained, shard_of
from shr_consent.storage.indexes import AUDIT_ENTRIES, AUDIT_HEADS


class AccessLogStore:
    """``audit_entries`` and ``audit_heads``. The unique (shard, seq) makes a fork impossible, not just visible."""

    def __init__(self, client: Client, database: Database, *, timeout_s: float) -> None:
        self._client = client
        self._entries = database[AUDIT_ENTRIES]
        self._heads = database[AUDIT_HEADS]
        self._timeout_s = timeout_s

    async def prepare(self) -> None:
        """Every shard has a head from the first day, so that two first appends meet on one document."""
        rows = [
            UpdateOne({"_id": shard}, {"$setOnInsert": _row_of(Head(shard))}, upsert=True) for shard in range(SHARDS)
        ]
        with categorised():
            await self._heads.bulk_write(rows)

    async def append(self, contents: Sequence[Mapping[str, Any]]) -> int:
        """Chain entries (each with ``id`` and ``patient``), all or none; those known by id stay as they are.

        Returns how many were new. Two workers at once: one of them finds the head moved, and does it again.
        """
        unique = {content["id"]: content for content in contents}

        async def work(session: Session) -> int:
            known = self._entries.find({"_id": {"$in": list(unique)}}, {"_id": 1}, session=session)
            there = {row["_id"] async for row in known}
            by_shard: dict[int, list[Mapping[str, Any]]] = {}
            for identifier, content in unique.items():
                if identifier not in there:
                    by_shard.setdefault(shard_of(content["patient"]), []).append(content)
            if not by_shard:
                return 0
            rows: list[Document] = []
            moves = []
            async for stored in self._heads.find({"_id": {"$in": sorted(by_shard)}}, session=session):
                head = _head_of(stored)
                entries, moved = chained(head, by_shard[head.shard])
                rows += [_stored(entry) for entry in entries]
                moves.append(UpdateOne({"_id": head.shard, "seq": head.seq}, {"$set": _row_of(moved)}))
            done = await self._heads.bulk_write(moves, session=session)
            if done.modified_count != len(by_shard):
                raise busy("Another worker appends to the access log.")
            await self._entries.insert_many(rows, session=session)
            return len(rows)

        return await unit_of_work(self._client, work, timeout_s=self._timeout_s)

    async def page(self, patients: Iterable[str], *, after: tuple[str, str] | None, limit: int) -> list[dict[str, Any]]:
        """A person's entries, newest first; ``after`` = (at, id) of the last one that was shown."""
        query: Document = {"patient": {"$in": sorted(patients)}}
        if after is not None:
            at, identifier = after
            query["$or"] = [{"at": {"$lt": at}}, {"at": at, "_id": {"$lt": identifier}}]
        with categorised(), pymongo.timeout(self._timeout_s):
            found = self._entries.find(query).sort([("at", -1), ("_id", -1)]).limit(limit)
            return [entry_of(row) async for row in found]

    async def heads(self) -> Sequence[Head]:
        """The newest entry of each shard, by shard."""
        with categorised(), pymongo.timeout(self._timeout_s):
            return [_head_of(row) async for row in self._heads.find().sort("_id", 1)]

    async def links(self, shard: int, first: int, last: int) -> Sequence[Mapping[str, Any]]:
        """seq and hash of a shard's entries ``first`` to ``last``, in order."""
        if last < first:
            return []
        query = {"shard": shard, "seq": {"$gte": first, "$lte": last}}
        with categorised(), pymongo.timeout(self._timeout_s):
            return await self._entries.find(query, {"_id": 0, "seq": 1, "hash": 1}).sort("seq", 1).to_list()

    async def all(self) -> AsyncIterator[dict[str, Any]]:
        """Every entry, in the order of (shard, seq, id)."""
        with categorised():
            async for row in self._entries.find().sort([("shard", 1), ("seq", 1), ("_id", 1)]).allow_disk_use(True):
                yield entry_of(row)


def entry_of(row: Document) -> dict[str, Any]:
    """An entry as it was hashed, from what is stored."""
    return {"id": row["_id"], **{name: value for name, value in row.items() if name != "_id"}}


def _stored(entry: Mapping[str, Any]) -> Document:
    return {"_id": entry["id"], **{name: value for name, value in entry.items() if name != "id"}}


def _row_of(head: Head) -> Document:
    return {"seq": head.seq, "hash": head.hash, "id": head.id}


def _head_of(row: Document) -> Head:
    return Head(row["_id"], row["seq"], row["hash"], row["id"])
