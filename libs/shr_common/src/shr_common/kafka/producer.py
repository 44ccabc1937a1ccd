"""One idempotent producer for a process, made anew when it gets stuck after a broker outage (aiokafka#1017)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RecordTooLargeError

from shr_common.errors import too_large, unavailable

MESSAGE_LIMIT_BYTES = 12 * 1024 * 1024
REQUEST_LIMIT_BYTES = MESSAGE_LIMIT_BYTES + 1024 * 1024
"""A dead letter is a little larger than what it keeps, and must always find its place."""
LOG = structlog.get_logger("shr.kafka")


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
        """Send in order; returns when all are acknowledged. Raises unavailable (send again), too_large."""
        producer = await self._current()
        acknowledged: list[asyncio.Future[Any]] = []
        try:
            async with asyncio.timeout(self._timeout_s):
                for m in messages:
                    acknowledged.append(
                        await producer.send(m.topic, m.value, key=m.key, headers=list(m.headers), partition=m.partition)
                    )
                for one in acknowledged:
                    await one
        except (MessageSizeTooLargeError, RecordTooLargeError) as error:
            _forget(acknowledged)
            raise too_large("A message is larger than Kafka takes here.") from error
        except (KafkaError, TimeoutError) as error:
            _forget(acknowledged)
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
                linger_ms=2,
                max_batch_size=256 * 1024,
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


def _forget(futures: Iterable[asyncio.Future[Any]]) -> None:
    """Nobody will ask them any more: that is no accident to be reported."""
    for future in futures:
        future.add_done_callback(lambda done: done.cancelled() or done.exception())
