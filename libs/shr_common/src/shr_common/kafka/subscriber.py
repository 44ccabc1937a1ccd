"""Batch subscribers over FastStream that commit only what was dealt with.

FastStream's defaults lose messages: a header that is not UTF-8 raises before the handler, and the next ack commits
past it. So every subscriber has a parser that hands over raw headers, a manual ack after the unit of work, and on any
escape seeks to the first offset of its batch.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker

from shr_common import telemetry
from shr_common.batching import isolated, weighed
from shr_common.errors import Category, ShrError
from shr_common.kafka.dead_letters import DeadLetters
from shr_common.kafka.record import Record
from shr_common.settings import ServiceSettings

LOG = structlog.get_logger("shr.kafka")
Handle = Callable[[Sequence[Record]], Awaitable[None]]
PAUSE_S = (0.2, 5.0)


@dataclass(frozen=True)
class Subscription:
    """What a service consumes: named group, topics, and the one use case that deals with a batch."""

    group: str
    topics: tuple[str, ...]
    handle: Handle
    max_records: int | None = None
    batch_timeout_ms: int = 50


class _Bare:
    """A record as FastStream's own parser may see it: without headers, which need not be UTF-8."""

    __slots__ = ("headers", "offset", "timestamp", "topic", "value")

    def __init__(self, record: Any) -> None:
        self.topic, self.value, self.offset, self.timestamp = record.topic, b"", record.offset, record.timestamp
        self.headers: tuple[()] = ()


async def _raw(records: Any, original: Callable[[Any], Awaitable[Any]]) -> Any:
    message = await original(tuple(_Bare(record) for record in records))
    message.raw_message = records
    return message


async def _whole_message(message: Any) -> Any:
    return message


class Subscribers:
    """All subscribers of a service: one FastStream broker, one group for each subscription. Part of its life."""

    def __init__(self, settings: ServiceSettings, service: str, dead_letters: DeadLetters) -> None:
        self._settings = settings
        self._dead_letters = dead_letters
        self._blocked: dict[str, str] = {}
        self._groups: list[str] = []
        self._stopping = False
        self._subscribers: dict[str, Any] = {}
        self._broker = KafkaBroker(
            settings.kafka_bootstrap,
            client_id=f"shr-{service}",
            consumer_only=True,
            allow_auto_create_topics=False,
            apply_types=False,
            logger=None,
            graceful_timeout=10.0,
        )

    def add(self, subscription: Subscription) -> None:
        """Subscribe; before the start only."""
        group = subscription.group
        self._groups.append(group)
        self._subscribers[group] = self._broker.subscriber(
            *subscription.topics,
            group_id=group,
            batch=True,
            ack_policy=AckPolicy.MANUAL,
            auto_offset_reset="earliest",
            max_records=subscription.max_records or self._settings.batch_items_limit,
            batch_timeout_ms=subscription.batch_timeout_ms,
            max_partition_fetch_bytes=4 * 1024 * 1024,
            fetch_max_wait_ms=100,
            session_timeout_ms=10_000,
            no_reply=True,
            parser=_raw,
            decoder=_whole_message,
        )

        async def on_batch(message: Any) -> None:
            await self._deal_with(subscription, message)

        self._subscribers[group](on_batch)

    async def start(self) -> None:
        """Join the groups."""
        self._stopping = False
        if self._groups:
            await self._broker.start()

    async def stop(self) -> None:
        """Finish the batches under way and leave the groups."""
        self._stopping = True
        if self._groups:
            await self._broker.stop()

    async def check(self) -> str | None:
        """Why a partition waits, if one does."""
        return next((f"{group}: {reason}" for group, reason in self._blocked.items()), None)

    async def lag(self) -> dict[str, int]:
        """Records not yet dealt with, by group, as far as the last fetch told."""
        found = {}
        for group, subscriber in self._subscribers.items():
            consumer = subscriber.consumer
            behind = 0
            for partition in consumer.assignment() if consumer is not None else ():
                high = consumer.highwater(partition)
                if high is None:
                    continue
                try:
                    async with asyncio.timeout(0.2):
                        behind += max(0, high - await consumer.position(partition))
                except (TimeoutError, KafkaError):
                    continue
            found[group] = behind
        return found

    async def _deal_with(self, subscription: Subscription, message: Any) -> None:
        records = [Record.of(consumed) for consumed in message.raw_message]
        try:
            await self._process(subscription, records)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            await self._wait(subscription.group, message, error)
            return
        if self._blocked.pop(subscription.group, None):
            LOG.info("partition_resumed", group=subscription.group)
        try:
            await message.ack()
        except (CommitFailedError, IllegalStateError, KafkaError) as error:
            # the partition has moved: its new owner meets these records again, and every effect is once
            LOG.info("commit_passed_on", group=subscription.group, kind=type(error).__name__)

    async def _process(self, subscription: Subscription, records: list[Record]) -> None:
        settings = self._settings
        batches = weighed(
            records,
            size_of=lambda record: len(record.value),
            items_limit=settings.batch_items_limit,
            bytes_limit=settings.batch_bytes_limit,
        )
        for batch in batches:
            with telemetry.consuming(subscription.group, batch):
                await self._with_retries(subscription, batch)

    async def _with_retries(self, subscription: Subscription, batch: list[Record]) -> None:
        """A fault is tried a few times whole, since most pass; then the batch is halved to find the guilty record."""

        async def once(records: Sequence[Record]) -> Sequence[None]:
            await subscription.handle(records)
            return [None] * len(records)

        for attempt in range(self._settings.fault_retries):
            try:
                await once(batch)
                return
            except ShrError as error:
                if error.temporary:
                    raise
                if error.category is not Category.FAULT:
                    break
            except Exception as error:
                LOG.warning("batch_failed", group=subscription.group, attempt=attempt, exc_info=error)
            await asyncio.sleep(min(0.05 * 4**attempt, 1.0))
        await isolated(batch, once, failed=self._dead_letters.bury)

    async def _wait(self, group: str, message: Any, error: Exception) -> None:
        reason = error.issues[0].text if isinstance(error, ShrError) else type(error).__name__
        if group not in self._blocked:
            LOG.error("partition_waits", group=group, reason=reason)
        self._blocked[group] = reason
        try:
            await message.nack()
        except (IllegalStateError, KafkaError) as moved:
            LOG.info("partition_moved", group=group, kind=type(moved).__name__)
        for _ in range(int(random.uniform(*PAUSE_S) * 10)):  # noqa: S311 (jitter)
            if self._stopping:
                return
            await asyncio.sleep(0.1)
