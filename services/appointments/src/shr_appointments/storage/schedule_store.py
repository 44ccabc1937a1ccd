"""Schedules: the rules that slots follow from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import time
from typing import Any

from pymongo import ASCENDING, ReturnDocument
from shr_common.mongo import Database, Document, categorised

from shr_appointments.domain.schedules import Schedule
from shr_appointments.storage.collections import SCHEDULES


class ScheduleStore:
    """Reads and writes schedules."""

    def __init__(self, database: Database) -> None:
        self._schedules = database[SCHEDULES]

    async def is_empty(self) -> bool:
        """Nothing is stored yet."""
        with categorised():
            return await self._schedules.find_one({}, {"_id": 1}) is None

    async def save(self, schedule: Schedule) -> Schedule:
        """Store a schedule as its next version; answers it with that version. Bookings stay as they are."""
        row = asdict(schedule)
        del row["id"], row["version"]
        row["weekdays"] = list(schedule.weekdays)
        row["times"] = [[f"{start:%H:%M}", f"{end:%H:%M}"] for start, end in schedule.times]
        with categorised():
            stored = await self._schedules.find_one_and_update(
                {"_id": schedule.id},
                {"$set": row, "$inc": {"version": 1}},
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        assert stored is not None  # noqa: S101 (an upsert answers what it wrote)
        return replace(schedule, version=stored["version"])

    async def read(self, id: str) -> Schedule | None:
        """A schedule."""
        with categorised():
            row = await self._schedules.find_one({"_id": id})
        return _schedule(row) if row else None

    async def search(self, condition: Mapping[str, Any], *, offset: int, count: int) -> tuple[int, Sequence[Schedule]]:
        """How many schedules fit, and a page of them by id."""
        with categorised():
            total = await self._schedules.count_documents(condition)
            rows = self._schedules.find(condition).sort("_id", ASCENDING).skip(offset).limit(count) if count else None
            return total, [_schedule(row) async for row in rows] if rows is not None else []


def _schedule(row: Document) -> Schedule:
    times = tuple((time.fromisoformat(start), time.fromisoformat(end)) for start, end in row["times"])
    kept = {name: row[name] for name in row if name not in ("_id", "times", "weekdays")}
    return Schedule(id=row["_id"], times=times, weekdays=tuple(row["weekdays"]), **kept)
