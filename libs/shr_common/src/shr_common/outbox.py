"""The outbox: an event is written in the transaction of the state that it tells of, and relayed afterwards.

Rows still there are unpublished; the relay sends them in the order in which they were made and deletes them when the
broker has acknowledged. "Everything after the last id" would skip a late commit, so nothing is remembered but the
rows themselves. Publishing is at least once; the event id is the same each time, and consumers drop repeats.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pymongo
import structlog
from pymongo.errors import DuplicateKeyError
from shr_contracts.cloudevents import Event

from shr_common.errors import ShrError
from shr_common.kafka.producer import Message, Producer
from shr_common.keys import Envelope
from shr_common.lifecycle import Background, pause
from shr_common.mongo import Database, Document, Session, categorised
from shr_common.telemetry import OUTBOX_AGE, PUBLISHED

LOG = structlog.get_logger("shr.outbox")
COLLECTION = "outbox"
LEASES = "leases"
ROWS_LIMIT = 500
ROWS_BYTES_LIMIT = 8 * 1024 * 1024
POLL_S = 0.25
LEASE_MS = 5000
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)

Beat = Callable[[float], Awaitable[Sequence[Message]]]
"""Given the wall-clock time (epoch seconds) before the outbox was seen empty: what to say about it."""


class Outbox:
    """Adds events inside a unit of work. Values are sealed at rest, since rows may carry clinical content."""

    def __init__(self, database: Database, envelope: Envelope) -> None:
        self._rows = database[COLLECTION]
        self._envelope = envelope
        self._sequence = 0
        self.wake: Callable[[], None] = lambda: None

    async def add(self, events: Sequence[Event], session: Session | None = None) -> None:
        """Write rows; they are published only if the unit of work commits."""
        if not events:
            return
        rows = [self._row(event) for event in events]
        with categorised():
            await self._rows.insert_many(rows, session=session, ordered=False)

    def _row(self, event: Event) -> Document:
        self._sequence += 1
        made = f"{time.time_ns():020d}-{os.getpid() & 0xFFFF:04x}{self._sequence & 0xFFFFFF:06x}"
        return {
            "_id": made,
            "topic": event.topic,
            "key": event.key,
            "headers": [[name, value] for name, value in event.headers()],
            "value": self._envelope.seal(event.value, event.topic.encode()),
        }


class Relay:
    """Publishes outbox rows under a lease; one relay of a service works, the others stand by. Part of its life."""

    def __init__(
        self,
        database: Database,
        producer: Producer,
        envelope: Envelope,
        *,
        service: str,
        beat: Beat | None = None,
        beat_every_s: float = 0.25,
    ) -> None:
        self._rows = database[COLLECTION]
        self._leases = database[LEASES]
        self._producer = producer
        self._envelope = envelope
        self._service = service
        self._holder = f"{os.getpid()}-{os.urandom(4).hex()}"
        self._beat = beat
        self._beat_every_s = beat_every_s
        self._awake = asyncio.Event()
        self._lease_until = 0.0
        self._background = Background("outbox relay", self._run)

    def wake(self) -> None:
        """Look at once: something was committed."""
        self._awake.set()

    async def start(self) -> None:
        """Begin relaying."""
        await self._background.start()

    async def stop(self) -> None:
        """Publish what is there, then hand the lease over."""
        self.wake()
        await self._background.stop()
        with categorised():
            await self._leases.delete_one({"_id": COLLECTION, "holder": self._holder})

    async def check(self) -> str | None:
        """Whether the relay runs."""
        return await self._background.check()

    async def _run(self, stopping: asyncio.Event) -> None:
        next_beat = 0.0
        failing = False
        while True:
            try:
                working = await self._holds_lease()
                asked_at = time.time()
                more = await self._publish_some() if working else False
                if working and not more and self._beat and time.monotonic() >= next_beat:
                    await self._producer.send(await self._beat(asked_at))
                    next_beat = time.monotonic() + self._beat_every_s
                failing = False
            except ShrError as error:
                if not failing:
                    LOG.warning("relay_waits", service=self._service, reason=error.issues[0].text)
                failing, more = True, False
                await pause(stopping, 0.5)
            if stopping.is_set():
                return
            if not more:
                await self._doze(next_beat)

    async def _doze(self, next_beat: float) -> None:
        wait = POLL_S if self._beat is None else min(POLL_S, max(0.005, next_beat - time.monotonic()))
        try:
            async with asyncio.timeout(wait):
                await self._awake.wait()
        except TimeoutError:
            pass
        self._awake.clear()

    async def _holds_lease(self) -> bool:
        """Renewed when half spent; by the database's clock, so that hosts need not agree about time."""
        if time.monotonic() < self._lease_until:
            return True
        mine_or_expired = {
            "_id": COLLECTION,
            "$or": [{"holder": self._holder}, {"$expr": {"$lt": ["$until", "$$NOW"]}}],
        }
        renewal = [{"$set": {"holder": self._holder, "until": {"$add": ["$$NOW", LEASE_MS]}}}]
        with categorised():
            # not one upsert: MongoDB refuses $expr in the predicate of an upsert
            found = await self._leases.update_one(mine_or_expired, renewal)
            if not found.matched_count:
                with suppress(DuplicateKeyError):  # there is one, and another relay holds it
                    await self._leases.insert_one({"_id": COLLECTION, "holder": None, "until": _LONG_AGO})
                found = await self._leases.update_one(mine_or_expired, renewal)
        if not found.matched_count:
            return False
        self._lease_until = time.monotonic() + LEASE_MS / 2000
        return True

    async def _publish_some(self) -> bool:
        """Publish the oldest rows; True when there may be more."""
        with categorised(), pymongo.timeout(10):
            rows = await self._oldest()
        if not rows:
            OUTBOX_AGE.labels(service=self._service).set(0)
            return False
        OUTBOX_AGE.labels(service=self._service).set(max(0.0, time.time() - int(rows[0]["_id"][:20]) / 1e9))
        await self._producer.send([self._message(row) for row in rows])
        with categorised(), pymongo.timeout(10):
            await self._rows.delete_many({"_id": {"$in": [row["_id"] for row in rows]}})
        PUBLISHED.labels(service=self._service).inc(len(rows))
        return len(rows) > 1 or self._awake.is_set()

    async def _oldest(self) -> list[Document]:
        rows: list[Document] = []
        weight = 0
        async for row in self._rows.find().sort("_id", 1).limit(ROWS_LIMIT).batch_size(ROWS_LIMIT):
            rows.append(row)
            weight += len(row["value"])
            if weight >= ROWS_BYTES_LIMIT:
                break
        return rows

    def _message(self, row: Document) -> Message:
        value = self._envelope.open(row["value"], row["topic"].encode())
        headers: list[tuple[str, Any]] = [(name, bytes(text)) for name, text in row["headers"]]
        return Message(row["topic"], row["key"].encode(), value, headers)
