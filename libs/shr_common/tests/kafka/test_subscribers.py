"""A subscriber loses nothing, whatever is in a record and whatever is away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.producer import message_accumulator, producer
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from shr_common.errors import Category, ShrError, busy, invalid, unavailable
from shr_common.kafka import Record, Subscribers, Subscription, subscriber
from shr_common.keys import Envelope
from shr_common.settings import ServiceSettings
from shr_common.testing import Issuer, Topics, eventually
from shr_contracts.topics import dead_letters_of


class Seen:
    """A handler that notes what it was given; ``refuse`` decides what it raises first."""

    def __init__(self, refuse: Callable[[Sequence[Record]], Exception | None] = lambda _records: None) -> None:
        self.values: list[bytes] = []
        self.records: list[Record] = []
        self.calls = 0
        self.refuse = refuse

    async def __call__(self, records: Sequence[Record]) -> None:
        self.calls += 1
        error = self.refuse(records)
        if error is not None:
            raise error
        self.records += records
        self.values += [record.value for record in records]


def holding(value: bytes, error: Exception) -> Callable[[Sequence[Record]], Exception | None]:
    return lambda records: error if any(record.value == value for record in records) else None


async def committed(bootstrap: str, settings: ServiceSettings, topic: str, partition: int = 0) -> int:
    """The position that the group would start again from."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=settings.group_of("test", topic))
    await consumer.start()
    try:
        return await consumer.committed(TopicPartition(topic, partition)) or 0
    finally:
        await consumer.stop()


async def publish(topics: Topics, topic: str, *values: bytes, **said: Any) -> None:
    for value in values:
        await topics.publish(topic, value, **said)


async def test_a_header_that_is_not_utf8_costs_neither_its_record_nor_its_neighbours(
    consuming: Any, topics: Topics, topic: str
) -> None:
    await topics.publish(topic, b"before", headers={"ce_id": "1"})
    await topics.publish(topic, b"broken", headers={"ce_id": b"\xff\xfe", "ce_source": "openmrs/1"})
    await topics.publish(topic, b"after", headers={"ce_id": "3"})
    seen = Seen()
    async with consuming(topic, seen):
        await eventually(lambda: len(seen.values) == 3)
    assert seen.values == [b"before", b"broken", b"after"]
    assert [record.source for record in seen.records] == [None, "openmrs/1", None]
    assert seen.records[1].raw_headers[0] == ("ce_id", b"\xff\xfe")


async def test_without_the_parser_of_ours_such_a_header_skips_its_whole_batch(
    consuming: Any, topics: Topics, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What happens when the protection is out: the reason why it is there."""

    async def faststreams_own(records: Any, original: Any) -> Any:
        return await original(records)

    await topics.publish(topic, b"before", headers={"ce_id": b"\xff\xfe"})
    monkeypatch.setattr(subscriber, "_raw", faststreams_own)
    seen = Seen()
    async with consuming(topic, seen):
        await asyncio.sleep(0.5)
        await topics.publish(topic, b"after")
        await eventually(lambda: b"after" in seen.values)
    assert b"before" not in seen.values


@pytest.mark.parametrize("compression", [None, "gzip"])
async def test_a_header_name_that_is_not_utf8_costs_only_its_own_name(
    consuming: Any, kafka_bootstrap: str, topic: str, monkeypatch: pytest.MonkeyPatch, compression: str | None
) -> None:
    class Broken(str):
        __slots__ = ()

        def encode(self, *_how: Any) -> bytes:
            return b"x\xff\xfe"

    for module in (message_accumulator, producer):
        monkeypatch.setattr(module, "DefaultRecordBatchBuilder", _DefaultRecordBatchBuilderPy)
    hostile = AIOKafkaProducer(bootstrap_servers=kafka_bootstrap, linger_ms=50, compression_type=compression)
    await hostile.start()
    named = [("ce_id", b"1"), ("ce_source", b"s")]
    sent = [
        await hostile.send(topic, b"before", headers=named),
        await hostile.send(topic, b"broken", key=b"key", headers=[("ce_id", b"2"), (Broken("name"), b"v"), *named[1:]]),
        await hostile.send(topic, b"after", headers=named),
    ]
    await asyncio.gather(*sent)
    await hostile.stop()
    seen = Seen()
    async with consuming(topic, seen):
        await eventually(lambda: len(seen.values) == 3)
    assert seen.values == [b"before", b"broken", b"after"]
    assert seen.records[1].headers == {"ce_id": "2", "x??": "v", "ce_source": "s"}
    assert seen.records[1].key == "key"


async def test_only_the_guilty_record_is_dead_lettered_with_its_exact_bytes_and_the_reason(
    consuming: Any, topics: Topics, topic: str, issuer: Issuer
) -> None:
    guilty = b"\x00\xff not json \n"
    await publish(topics, topic, b"1", b"2")
    await topics.publish(topic, guilty, key="98000000018", headers={"ce_id": b"\xfe", "mine": "kept"})
    await publish(topics, topic, b"4")
    seen = Seen(holding(guilty, invalid("It is not readable.")))
    async with consuming(topic, seen) as subscribers:
        await eventually(lambda: len(seen.values) == 3)
        [letter] = await topics.read(dead_letters_of(topic))
        assert await subscribers.check() is None
    assert seen.values == [b"1", b"2", b"4"]
    said = {name: letter.headers[name] for name in letter.headers if name.startswith("dlq_") and name != "dlq_key"}
    assert said == {
        "dlq_category": "invalid",
        "dlq_reason": "It is not readable.",
        "dlq_topic": topic,
        "dlq_partition": "0",
        "dlq_offset": "2",
    }
    envelope = Envelope.load(issuer.directory, "dlq")
    assert guilty not in letter.value
    assert envelope.open(letter.value, topic.encode()) == guilty
    assert envelope.open(dict(letter.raw_headers)["dlq_key"], topic.encode()) == b"98000000018"
    assert letter.key == f"{topic}:0:2"
    assert ("ce_id", b"\xfe") in letter.raw_headers
    assert ("mine", b"kept") in letter.raw_headers


async def test_a_record_of_the_largest_size_still_finds_its_place_among_the_dead_letters(
    consuming: Any, topics: Topics, topic: str, issuer: Issuer
) -> None:
    largest = b"x" * ((12 << 20) - 200)
    await topics.publish(topic, largest, headers={"ce_id": "1"})
    async with consuming(topic, Seen(lambda _records: invalid("Too strange."))):
        [letter] = await topics.read(dead_letters_of(topic))
    assert Envelope.load(issuer.directory, "dlq").open(letter.value, topic.encode()) == largest


@pytest.mark.parametrize("error", [unavailable("The store is away."), busy("The queue is full.")])
async def test_what_passes_by_itself_is_waited_for_and_never_dead_lettered(
    consuming: Any,
    topics: Topics,
    topic: str,
    kafka_bootstrap: str,
    settings_of: Callable[..., ServiceSettings],
    error: ShrError,
) -> None:
    values = [f"{n}".encode() for n in range(20)]
    await publish(topics, topic, *values)
    seen = Seen(lambda _records: error)
    async with consuming(topic, seen, max_records=5) as subscribers:
        reason = await eventually(subscribers.check)
        assert reason == f"{settings_of().group_of('test', topic)}: {error.issues[0].text}"
        await eventually(lambda: seen.calls >= 3)
        assert await committed(kafka_bootstrap, settings_of(), topic) == 0
        seen.refuse = lambda _records: None
        await eventually(lambda: len(seen.values) == 20)
        assert seen.values == values
        await eventually(lambda: _nothing_wrong(subscribers))
    assert await committed(kafka_bootstrap, settings_of(), topic) == 20
    with pytest.raises(AssertionError):
        await topics.read(dead_letters_of(topic), within_s=0.3)


async def _nothing_wrong(subscribers: Subscribers) -> bool:
    return await subscribers.check() is None


async def test_a_fault_is_tried_a_few_times_then_dead_lettered_without_its_message(
    consuming: Any, topics: Topics, topic: str
) -> None:
    await publish(topics, topic, b"1", b"secret", b"3")
    seen = Seen(holding(b"secret", ValueError("NID 1234567890123")))
    async with consuming(topic, seen, fault_retries=2):
        [letter] = await topics.read(dead_letters_of(topic))
        await eventually(lambda: sorted(seen.values) == [b"1", b"3"])
    assert letter.headers["dlq_category"] == "fault"
    assert letter.headers["dlq_reason"] == "ValueError"
    assert seen.calls <= 2 + 5  # tries of the whole, then halves


async def test_a_fault_that_passes_costs_nothing(consuming: Any, topics: Topics, topic: str) -> None:
    await publish(topics, topic, b"1", b"2")
    seen = Seen()
    seen.refuse = lambda _records: RuntimeError("once") if seen.calls == 1 else None
    async with consuming(topic, seen):
        await eventually(lambda: seen.values == [b"1", b"2"])


async def test_what_was_not_committed_is_read_again_after_a_restart(
    consuming: Any, topics: Topics, topic: str, kafka_bootstrap: str, settings_of: Callable[..., ServiceSettings]
) -> None:
    """The commit comes after the handler: a worker that dies in it leaves its records to the next one."""
    await publish(topics, topic, b"1", b"2", b"3")
    entered, never = asyncio.Event(), asyncio.Event()

    async def hangs(_records: Sequence[Record]) -> None:
        entered.set()
        await never.wait()

    async with consuming(topic, hangs) as subscribers:
        await entered.wait()
        assert await committed(kafka_bootstrap, settings_of(), topic) == 0
        broker = subscribers._broker
        broker.config.broker_config.graceful_timeout = 0.01  # it is torn away, not stopped in order
    seen = Seen()
    async with consuming(topic, seen):
        await eventually(lambda: seen.values == [b"1", b"2", b"3"])


async def test_stop_finishes_the_batch_under_way_and_is_quick(
    consuming: Any, topics: Topics, topic: str, kafka_bootstrap: str, settings_of: Callable[..., ServiceSettings]
) -> None:
    await publish(topics, topic, *[f"{n}".encode() for n in range(10)])
    entered, leave = asyncio.Event(), asyncio.Event()
    done: list[bytes] = []

    async def slow(records: Sequence[Record]) -> None:
        entered.set()
        await leave.wait()
        done.extend(record.value for record in records)

    async with consuming(topic, slow, max_records=4) as subscribers:
        await entered.wait()
        stopping = asyncio.create_task(subscribers.stop())
        await asyncio.sleep(0.05)
        began = time.monotonic()
        leave.set()
        await stopping
        assert time.monotonic() - began < 3
    finished = list(done)
    assert await committed(kafka_bootstrap, settings_of(), topic) == len(finished)
    seen = Seen()
    async with consuming(topic, seen):
        await eventually(lambda: len(finished + seen.values) == 10)
    assert finished + seen.values == [f"{n}".encode() for n in range(10)]


async def test_stop_while_waiting_for_the_store_is_quick_and_loses_nothing(
    consuming: Any, topics: Topics, topic: str
) -> None:
    await publish(topics, topic, b"1", b"2")
    away = Seen(lambda _records: unavailable("The store is away."))
    async with consuming(topic, away) as subscribers:
        await eventually(lambda: away.calls >= 3)
        began = time.monotonic()
        await subscribers.stop()
        assert time.monotonic() - began < 3
    seen = Seen()
    async with consuming(topic, seen):
        await eventually(lambda: seen.values == [b"1", b"2"])


async def test_a_batch_that_takes_too_long_commits_what_is_done_and_goes_on_from_there(
    consuming: Any, topics: Topics, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All calls of one poll together stay below max.poll.interval, after which the partition would be given away."""
    assert subscriber.BATCH_BUDGET_S + subscriber.PAUSE_S[1] < subscriber.MAX_POLL_INTERVAL_S / 2
    monkeypatch.setattr(subscriber, "BATCH_BUDGET_S", 0.05)
    values = [f"{n}".encode() for n in range(12)]
    await publish(topics, topic, *values)
    done: list[bytes] = []

    async def slow_and_fussy(records: Sequence[Record]) -> None:
        await asyncio.sleep(0.02)
        if len(records) > 1:
            raise invalid("One at a time, please.")
        done.append(records[0].value)

    async with consuming(topic, slow_and_fussy):
        await eventually(lambda: len(done) == 12)
    assert done == values


async def test_two_replicas_share_the_work_and_a_rebalance_in_the_middle_loses_nothing(
    consuming: Any, topics: Topics, wide_topic: str
) -> None:
    keys = [f"9800000{n:04d}" for n in range(40)]
    for round_ in range(3):
        for key in keys:
            await topics.publish(wide_topic, f"{key}:{round_}".encode(), key=key)
    done: list[str] = []

    async def slowly(records: Sequence[Record]) -> None:
        await asyncio.sleep(0.05)
        done.extend(record.value.decode() for record in records)

    async with consuming(wide_topic, slowly, max_records=8):
        await eventually(lambda: len(done) >= 16)
        async with consuming(wide_topic, slowly, max_records=8):
            for key in keys:
                await topics.publish(wide_topic, f"{key}:3".encode(), key=key)
            await eventually(lambda: len(set(done)) == 160, within_s=20)
    for key in keys:  # at least once, and the first time in order
        assert list(dict.fromkeys(entry for entry in done if entry.startswith(key))) == [f"{key}:{n}" for n in range(4)]


async def test_a_partition_that_moved_to_another_replica_does_not_keep_this_one_unready(
    consuming: Any, topics: Topics, topic: str
) -> None:
    await publish(topics, topic, b"1")
    away = Seen(lambda _records: unavailable("The store is away."))
    async with consuming(topic, away) as subscribers:
        await eventually(subscribers.check)
        [group] = subscribers._subscribers
        consumer = subscribers._subscribers[group].consumer
        consumer.unsubscribe()
        await eventually(lambda: _nothing_wrong(subscribers))


async def test_a_record_without_headers_key_or_value_is_handed_over_like_any_other(
    consuming: Any, kafka_bootstrap: str, topic: str
) -> None:
    bare = AIOKafkaProducer(bootstrap_servers=kafka_bootstrap)
    await bare.start()
    await bare.send_and_wait(topic, value=b"bare")
    await bare.send_and_wait(topic, value=None, key=b"gone")
    await bare.send_and_wait(topic, value=b"null header", headers=[("ce_id", None)])
    await bare.stop()
    seen = Seen()
    async with consuming(topic, seen):
        await eventually(lambda: len(seen.records) == 3)
    first, tombstone, null = seen.records
    assert (first.id, first.source, first.type, first.key, first.headers) == (None, None, None, None, {})
    assert (tombstone.value, tombstone.key) == (b"", "gone")
    assert null.id is None


async def test_records_name_the_cluster_that_their_offsets_belong_to(
    consuming: Any, topics: Topics, topic: str
) -> None:
    await publish(topics, topic, b"1")
    seen = Seen()
    async with consuming(topic, seen):
        await eventually(lambda: seen.records)
    assert len(seen.records[0].cluster_id) > 10


async def test_lag_counts_what_was_not_dealt_with(consuming: Any, topics: Topics, topic: str) -> None:
    await publish(topics, topic, b"1", b"2", b"3")
    seen = Seen()
    async with consuming(topic, seen) as subscribers:
        await eventually(lambda: len(seen.values) == 3)
        assert sum((await subscribers.lag()).values()) == 0


async def test_a_heavy_record_goes_alone(consuming: Any, topics: Topics, topic: str) -> None:
    await publish(topics, topic, b"a" * 10, b"b" * 500, b"c" * 10, b"d" * 10)
    batches: list[int] = []

    async def note(records: Sequence[Record]) -> None:
        batches.append(len(records))

    async with consuming(topic, note, batch_bytes_limit=100):
        await eventually(lambda: sum(batches) == 4)
    assert batches == [1, 1, 2]


def test_two_subscriptions_cannot_share_a_group(settings_of: Callable[..., ServiceSettings]) -> None:
    async def nothing(_records: Sequence[Record]) -> None: ...

    subscribers = Subscribers(settings_of(), "test", None)  # type: ignore[arg-type]
    subscribers.add(Subscription(group="g", topics=("a",), handle=nothing))
    with pytest.raises(ValueError, match="share"):
        subscribers.add(Subscription(group="g", topics=("b",), handle=nothing))


async def test_an_error_without_issues_is_named_by_its_kind(consuming: Any, topics: Topics, topic: str) -> None:
    await publish(topics, topic, b"1")
    async with consuming(topic, Seen(lambda _records: ShrError(Category.FAULT, [])), fault_retries=1):
        [letter] = await topics.read(dead_letters_of(topic))
    assert letter.headers["dlq_reason"] == "ShrError"
