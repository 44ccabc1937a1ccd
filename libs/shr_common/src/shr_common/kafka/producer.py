"""One idempotent producer for a process, made anew when it gets stuck after a broker outage (aiokafka#1017)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from shr_common.errors import too_large, unavailable

MESSAGE_LIMIT_BYTES = 12 * 1024 * 1024
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

    async def start(self) -> None:
        """Connect; raises unavailable when no broker answers."""
        await self._renew()

    async def stop(self) -> None:
        """Send what is buffered and disconnect."""
        if self._producer is not None:
            with contextlib.suppress(KafkaError, TimeoutError):
                await asyncio.wait_for(self._producer.stop(), timeout=self._timeout_s)
            self._producer = None

    async def partitions_of(self, topic: str) -> int:
        """How many partitions a topic has."""
        if self._producer is None:
            await self._renew()
        assert self._producer is not None  # noqa: S101 (set by _renew)
        try:
            return len(await self._producer.partitions_for(topic))
        except KafkaError as error:
            raise unavailable("The broker does not answer at the moment.") from error

    async def send(self, messages: Iterable[Message]) -> None:
        """Send in order; returns when all are acknowledged. Raises unavailable (send again), too_large."""
        if self._producer is None:
            await self._renew()
        producer = self._producer
        assert producer is not None  # noqa: S101 (set by _renew)
        try:
            async with asyncio.timeout(self._timeout_s):
                acknowledged = [
                    await producer.send(m.topic, m.value, key=m.key, headers=m.headers, partition=m.partition)
                    for m in messages
                ]
                for one in acknowledged:
                    await one
        except MessageSizeTooLargeError as error:
            raise too_large("A message is larger than Kafka takes here.") from error
        except (KafkaError, TimeoutError) as error:
            LOG.warning("producer_renewed", reason=type(error).__name__)
            self._producer = None
            with contextlib.suppress(KafkaError, TimeoutError):
                await asyncio.wait_for(producer.stop(), timeout=1)
            raise unavailable("The broker does not answer at the moment.") from error

    async def _renew(self) -> None:
        async with self._renewing:
            if self._producer is not None:
                return
            producer = AIOKafkaProducer(
                bootstrap_servers=self._bootstrap,
                client_id=self._client_id,
                acks="all",
                enable_idempotence=True,
                linger_ms=2,
                max_batch_size=256 * 1024,
                max_request_size=MESSAGE_LIMIT_BYTES,
                request_timeout_ms=int(self._timeout_s * 1000),
            )
            try:
                await producer.start()
            except KafkaError as error:
                with contextlib.suppress(KafkaError):
                    await producer.stop()
                raise unavailable("The broker does not answer at the moment.") from error
            self._producer = producer
