"""One idempotent producer for a process, made anew when it gets stuck after a broker outage (aiokafka#1017).

Messages go out as whole record batches, put together here: one wait for hundreds of messages instead of one for each,
at a third of the processor time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RecordTooLargeError
from aiokafka.partitioner import DefaultPartitioner

from shr_common.errors import too_large, unavailable

MESSAGE_LIMIT_BYTES = 12 * 1024 * 1024
REQUEST_LIMIT_BYTES = MESSAGE_LIMIT_BYTES + 1024 * 1024
"""A dead letter is a little larger than what it keeps, and must always find its place."""
BATCH_LIMIT_BYTES = 1024 * 1024
LOG = structlog.get_logger("shr.kafka")
_PARTITION_OF = DefaultPartitioner()
Place = tuple[str, int]
"""Topic and partition."""


@dataclass(frozen=True, slots=True)
class Message:
    """What goes to a topic; ``partition`` only where the key does not decide it."""

    topic: str
    key: bytes | None
    value: bytes
    headers: Sequence[tuple[str, bytes]]
    partition: int | None = None


class Producer:
    """Sends batches, acknowledged by all in-sync replicas. Part of the service's life."""

    def __init__(self, bootstrap: str, *, client_id: str, timeout_s: float = 10.0) -> None:
        self._bootstrap = bootstrap
        self._client_id = client_id
        self._timeout_s = timeout_s
        self._producer: AIOKafkaProducer | None = None
        self._renewing = asyncio.Lock()
        self._failing: str | None = None

    async def start(self) -> None:
        """Connect; raises unavailable when no broker answers."""
        await self._current()

    async def stop(self) -> None:
        """Send what is buffered and disconnect."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await self._end(producer, within_s=self._timeout_s)

    async def check(self) -> str | None:
        """Why the last attempt to send failed, if it did."""
        return self._failing

    async def partitions_of(self, topic: str) -> int:
        """How many partitions a topic has."""
        producer = await self._current()
        try:
            async with asyncio.timeout(self._timeout_s):
                return len(await producer.partitions_for(topic))
        except (KafkaError, TimeoutError) as error:
            raise unavailable("The broker does not answer at the moment.") from error

    async def send(self, messages: Iterable[Message]) -> None:
        """Send in order within each partition; returns when all are acknowledged.

        Raises unavailable (send again: some may have arrived), too_large.
        """
        producer = await self._current()
        try:
            async with asyncio.timeout(self._timeout_s):
                placed = await _placed(producer, messages)
                await asyncio.gather(*(_send_to(producer, place, some) for place, some in placed.items()))
        except (MessageSizeTooLargeError, RecordTooLargeError) as error:
            raise too_large("A message is larger than Kafka takes here.") from error
        except (KafkaError, TimeoutError) as error:
            LOG.warning("producer_renewed", reason=type(error).__name__)
            self._failing = f"kafka: {type(error).__name__}"
            if self._producer is producer:  # else another sender has a new one already
                self._producer = None
                await self._end(producer, within_s=1)
            raise unavailable("The broker does not answer at the moment.") from error
        self._failing = None

    async def _current(self) -> AIOKafkaProducer:
        """The producer, connected anew if the last one was given up."""
        if self._producer is not None:
            return self._producer
        async with self._renewing:
            if self._producer is not None:
                return self._producer
            producer = AIOKafkaProducer(
                bootstrap_servers=self._bootstrap,
                client_id=self._client_id,
                acks="all",
                enable_idempotence=True,
                max_batch_size=BATCH_LIMIT_BYTES,
                max_request_size=REQUEST_LIMIT_BYTES,
                request_timeout_ms=int(self._timeout_s * 1000),
                metadata_max_age_ms=30_000,
            )
            try:
                await asyncio.wait_for(producer.start(), timeout=self._timeout_s)
            except (KafkaError, TimeoutError) as error:
                self._failing = f"kafka: {type(error).__name__}"
                await self._end(producer, within_s=1)
                raise unavailable("The broker does not answer at the moment.") from error
            self._producer = producer
            return producer

    @staticmethod
    async def _end(producer: AIOKafkaProducer, *, within_s: float) -> None:
        """Send what is buffered; what could not be sent in time fails, and nothing of it stays behind."""
        try:
            await asyncio.wait_for(producer.stop(), timeout=within_s)
        except (KafkaError, TimeoutError):
            # stop() waits for its batches without end, and leaves its task and connections when it is given up
            producer._message_accumulator.fail_all(KafkaError("given up"))
            sender = producer._sender.sender_task
            if sender is not None and not sender.done():
                sender.cancel()
                await asyncio.wait({sender}, timeout=within_s)
            await producer.client.close()


async def _placed(producer: AIOKafkaProducer, messages: Iterable[Message]) -> Mapping[Place, Sequence[Message]]:
    """Messages by the partition that their key leads to (murmur2, as Kafka's own clients)."""
    partitions: dict[str, list[int]] = {}
    placed: dict[Place, list[Message]] = {}
    for message in messages:
        partition = message.partition
        if partition is None:
            known = partitions.get(message.topic)
            if known is None:
                known = partitions[message.topic] = sorted(await producer.partitions_for(message.topic))
            partition = _PARTITION_OF(message.key, known, known)
        placed.setdefault((message.topic, partition), []).append(message)
    return placed


async def _send_to(producer: AIOKafkaProducer, place: Place, messages: Sequence[Message]) -> None:
    """Send to one partition: full batches in turn, each on its way before the next is queued."""
    topic, partition = place
    now_ms = int(time.time() * 1000)
    acknowledged: list[asyncio.Future[Any]] = []

    async def submit(full: Any) -> None:
        full.close()
        acknowledged.append(await producer.send_batch(full, topic, partition=partition))

    batch = producer.create_batch()
    try:
        for m in messages:
            if len(m.value) + len(m.key or b"") > REQUEST_LIMIT_BYTES:
                raise MessageSizeTooLargeError(f"{len(m.value)} bytes")
            headers = list(m.headers)
            if batch.append(timestamp=now_ms, key=m.key, value=m.value, headers=headers) is None:
                await submit(batch)
                batch = producer.create_batch()
                batch.append(timestamp=now_ms, key=m.key, value=m.value, headers=headers)
        await submit(batch)
        for one in acknowledged:
            await one
    except BaseException:
        for future in acknowledged:  # nobody will ask them any more: that is no accident to be reported
            future.add_done_callback(lambda done: done.cancelled() or done.exception())
        raise
