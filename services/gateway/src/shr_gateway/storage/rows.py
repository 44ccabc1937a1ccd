"""Plain reads of resources: rows without bodies, bodies by reference, versions, older items of a timeline."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pymongo
from pymongo import DESCENDING
from shr_common.errors import too_large
from shr_common.mongo import Database, categorised

from shr_gateway.domain.lines import Line, Row
from shr_gateway.storage.views import RESOURCES, VERSIONS

ROWS_LIMIT = 50_000
VERSIONS_LIMIT = 1000
_NEWEST_FIRST = [("at", DESCENDING), ("_id", DESCENDING)]


class Rows:
    """Reads of ``resources`` and ``versions``. Every method raises unavailable when the store does not answer."""

    def __init__(self, database: Database, *, timeout_s: float) -> None:
        self._rows = database[RESOURCES]
        self._versions = database[VERSIONS]
        self._timeout_s = timeout_s

    async def of(self, ids: Sequence[str]) -> list[Row]:
        """All rows of a person's ids, newest first, without bodies. Raises too_large beyond ROWS_LIMIT."""
        with categorised(), pymongo.timeout(self._timeout_s):
            found = (
                await self._rows.find({"person": {"$in": list(ids)}, "gone": False}, {"body": 0, "item": 0})
                .sort(_NEWEST_FIRST)
                .limit(ROWS_LIMIT + 1)
                .to_list()
            )
        if len(found) > ROWS_LIMIT:
            raise too_large("This record is larger than one search can go through.")
        return [Row.of(document) for document in found]

    async def bodies(self, references: Iterable[str]) -> dict[str, bytes]:
        """The served bytes by reference."""
        with categorised(), pymongo.timeout(self._timeout_s):
            found = await self._rows.find({"_id": {"$in": list(references)}, "gone": False}, {"body": 1}).to_list()
        return {row["_id"]: row["body"] for row in found}

    async def one(self, reference: str) -> Row | None:
        """One row with its body; None when there is none, or it was withdrawn."""
        with categorised(), pymongo.timeout(self._timeout_s):
            document = await self._rows.find_one({"_id": reference, "gone": False})
        return None if document is None else Row.of(document)

    async def versions(self, reference: str) -> list[Row]:
        """The states before the newest one, latest version first, with bodies."""
        with categorised(), pymongo.timeout(self._timeout_s):
            found = self._versions.find({"reference": reference}).sort("version", DESCENDING).limit(VERSIONS_LIMIT)
            return [Row.of(document) for document in await found.to_list()]

    async def older(self, ids: Sequence[str], *, before: tuple[str, str], limit: int) -> list[Line]:
        """Items of the timeline before (moment, reference), newest first."""
        at, reference = before
        earlier = {"$or": [{"at": {"$lt": at}}, {"at": at, "_id": {"$lt": reference}}]}
        wanted = {"person": {"$in": list(ids)}, "gone": False, "section": {"$ne": None}, **earlier}
        with categorised(), pymongo.timeout(self._timeout_s):
            found = await self._rows.find(wanted, {"body": 0}).sort(_NEWEST_FIRST).limit(limit).to_list()
        return [Row.of(document).line() for document in found]
