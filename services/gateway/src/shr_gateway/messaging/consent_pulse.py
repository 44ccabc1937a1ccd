"""Listens to the heartbeats of consent at the end of ``consent.changed``, so that freshness can be judged.

Every process that answers reads listens for itself: a beat that another process folded says nothing about when it
came. A beat counts from the moment before the poll that brought it began, so that a stall of ours makes it older,
never younger.
"""

from __future__ import annotations

import asyncio
import contextlib
import time

import orjson
import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from shr_common.errors import ShrError, unavailable
from shr_common.fhir.times import instant_of
from shr_common.kafka import Record
from shr_common.lifecycle import Background, pause
from shr_contracts.cloudevents import CONSENT_HEARTBEAT
from shr_contracts.topics import CONSENT_CHANGED

from shr_gateway.domain.freshness import Beat, Pulse

LOG = structlog.get_logger("shr.gateway")
POLL_MS = 200
FETCH_WAIT_MS = 100


class ConsentPulse:
    """Fills a Pulse. Part of the service's life."""

    def __init__(self, bootstrap: str, pulse: Pulse) -> None:
        self._bootstrap = bootstrap
        self._pulse = pulse
        self._consumer: AIOKafkaConsumer | None = None
        self._background = Background("consent pulse", self._run)

    async def start(self) -> None:
        """Connect, learn the partitions, and listen. Raises unavailable."""
        await self._connect()
        await self._background.start()

    async def stop(self) -> None:
        """Stop listening."""
        await self._background.stop()
        await self._disconnect()

    async def check(self) -> str | None:
        """Whether the loop still runs."""
        return await self._background.check()

    async def _connect(self) -> None:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            client_id="shr-gateway-pulse",
            enable_auto_commit=False,
            auto_offset_reset="latest",
            fetch_max_wait_ms=FETCH_WAIT_MS,
        )
        try:
            await consumer.start()
            await consumer._client.force_metadata_update()
            partitions = consumer.partitions_for_topic(CONSENT_CHANGED)
            if not partitions:
                await consumer._client.fetch_all_metadata()
                partitions = consumer.partitions_for_topic(CONSENT_CHANGED)
            if not partitions:
                raise unavailable(f"The topic {CONSENT_CHANGED} is not there yet.")
            places = [TopicPartition(CONSENT_CHANGED, partition) for partition in sorted(partitions)]
            consumer.assign(places)
            await consumer.seek_to_end(*places)
        except (KafkaError, ShrError, OSError) as error:
            with contextlib.suppress(KafkaError):
                await consumer.stop()
            raise unavailable("The broker does not answer at the moment.") from error
        self._pulse.expect(len(places))
        self._consumer = consumer

    async def _disconnect(self) -> None:
        if self._consumer is not None:
            with contextlib.suppress(KafkaError):
                await self._consumer.stop()
            self._consumer = None

    async def _run(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            try:
                if self._consumer is None:
                    await self._connect()
                await self._listen(stopping)
            except (KafkaError, ShrError) as error:
                LOG.warning("pulse_lost", kind=type(error).__name__)
                await self._disconnect()
                await pause(stopping, 0.5)

    async def _listen(self, stopping: asyncio.Event) -> None:
        consumer = self._consumer
        while consumer is not None and not stopping.is_set():
            before_s = time.monotonic()
            for place, batch in (await consumer.getmany(timeout_ms=POLL_MS)).items():
                for consumed in batch:
                    self._hear(place.partition, Record.of(consumed), before_s)

    def _hear(self, partition: int, record: Record, before_s: float) -> None:
        if record.type != CONSENT_HEARTBEAT:
            return
        try:
            at = instant_of(orjson.loads(record.value)["at"])
        except (ValueError, KeyError, TypeError):
            return
        if at is not None:
            self._pulse.hear(partition, Beat(at, record.offset, before_s))
