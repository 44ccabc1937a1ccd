"""A real broker that is killed and comes back: producers, relays and subscribers go on by themselves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from shr_common.errors import Category, ShrError
from shr_common.kafka import Producer, Record
from shr_common.kafka.producer import Message
from shr_common.keys import Envelope, new_key
from shr_common.mongo import Client, Collection
from shr_common.outbox import Outbox, Relay
from shr_common.testing import eventually
from shr_contracts.cloudevents import Event
from shr_local.testing import Infrastructure


def event(topic: str, number: int) -> Event:
    return Event(topic, "98000000018", str(number), "tested", "test", str(number), datetime.now(UTC), b"{}")


async def _empty(collection: Collection) -> bool:
    return await collection.count_documents({}) == 0


async def test_nothing_is_lost_while_the_broker_is_killed_and_comes_back(
    infrastructure: Infrastructure, client: Client, database: str, topic: str, consuming: Any
) -> None:
    envelope = Envelope(new_key())
    outbox = Outbox(client[database], envelope)
    producer = Producer(infrastructure.kafka_bootstrap, client_id="outage", timeout_s=2)
    await producer.start()
    relay = Relay(client[database], producer, envelope, service="test")
    await relay.start()
    received: list[str] = []

    async def note(records: Sequence[Record]) -> None:
        received.extend(record.id or "" for record in records)

    async with consuming(topic, note) as subscribers:
        await outbox.add([event(topic, 0)])
        relay.wake()
        await eventually(lambda: received == ["0"])

        infrastructure.kafka.kill()
        for number in range(1, 50):
            await outbox.add([event(topic, number)])
        relay.wake()
        assert "broker" in await eventually(relay.check)
        assert "broker" in await eventually(subscribers.check)
        with pytest.raises(ShrError) as away:
            await producer.send([Message(topic, None, b"", [])])
        assert away.value.category is Category.UNAVAILABLE

        await asyncio.to_thread(infrastructure.kafka.start_again)
        await eventually(lambda: len(set(received)) == 50, within_s=30)
        assert list(dict.fromkeys(received)) == [str(number) for number in range(50)]
        await eventually(lambda: _empty(client[database]["outbox"]))
        await eventually(lambda: _well(relay.check))
        await eventually(lambda: _well(subscribers.check))
    await relay.stop()
    await producer.stop()


async def _well(check: Callable[[], Any]) -> bool:
    return await check() is None


async def test_a_producer_that_finds_no_broker_says_unavailable_and_leaves_nothing_behind() -> None:
    producer = Producer("127.0.0.1:9", client_id="nobody", timeout_s=1)
    with pytest.raises(ShrError) as away:
        await producer.start()
    assert away.value.category is Category.UNAVAILABLE
    assert "kafka" in (await producer.check() or "")
    with suppress(ShrError):
        await producer.stop()


async def test_one_senders_trouble_does_not_take_the_new_producer_from_another(
    kafka_bootstrap: str, topic: str
) -> None:
    """Both met the old producer's end; the first made a new one, the second must not throw that away."""
    producer = Producer(kafka_bootstrap, client_id="renewed", timeout_s=1)
    await producer.start()
    old = producer._producer
    assert old is not None
    await old.stop()
    failures = await asyncio.gather(
        *(producer.send([Message(topic, None, b"1", [])]) for _ in range(5)), return_exceptions=True
    )
    assert all(isinstance(failure, ShrError) for failure in failures)
    await producer.send([Message(topic, None, b"2", [])])
    new = producer._producer
    await producer.send([Message(topic, None, b"3", [])])
    assert producer._producer is new
    await producer.stop()


async def test_a_message_above_the_limit_is_too_large_and_does_not_cost_the_producer(
    producer: Producer, topic: str
) -> None:
    before = producer._producer
    with pytest.raises(ShrError) as refused:
        await producer.send([Message(topic, None, b"x" * (14 << 20), [])])
    assert refused.value.category is Category.TOO_LARGE
    assert producer._producer is before
    assert await producer.partitions_of(topic) == 1
