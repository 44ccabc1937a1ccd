"""What waits for a reviewer."""

from __future__ import annotations

from typing import Any

from shr_common.mongo import Database, categorised

from shr_healthid.storage.collections import REVIEWS
from shr_healthid.storage.sealing import Sealing


class ReviewStore:
    """Reads of the review queue."""

    def __init__(self, database: Database, sealing: Sealing) -> None:
        self._reviews = database[REVIEWS]
        self._sealing = sealing

    async def open_ones(self, *, limit: int) -> list[dict[str, Any]]:
        """The oldest open reviews: id, kind, persons, source, at, about (both sides)."""
        with categorised():
            found = await self._reviews.find({"status": "open"}).sort("at", 1).limit(limit).to_list()
        return [
            {name: review[name] for name in ("kind", "persons", "source", "at", "status")}
            | {"id": review["_id"], "about": self._sealing.open(review["about"], review["_id"])}
            for review in found
        ]
