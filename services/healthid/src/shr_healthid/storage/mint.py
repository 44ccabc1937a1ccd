"""Health IDs at hand: a process takes bases in blocks from one counter, so that no two processes have the same."""

from __future__ import annotations

import asyncio
from collections import deque

from pymongo import ReturnDocument
from shr_common.errors import ShrError, unavailable
from shr_common.mongo import Database, categorised

from shr_healthid.domain.minting import BASES, issuable
from shr_healthid.storage.collections import MINT

SERIES = "central"


class Mint:
    """A small stock of Health IDs that nobody else holds. What a stopped process held is never issued."""

    def __init__(self, database: Database, *, block: int) -> None:
        self._blocks = database[MINT]
        self._block = block
        self._stock: deque[str] = deque()
        self._lock = asyncio.Lock()

    async def take(self, count: int) -> list[str]:
        """``count`` Health IDs. Raises unavailable when the series is exhausted or the store away."""
        async with self._lock:
            while len(self._stock) < count:
                self._stock.extend(issuable(await self._next_block(), self._block))
            return [self._stock.popleft() for _ in range(count)]

    def give_back(self, unused: list[str]) -> None:
        """Health IDs that were not issued after all."""
        self._stock.extendleft(reversed(unused))

    async def _next_block(self) -> int:
        while True:
            try:
                with categorised():
                    before = await self._blocks.find_one_and_update(
                        {"_id": SERIES},
                        {"$inc": {"next": self._block}},
                        upsert=True,
                        return_document=ReturnDocument.BEFORE,
                    )
                break
            except ShrError as error:
                if error.issues[0].code != "duplicate":  # else two processes made the counter at once
                    raise
        start = int(before["next"]) if before else 0
        if start >= BASES:
            raise unavailable("The central series of Health IDs is exhausted.", retry_after_s=3600)
        return start
