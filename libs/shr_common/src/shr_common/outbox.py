"""The outbox: an event is written in the transaction of the state that it tells of, and relayed afterwards.

Rows still there are unpublished; the relay sends them in the order in which they were made and deletes them when the
broker has acknowledged. "Everything after the last id" would skip a late commit, so nothing is remembered but the
rows themselves. Publishing is at least once; the event id is the same each time, and consumers drop repeats.

A row holds the events of one unit of work, sealed together: one encryption, one insert and one delete for hundreds.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime

import msgspec
import pymongo
import structlog
from pymongo import ReturnDocument
from shr_contracts.cloudevents import Event

from shr_common.batching import weighed
from shr_common.errors import ShrError, too_large
from shr_common.kafka.producer import MESSAGE_LIMIT_BYTES, Message, Producer
from shr_common.keys import Envelope
from shr_common.lifecycle import Background, pause
from shr_common.mongo import Database, Document, Session, categorised
from shr_common.telemetry import OUTBOX_AGE, PUBLISHED

LOG = structlog.get_logger("shr.outbox")
COLLECTION = "outbox"
LEASES = "leases"
EVENT_LIMIT_BYTES = MESSAGE_LIMIT_BYTES - 64 * 1024
"""The largest value of an event: a larger one would be stored and then block the relay for ever."""
ROW_EVENTS_LIMIT = 500
ROW_BYTES_LIMIT = 1024 * 1024
READ_ROWS_LIMIT = 500
READ_BYTES_LIMIT = 8 * 1024 * 1024
READ_EVENTS_LIMIT = 2000
POLL_S = 0.25
STANDBY_POLL_S = 0.5
LEASE_S = 5.0
CALL_TIMEOUT_S = 10.0

Beat = Callable[[float], Awaitable[Sequence[Message]]]
"""Given the wall-clock time (epoch seconds) before the outbox was seen empty: what to say about it."""

_Packed = tuple[str, bytes, list[tuple[str, bytes]], bytes]  # topic, key, headers, value
_PACK = msgspec.msgpack.Encoder()
_UNPACK = msgspec.msgpack.Decoder(list[_Packed])
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class Outbox:
    """Adds events inside a unit of work. Rows are sealed at rest, since events may carry clinical content."""

    def __init__(self, database: Database, envelope: Envelope) -> None:
        self._rows = database[COLLECTION]
        self._envelope = envelope
        self._suffix = f"{os.getpid() & 0xFFFF:04x}{os.urandom(3).hex()}"
        self._last_ns = 0
        self.wake: Callable[[], None] = lambda: None

    async def add(self, events: Sequence[Event], session: Session | None = None) -> None:
        """Write the events; they are published only if the unit of work commits.

        Raises too_large for an event above ``EVENT_LIMIT_BYTES``, else what the store says.
        """
        if not events:
            return
        if any(len(event.value) > EVENT_LIMIT_BYTES for event in events):
            raise too_large("One event would be larger than a message may be.")
        together = weighed(
            events,
            size_of=lambda event: len(event.value),
            items_limit=ROW_EVENTS_LIMIT,
            bytes_limit=ROW_BYTES_LIMIT,
        )
        rows = [self._row(some) for some in together]
        with categorised():
            await self._rows.insert_many(rows, session=session, ordered=False)

    def _row(self, events: Sequence[Event]) -> Document:
        # never earlier than the row before, whatever the clock is set to: the order of ids is the order of publishing
        self._last_ns = max(time.time_ns(), self._last_ns + 1)
        made = f"{self._last_ns:020d}-{self._suffix}"
        packed = _PACK.encode([(e.topic, e.key.encode(), e.headers(), e.value) for e in events])
        return {"_id": made, "count": len(events), "sealed": self._envelope.seal(packed, made.encode())}


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
        lease_s: float = LEASE_S,
    ) -> None:
        self._rows = database[COLLECTION]
        self._leases = database[LEASES]
        self._producer = producer
        self._envelope = envelope
        self._service = service
        self._holder = f"{os.getpid()}-{os.urandom(4).hex()}"
        self._beat = beat
        self._beat_every_s = beat_every_s
        self._lease_s = lease_s
        self._lease_until = 0.0
        self._awake = asyncio.Event()
        self._failing: str | None = None
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
        self._lease_until = 0.0
        try:
            with categorised(), pymongo.timeout(1):
                await self._leases.delete_one({"_id": COLLECTION, "holder": self._holder})
        except ShrError:
            LOG.info("lease_runs_out", service=self._service)  # by itself, in a few seconds

    async def check(self) -> str | None:
        """Whether the relay runs, and why events wait if they do."""
        return self._failing or await self._background.check()

    async def _run(self, stopping: asyncio.Event) -> None:
        next_beat = 0.0
        while True:
            working = drained = False
            try:
                working = await self._holds_lease()
                if working:
                    asked_at = time.time()
                    drained = await self._publish_some()
                    if drained and self._beat and time.monotonic() >= next_beat:
                        await self._producer.send(await self._beat(asked_at))
                        next_beat = time.monotonic() + self._beat_every_s
                self._failing = None
            except Exception as error:  # nothing may end the relay: it says why it waits, and looks again
                self._complain(error)
                await pause(stopping, 0.5)
            if stopping.is_set():
                return
            if not working:
                await pause(stopping, min(STANDBY_POLL_S, self._lease_s / 4))
            elif drained:
                await self._doze(next_beat)

    def _complain(self, error: Exception) -> None:
        reason = error.issues[0].text if isinstance(error, ShrError) else type(error).__name__
        if self._failing is None:
            LOG.warning("relay_waits", service=self._service, reason=reason, exc_info=error)
        self._failing = f"outbox relay: {reason}"

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
        asked = time.monotonic()
        free = {"$or": [{"$eq": ["$holder", self._holder]}, {"$lt": [{"$ifNull": ["$until", _NEVER]}, "$$NOW"]}]}
        until = {"$add": ["$$NOW", int(self._lease_s * 1000)]}
        renewal = [
            {
                "$set": {
                    "holder": {"$cond": [free, self._holder, "$holder"]},
                    "until": {"$cond": [free, until, "$until"]},
                }
            }
        ]
        try:
            with categorised(), pymongo.timeout(CALL_TIMEOUT_S):
                lease = await self._leases.find_one_and_update(
                    {"_id": COLLECTION}, renewal, upsert=True, return_document=ReturnDocument.AFTER
                )
        except ShrError as error:
            if error.issues[0].code == "duplicate":  # another relay made the first lease in this very moment
                return False
            raise
        if lease is None or lease["holder"] != self._holder:
            return False
        self._lease_until = asked + self._lease_s / 2
        return True

    async def _publish_some(self) -> bool:
        """Publish the oldest rows; True when that was everything that was committed when it looked."""
        with categorised(), pymongo.timeout(CALL_TIMEOUT_S):
            rows, everything = await self._oldest()
        if not rows:
            OUTBOX_AGE.labels(service=self._service).set(0)
            return True
        OUTBOX_AGE.labels(service=self._service).set(max(0.0, time.time() - int(rows[0]["_id"][:20]) / 1e9))
        await self._producer.send(message for row in rows for message in self._messages(row))
        with categorised(), pymongo.timeout(CALL_TIMEOUT_S):
            await self._rows.delete_many({"_id": {"$in": [row["_id"] for row in rows]}})
        PUBLISHED.labels(service=self._service).inc(sum(row["count"] for row in rows))
        return everything

    async def _oldest(self) -> tuple[list[Document], bool]:
        """The oldest rows, and whether there were no others."""
        rows: list[Document] = []
        weight = events = 0
        async with self._rows.find().sort("_id", 1).limit(READ_ROWS_LIMIT).batch_size(READ_ROWS_LIMIT) as found:
            async for row in found:
                rows.append(row)
                weight += len(row["sealed"])
                events += row["count"]
                if weight >= READ_BYTES_LIMIT or events >= READ_EVENTS_LIMIT:
                    return rows, False
        return rows, len(rows) < READ_ROWS_LIMIT

    def _messages(self, row: Document) -> Iterator[Message]:
        for topic, key, headers, value in _UNPACK.decode(self._envelope.open(row["sealed"], row["_id"].encode())):
            yield Message(topic, key, value, headers)
