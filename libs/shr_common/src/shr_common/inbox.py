"""The inbox: a view and its position commit together, so that a record is folded once whatever Kafka repeats.

Positions are (cluster id, topic, partition) → next offset. Another cluster id means another broker, whose offsets say
nothing about ours: then nothing counts as folded, and the owner of the view rebuilds it.
"""

from __future__ import annotations

from collections.abc import Sequence

from pymongo import UpdateOne

from shr_common.kafka.record import Record
from shr_common.mongo import Database, Session

COLLECTION = "positions"


class Inbox:
    """Positions of one view, stored beside it. The cluster is that of the records, unless one is named."""

    def __init__(self, database: Database, *, view: str, cluster_id: str = "") -> None:
        self._positions = database[COLLECTION]
        self._view = view
        self._cluster_id = cluster_id

    def _place(self, record: Record) -> str:
        return f"{self._view}|{self._cluster_id or record.cluster_id}|{record.topic}|{record.partition}"

    async def fresh(self, records: Sequence[Record], session: Session) -> list[Record]:
        """Those records that the view has not folded yet, in their order."""
        places = {self._place(record) for record in records}
        next_offset = {
            found["_id"]: found["next"]
            async for found in self._positions.find({"_id": {"$in": sorted(places)}}, session=session)
        }
        return [record for record in records if record.offset >= next_offset.get(self._place(record), 0)]

    async def advance(self, records: Sequence[Record], session: Session) -> None:
        """Note that the view has folded these records."""
        furthest: dict[str, int] = {}
        for record in records:
            place = self._place(record)
            furthest[place] = max(furthest.get(place, 0), record.offset + 1)
        if furthest:
            await self._positions.bulk_write(
                [UpdateOne({"_id": p}, {"$max": {"next": n}}, upsert=True) for p, n in sorted(furthest.items())],
                session=session,
            )
