"""The system of record: one document per artefact, its JSON in compressed chunks beside it."""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from pymongo import ASCENDING, IndexModel, ReturnDocument
from shr_common.errors import unavailable
from shr_common.mongo import Client, Database, Document, Session, categorised, ensure_indexes, unit_of_work
from shr_common.outbox import Outbox

from shr_terminology.domain.announcements import announcements
from shr_terminology.domain.artefacts import Artefact, Loaded

ARTEFACTS = "artefacts"
CONTENTS = "contents"
STATE = "state"
CHUNK_BYTES = 4 * 1024 * 1024
INDEXES = {
    ARTEFACTS: [
        IndexModel([("kind", ASCENDING), ("rid", ASCENDING)], unique=True),
        IndexModel([("kind", ASCENDING), ("url", ASCENDING)]),
        IndexModel([("revision", ASCENDING)]),
    ],
    CONTENTS: [IndexModel([("artefact", ASCENDING), ("revision", ASCENDING), ("part", ASCENDING)])],
    STATE: [],
    "outbox": [],
    "leases": [],
}


@dataclass(frozen=True, slots=True)
class Stored:
    """An artefact as it is stored: ``body`` is its JSON, or None where only the heading was asked for."""

    kind: str
    id: str
    revision: int
    at: datetime
    body: bytes


class ArtefactStore:
    """Reads and writes artefacts; an artefact, its content and its events commit together."""

    def __init__(self, client: Client, database: Database, outbox: Outbox, *, timeout_s: float) -> None:
        self._client = client
        self._artefacts = database[ARTEFACTS]
        self._contents = database[CONTENTS]
        self._state = database[STATE]
        self._database = database
        self._outbox = outbox
        self._timeout_s = timeout_s

    async def prepare(self) -> None:
        """Collections and indexes."""
        await ensure_indexes(self._database, INDEXES)

    async def revision(self) -> int:
        """Rises with every load; 0 while nothing is stored."""
        with categorised():
            found = await self._state.find_one({"_id": "index"})
        return int(found["revision"]) if found else 0

    async def save(self, artefacts: Sequence[Artefact], *, at: datetime) -> list[Loaded]:
        """Store what differs from what is there. One transaction for each artefact: a code system may be large."""
        saved = []
        for artefact in artefacts:

            async def work(session: Session, artefact: Artefact = artefact) -> Loaded:
                return await self._save_one(artefact, at, session)

            saved.append(await unit_of_work(self._client, work, timeout_s=self._timeout_s))
        self._outbox.wake()
        return saved

    async def _save_one(self, artefact: Artefact, at: datetime, session: Session) -> Loaded:
        body = orjson.dumps(artefact.resource)
        digest = hashlib.sha256(orjson.dumps(artefact.resource, option=orjson.OPT_SORT_KEYS)).hexdigest()
        before = await self._artefacts.find_one({"_id": artefact.key}, session=session)
        if before is not None and before["digest"] == digest:
            return Loaded(artefact, "unchanged")
        state = await self._state.find_one_and_update(
            {"_id": "index"},
            {"$inc": {"revision": 1}},
            upsert=True,
            return_document=ReturnDocument.AFTER,
            session=session,
        )
        assert state is not None  # noqa: S101 (an upsert that answers what it wrote)
        revision = int(state["revision"])
        packed = zlib.compress(body)
        chunks = [packed[start : start + CHUNK_BYTES] for start in range(0, len(packed), CHUNK_BYTES)]
        await self._contents.delete_many({"artefact": artefact.key}, session=session)
        await self._contents.insert_many(
            [
                {"artefact": artefact.key, "revision": revision, "part": part, "body": chunk}
                for part, chunk in enumerate(chunks)
            ],
            session=session,
        )
        row = await self._heading(artefact, session) | {"revision": revision, "digest": digest, "at": at}
        row |= {"parts": len(chunks), "bytes": len(body)}
        await self._artefacts.replace_one({"_id": artefact.key}, row, upsert=True, session=session)
        await self._outbox.add(announcements(artefact, version=revision, at=at), session)
        return Loaded(artefact, "updated" if before else "created")

    async def _heading(self, artefact: Artefact, session: Session) -> Document:
        taken = await self._artefacts.find_one(
            {"kind": artefact.kind, "rid": artefact.id, "_id": {"$ne": artefact.key}}, {"_id": 1}, session=session
        )
        # another url or version has this id already: it keeps it
        other = hashlib.sha256(artefact.key.encode()).hexdigest()[:32]
        said = artefact.resource
        return {
            "kind": artefact.kind,
            "rid": other if taken else artefact.id,
            "url": artefact.url,
            "version": artefact.version,
            "status": said.get("status"),
            "names": sorted({str(said[name]).casefold() for name in ("name", "title") if said.get(name)}),
        }

    async def changed_since(self, revision: int) -> tuple[int, Sequence[dict[str, Any]]]:
        """The newest revision and the resources of the artefacts that were loaded after ``revision``."""
        newest = await self.revision()
        with categorised():
            rows = [row async for row in self._artefacts.find({"revision": {"$gt": revision}}).sort("revision", 1)]
            resources = [orjson.loads((await self._stored(row)).body) for row in rows]
        return max([newest, *(row["revision"] for row in rows)]) if rows else newest, resources

    async def read(self, kind: str, id: str) -> Stored | None:
        """One artefact whole."""
        with categorised():
            row = await self._artefacts.find_one({"kind": kind, "rid": id})
            return await self._stored(row) if row else None

    async def search(
        self, kind: str, condition: Mapping[str, Any], *, offset: int, count: int
    ) -> tuple[int, Sequence[Stored]]:
        """How many artefacts fit, and a page of them in the order of their urls."""
        wanted = {"kind": kind, **condition}
        with categorised():
            total = await self._artefacts.count_documents(wanted)
            if not count:
                return total, []
            rows = self._artefacts.find(wanted).sort([("url", ASCENDING), ("version", ASCENDING)])
            return total, [found async for found in self._all(rows.skip(offset).limit(count))]

    async def _all(self, rows: Any) -> AsyncIterator[Stored]:
        async for row in rows:
            yield await self._stored(row)

    async def _stored(self, row: Document) -> Stored:
        chunks = self._contents.find({"artefact": row["_id"], "revision": row["revision"]}).sort("part", ASCENDING)
        packed = b"".join([bytes(chunk["body"]) async for chunk in chunks])
        if not packed:
            raise unavailable("This artefact is being replaced at the moment.")
        body = orjson.loads(zlib.decompress(packed))
        body["id"] = row["rid"]
        body["meta"] = {
            **body.get("meta", {}),
            "versionId": str(row["revision"]),
            "lastUpdated": row["at"].isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }
        return Stored(row["kind"], row["rid"], row["revision"], row["at"], orjson.dumps(body))


def beginning_with(text: str) -> dict[str, Any]:
    """A condition on ``names``: text is only ever matched literally."""
    return {"names": {"$regex": f"^{re.escape(text.casefold())}"}}
