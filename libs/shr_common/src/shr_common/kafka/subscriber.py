"""Batch subscribers over FastStream that commit only what was dealt with.

FastStream's defaults lose messages: a header that is not UTF-8 raises before the handler, and the next ack commits
past it. So every subscriber has a parser that hands over raw headers, a manual ack after the unit of work, and on any
escape seeks to the first record that was not dealt with.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import structlog
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker

from shr_common import telemetry
from shr_common.batching import isolated, weighed
from shr_common.errors import Category, ShrError
from shr_common.kafka import tolerance
from shr_common.kafka.dead_letters import DeadLetters
from shr_common.kafka.record import Record
from shr_common.settings import ServiceSettings

LOG = structlog.get_logger("shr.kafka")
Handle = Callable[[Sequence[Record]], Awaitable[None]]
PAUSE_S = (0.2, 5.0)
MAX_POLL_INTERVAL_S = 300
HEARTBEAT_MS = 1000
"""Members of a group learn of a new one with their next heartbeat: with 3 s, a second lane costs a start 3 s."""
BATCH_BUDGET_S = 60.0
"""After this long a batch that fails in many places is left where it stands: what is done is committed, the rest is
read again. With the longest call of a handler added it stays well below ``MAX_POLL_INTERVAL_S``, after which the
broker would give the partition away in the middle of the work."""


@dataclass(frozen=True)
class Subscription:
    """What a service consumes: named group, topics, and the one use case that deals with a batch."""

    group: str
    topics: tuple[str, ...]
    handle: Handle
    max_records: int | None = None
    consumers: int = 1
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


class _LeftOff(BaseException):
    """A batch is left where it stands: out of time, or the service stops. No error of any record."""


@dataclass
class _Run:
    """One batch under way: how far it has come, and until when it may go on."""

    records: list[Record]
    done: int = 0
    until: float = field(default_factory=lambda: time.monotonic() + BATCH_BUDGET_S)


@dataclass(frozen=True)
class _Block:
    """Why a group waits, and where."""

    reason: str
    partitions: frozenset[TopicPartition]


class Subscribers:
    """All subscribers of a service: one FastStream broker, one group for each subscription. Part of its life."""

    def __init__(self, settings: ServiceSettings, service: str, dead_letters: DeadLetters) -> None:
        self._settings = settings
        self._dead_letters = dead_letters
        self._blocked: dict[str, _Block] = {}
        self._failures: dict[str, int] = {}
        self._subscribers: dict[str, Any] = {}
        self._started = False
        self._stopping = asyncio.Event()
        self._cluster_id = ""
        self._probe: tuple[float, str | None] = (0.0, None)
        tolerance.install()
        self._broker = KafkaBroker(
            settings.kafka_bootstrap,
            client_id=f"shr-{service}",
            consumer_only=True,
            allow_auto_create_topics=False,
            apply_types=False,
            logger=None,
            graceful_timeout=10.0,
            metadata_max_age_ms=10_000,
        )

    def add(self, subscription: Subscription) -> None:
        """Subscribe; before the start only. With ``consumers`` one waits for the store while another computes."""
        group = subscription.group
        if group in self._subscribers:
            raise ValueError(f"two subscriptions of one service cannot share the group {group}")
        self._consume(subscription, group)
        for number in range(1, subscription.consumers):
            self._consume(replace(subscription, group=f"{group}#{number + 1}"), group)

    def _consume(self, subscription: Subscription, group_id: str) -> None:
        group = subscription.group
        self._subscribers[group] = self._broker.subscriber(
            *subscription.topics,
            group_id=group_id,
            batch=True,
            ack_policy=AckPolicy.MANUAL,
            auto_offset_reset="earliest",
            max_records=subscription.max_records or self._settings.batch_items_limit,
            batch_timeout_ms=subscription.batch_timeout_ms,
            max_partition_fetch_bytes=4 * 1024 * 1024,
            fetch_max_wait_ms=100,
            session_timeout_ms=10_000,
            heartbeat_interval_ms=HEARTBEAT_MS,
            max_poll_interval_ms=MAX_POLL_INTERVAL_S * 1000,
            no_reply=True,
            parser=_raw,
            decoder=_whole_message,
        )

        async def on_batch(message: Any) -> None:
            await self._deal_with(subscription, message)

        self._subscribers[group](on_batch)

    async def start(self) -> None:
        """Join the groups. Raises what the broker says while it is away; may be called again."""
        self._stopping.clear()
        if not self._subscribers:
            return
        self._cluster_id = await self._ask_cluster_id()
        try:
            await self._broker.start()
        except BaseException:
            await self._broker.stop()
            raise
        self._started = True

    async def stop(self) -> None:
        """Finish the call under way, commit what is done and leave the groups."""
        self._stopping.set()
        if self._started:
            self._started = False
            await self._broker.stop()

    async def check(self) -> str | None:
        """Why a partition waits, if one does; or that the broker is away."""
        for group, block in list(self._blocked.items()):
            consumer = self._subscribers[group].consumer
            if consumer is None or block.partitions & consumer.assignment():
                return f"{group}: {block.reason}"
            del self._blocked[group]  # they are another replica's now
        return await self._broker_is_away() if self._started else None

    async def lag(self) -> dict[str, int]:
        """Records not yet dealt with, by group, as far as the last fetch told."""
        found: dict[str, int] = {}
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
            name = group.partition("#")[0]
            found[name] = found.get(name, 0) + behind
        return found

    async def _ask_cluster_id(self) -> str:
        admin = AIOKafkaAdminClient(bootstrap_servers=self._settings.kafka_bootstrap, request_timeout_ms=5000)
        try:
            await admin.start()
            return str((await admin.describe_cluster()).get("cluster_id") or "")
        finally:
            await admin.close()

    async def _broker_is_away(self) -> str | None:
        """Asked at most every two seconds."""
        asked_at, answer = self._probe
        if time.monotonic() - asked_at < 2:
            return answer
        consumer = next(iter(self._subscribers.values())).consumer
        answer = None
        try:
            async with asyncio.timeout(1):
                if consumer is not None:
                    await consumer.topics()
        except (KafkaError, TimeoutError):
            answer = "the broker does not answer"
        self._probe = (time.monotonic(), answer)
        return answer

    async def _deal_with(self, subscription: Subscription, message: Any) -> None:
        group = subscription.group
        run = _Run([Record.of(consumed, cluster_id=self._cluster_id) for consumed in message.raw_message])
        try:
            await self._process(subscription, run)
        except asyncio.CancelledError:
            raise
        except _LeftOff:
            await self._leave_off(group, message, run)
        except Exception as error:
            await self._leave_off(group, message, run)
            await self._wait(group, run, error)
        else:
            self._failures.pop(group, None)
            if self._blocked.pop(group, None):
                LOG.info("partition_resumed", group=group)
            await self._commit(group, message)

    async def _process(self, subscription: Subscription, run: _Run) -> None:
        settings = self._settings
        batches = weighed(
            run.records,
            size_of=lambda record: len(record.value),
            items_limit=settings.batch_items_limit,
            bytes_limit=settings.batch_bytes_limit,
        )
        for batch in batches:
            with telemetry.consuming(subscription.group, batch):
                await self._with_retries(subscription, batch, run)

    async def _with_retries(self, subscription: Subscription, batch: list[Record], run: _Run) -> None:
        """A fault is tried a few times whole, since most pass; then the batch is halved to find the guilty record."""

        async def once(records: Sequence[Record]) -> Sequence[None]:
            if self._stopping.is_set() or (run.done and time.monotonic() > run.until):
                raise _LeftOff
            await subscription.handle(records)
            run.done += len(records)
            return [None] * len(records)

        async def give_up(record: Record, error: Exception) -> None:
            await self._dead_letters.bury(record, error)
            run.done += 1

        for attempt in range(self._settings.fault_retries):
            try:
                await once(batch)
                return
            except ShrError as error:
                if error.temporary:
                    raise
                if error.category is not Category.FAULT:
                    break
                LOG.warning("batch_failed", group=subscription.group, attempt=attempt, exc_info=error)
            except Exception as error:
                LOG.warning("batch_failed", group=subscription.group, attempt=attempt, exc_info=error)
            await self._sleep(min(0.05 * 4**attempt, 1.0))
        await isolated(batch, once, failed=give_up)

    async def _commit(self, group: str, message: Any) -> None:
        try:
            await message.ack()
        except (CommitFailedError, IllegalStateError, KafkaError) as error:
            # the partition has moved: its new owner meets these records again, and every effect is once
            LOG.info("commit_passed_on", group=group, kind=type(error).__name__)

    async def _leave_off(self, group: str, message: Any, run: _Run) -> None:
        """Go back to the first record of each partition that was not dealt with, and commit up to there."""
        undone: dict[TopicPartition, int] = {}
        for record in run.records[run.done :]:
            undone.setdefault(TopicPartition(record.topic, record.partition), record.offset)
        for partition, offset in undone.items():
            try:
                message.consumer.seek(partition, offset)
            except (IllegalStateError, KafkaError) as error:
                LOG.info("partition_moved", group=group, kind=type(error).__name__)
        if run.done:
            await self._commit(group, message)

    async def _wait(self, group: str, run: _Run, error: Exception) -> None:
        reason = error.issues[0].text if isinstance(error, ShrError) and error.issues else type(error).__name__
        if group not in self._blocked:
            LOG.error("partition_waits", group=group, reason=reason, exc_info=error)
        undone = run.records[run.done :]
        self._blocked[group] = _Block(reason, frozenset(TopicPartition(r.topic, r.partition) for r in undone))
        failures = self._failures[group] = self._failures.get(group, 0) + 1
        shortest, longest = PAUSE_S
        await self._sleep(min(longest, shortest * 2 ** min(failures - 1, 10)) * random.uniform(0.6, 1))  # noqa: S311

    async def _sleep(self, seconds: float) -> None:
        """Wait, but not longer than until the stop."""
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            pass
