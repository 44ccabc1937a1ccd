"""The feed: rows wait unnumbered in the transaction of their change, and get their marker when somebody reads.

A number given in the change's own transaction (or its time) would be passed by: what commits late has a lower one than
what a client read already. So numbers are given to committed rows only, by transactions that meet in one counter:
their order of commit is the order of numbers, and a reader never sees a number while a lower one is still to come.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pymongo import ReturnDocument
from pymongo.read_concern import ReadConcern
from shr_common.errors import Category, ShrError
from shr_common.mongo import Client, Database, Document, Session, categorised, unit_of_work

from shr_healthid.domain.feed import Entry, in_order
from shr_healthid.storage.collections import FEED, FEED_HEAD, FEED_WAITING

ROWS_LIMIT = 100
"""Waiting rows that one read numbers at most; a row holds the entries of one unit of work."""
HEAD = "head"
TRIES = 4
_SUFFIX = os.urandom(4).hex()


@dataclass(frozen=True, slots=True)
class Page:
    """Entries in order, and the marker to go on from."""

    entries: list[tuple[int, Entry]]
    next: int


async def add_waiting(database: Database, entries: Sequence[Entry], session: Session) -> None:
    """Note entries in the unit of work of their change."""
    if entries:
        row: Document = {"_id": f"{time.time_ns():020d}-{_SUFFIX}-{os.urandom(4).hex()}", "entries": list(entries)}
        await database[FEED_WAITING].insert_one(row, session=session)


class FeedStore:
    """Numbers what waits, and reads what is numbered."""

    def __init__(self, client: Client, database: Database, *, timeout_s: float = 10.0) -> None:
        self._client = client
        majority = ReadConcern("majority")  # what was read must not be rolled back: its number would be given again
        self._waiting = database[FEED_WAITING]
        self._feed = database.get_collection(FEED, read_concern=majority)
        self._head = database.get_collection(FEED_HEAD, read_concern=majority)
        self._timeout_s = timeout_s
        self._numbering = asyncio.Lock()

    async def after(self, since: int, *, district: str | None, limit: int) -> Page:
        """The entries after a marker. Raises not_found (gone) for a marker that this feed has not reached."""
        await self._number_waiting()
        query: Document = {} if district is None else {"districts": district}
        with categorised():
            head = int((await self._head.find_one({"_id": HEAD}) or {"last": 0})["last"])
            if since > head:
                text = "This marker lies beyond the feed: it was restored. Begin again without since."
                raise ShrError(Category.NOT_FOUND, text, detail="gone")
            query["_id"] = {"$gt": since, "$lte": head}
            found = await self._feed.find(query).sort("_id", 1).limit(limit).to_list()
        entries: list[tuple[int, dict[str, Any]]] = [(document["_id"], document) for document in found]
        return Page(entries, entries[-1][0] if len(entries) == limit else head)

    async def _number_waiting(self) -> None:
        async with self._numbering:
            with categorised():
                if await self._waiting.find_one({}, {"_id": 1}) is None:
                    return
            for attempt in range(TRIES):
                try:
                    await unit_of_work(self._client, self._number_some, timeout_s=self._timeout_s)
                    return
                except ShrError as error:
                    # two processes met: made the first counter at once, or numbered the same rows
                    if error.category not in (Category.CONFLICT, Category.BUSY) or attempt == TRIES - 1:
                        raise

    async def _number_some(self, session: Session) -> None:
        rows = await self._waiting.find(session=session).sort("_id", 1).limit(ROWS_LIMIT).to_list()
        entries = in_order([entry for row in rows for entry in row["entries"]])
        if not entries:
            return
        before = await self._head.find_one_and_update(
            {"_id": HEAD},
            {"$inc": {"last": len(entries)}},
            upsert=True,
            return_document=ReturnDocument.BEFORE,
            session=session,
        )
        start = int(before["last"]) if before else 0
        numbered = [{**entry, "_id": start + place} for place, entry in enumerate(entries, 1)]
        await self._feed.insert_many(numbered, session=session, ordered=False)
        await self._waiting.delete_many({"_id": {"$in": [row["_id"] for row in rows]}}, session=session)
