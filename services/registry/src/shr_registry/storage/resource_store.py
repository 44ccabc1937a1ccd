"""The system of record: every resource as it stands (``resources``) and as it stood (``history``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pymongo import ASCENDING, DESCENDING, IndexModel, InsertOne, ReplaceOne
from shr_common.mongo import Client, Database, Document, Session, categorised, ensure_indexes, unit_of_work
from shr_common.outbox import Outbox

from shr_registry.domain.announcements import announcement
from shr_registry.domain.changes import Changes, Known, LineResult
from shr_registry.storage.documents import HISTORY, RESOURCES, current_document, history_document

INDEXES = {
    RESOURCES: [
        IndexModel([("type", ASCENDING), ("rid", ASCENDING)]),
        IndexModel([("type", ASCENDING), ("names", ASCENDING), ("rid", ASCENDING)]),
        IndexModel([("identifiers", ASCENDING), ("type", ASCENDING)]),
        IndexModel([("practitioner", ASCENDING), ("type", ASCENDING)]),
        IndexModel([("organization", ASCENDING), ("type", ASCENDING), ("rid", ASCENDING)]),
    ],
    HISTORY: [
        IndexModel([("type", ASCENDING), ("rid", ASCENDING), ("version", DESCENDING)]),
        IndexModel([("type", ASCENDING), ("at", DESCENDING)]),
    ],
    "outbox": [],
    "leases": [],
}


@dataclass(frozen=True, slots=True)
class Found:
    """One stored version: ``Type/id``, its version, its JSON."""

    reference: str
    version: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Page:
    """Some of what was found, and how much there is in all."""

    total: int
    found: Sequence[Found]


class ResourceStore:
    """Reads and writes resources; a change and its events commit together."""

    def __init__(self, client: Client, database: Database, outbox: Outbox, *, timeout_s: float) -> None:
        self._client = client
        self._database = database
        self._outbox = outbox
        self._timeout_s = timeout_s

    async def prepare(self) -> None:
        """Collections and indexes."""
        await ensure_indexes(self._database, INDEXES)

    async def is_empty(self) -> bool:
        """Nothing is stored yet."""
        with categorised():
            return await self._database[RESOURCES].find_one({}, {"_id": 1}) is None

    async def change(
        self, references: set[str], decide: Callable[[Mapping[str, Known]], Changes]
    ) -> Sequence[LineResult]:
        """Read, decide, write the new versions and their events; concurrent changes of a resource go one by one."""

        async def work(session: Session) -> Sequence[LineResult]:
            known = await self._known(references, session)
            changes = decide(known)
            if changes.versions:
                latest = {version.reference: version for version in changes.versions}
                await self._database[RESOURCES].bulk_write(
                    [ReplaceOne({"_id": r}, current_document(v), upsert=True) for r, v in latest.items()],
                    session=session,
                )
                await self._database[HISTORY].bulk_write(
                    [InsertOne(history_document(version)) for version in changes.versions], session=session
                )
                await self._outbox.add([announcement(version) for version in changes.versions], session)
            return changes.results

        results = await unit_of_work(self._client, work, timeout_s=self._timeout_s)
        self._outbox.wake()
        return results

    async def _known(self, references: set[str], session: Session) -> dict[str, Known]:
        rows = self._database[RESOURCES].find(
            {"_id": {"$in": sorted(references)}}, {"version": 1, "digest": 1}, session=session
        )
        return {row["_id"]: Known(row["version"], row["digest"]) async for row in rows}

    async def read(self, type: str, id: str, version: int | None = None) -> Found | None:
        """A resource as it stands, or one version of it."""
        with categorised():
            if version is None:
                row = await self._database[RESOURCES].find_one({"_id": f"{type}/{id}"}, {"version": 1, "body": 1})
            else:
                row = await self._database[HISTORY].find_one({"_id": f"{type}/{id}/{version}"})
        return _found(f"{type}/{id}", row) if row else None

    async def read_many(self, references: Sequence[str]) -> Sequence[Found]:
        """Those of these resources that exist."""
        with categorised():
            rows = self._database[RESOURCES].find({"_id": {"$in": list(references)}}, {"version": 1, "body": 1})
            return [_found(row["_id"], row) async for row in rows.sort("_id", ASCENDING)]

    async def search(self, type: str, condition: Mapping[str, Any], *, offset: int, count: int) -> Page:
        """A page of the resources of a type, ordered by id. ``condition`` comes from http/search_terms.py."""
        wanted = {"type": type, **condition}
        with categorised():
            total = await self._database[RESOURCES].count_documents(wanted)
            if not count or offset >= total:
                return Page(total, [])
            rows = self._database[RESOURCES].find(wanted, {"version": 1, "body": 1}).sort("rid", ASCENDING)
            return Page(total, [_found(row["_id"], row) async for row in rows.skip(offset).limit(count)])

    async def history(self, type: str, id: str | None, *, since: Any | None, offset: int, count: int) -> Page:
        """Versions of a resource, or of all of a type, newest first."""
        wanted: Document = {"type": type}
        if id is not None:
            wanted["rid"] = id
        if since is not None:
            wanted["at"] = {"$gte": since}
        order = [("version", DESCENDING)] if id is not None else [("at", DESCENDING), ("_id", ASCENDING)]
        with categorised():
            total = await self._database[HISTORY].count_documents(wanted)
            if not count or offset >= total:
                return Page(total, [])
            rows = self._database[HISTORY].find(wanted).sort(order).skip(offset).limit(count)
            return Page(total, [_found(f"{row['type']}/{row['rid']}", row) async for row in rows])


def _found(reference: str, row: Document) -> Found:
    return Found(reference, row["version"], bytes(row["body"]))
