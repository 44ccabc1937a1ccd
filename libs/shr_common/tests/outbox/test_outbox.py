"""Events are published if and only if their state was committed: in order, at least once, under one lease."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from shr_common.errors import Category, ShrError, unavailable
from shr_common.kafka import Producer, Record
from shr_common.kafka.producer import Message
from shr_common.keys import Envelope, new_key
from shr_common.mongo import Client, Database, Session, ensure_indexes, unit_of_work
from shr_common.outbox import EVENT_LIMIT_BYTES, Outbox, Relay
from shr_common.testing import Topics, eventually
from shr_contracts.cloudevents import Event, event_id

ENVELOPE = Envelope(new_key())
NOW = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)


def event(topic: str, number: int, *, key: str = "98000000018", value: bytes | None = None) -> Event:
    return Event(
        topic=topic,
        key=key,
        id=event_id(aggregate=key, version=number, type="tested"),
        type="tested",
        source="test",
        subject=str(number),
        time=NOW,
        value=value if value is not None else b'{"number": %d}' % number,
    )


def number_of(record: Record) -> int:
    return int(record.headers["ce_subject"])


@pytest.fixture
async def store(client: Client, database: str) -> Database:
    opened = client[database]
    await ensure_indexes(opened, {"outbox": (), "leases": (), "things": ()})
    return opened


@pytest.fixture
def outbox(store: Database) -> Outbox:
    return Outbox(store, ENVELOPE)


Relaying = Callable[..., Any]


@pytest.fixture
async def relaying(store: Database, producer: Producer) -> AsyncIterator[Relaying]:
    """``await relaying()``: a relay at work, stopped at the end."""
    async with AsyncExitStack() as ends:

        async def started(**changed: Any) -> Relay:
            relay = Relay(store, changed.pop("producer", producer), ENVELOPE, service="test", **changed)
            await relay.start()
            ends.push_async_callback(relay.stop)
            return relay

        yield started


async def rows(store: Database) -> int:
    return await store["outbox"].count_documents({})


async def is_empty(store: Database) -> bool:
    return await rows(store) == 0


async def test_committed_events_are_published_in_their_order_with_their_attributes(
    outbox: Outbox, relaying: Relaying, topics: Topics, topic: str, store: Database
) -> None:
    for number in range(5):
        await outbox.add([event(topic, number), event(topic, number + 100)])
    await relaying()
    published = await topics.read(topic, count=10)
    assert [number_of(record) for record in published] == [0, 100, 1, 101, 2, 102, 3, 103, 4, 104]
    first = published[0]
    assert (first.key, first.value, first.type, first.source) == ("98000000018", b'{"number": 0}', "tested", "test")
    assert first.headers["ce_time"] == "2026-11-20T04:00:00.000Z"
    assert first.headers["content-type"] == "application/json"
    await eventually(lambda: is_empty(store))


async def test_events_of_an_aborted_unit_of_work_are_never_published(
    client: Client, outbox: Outbox, relaying: Relaying, topics: Topics, topic: str, store: Database
) -> None:
    async def refused(session: Session) -> None:
        await store["things"].insert_one({"_id": 1}, session=session)
        await outbox.add([event(topic, 1)], session)
        raise ShrError(Category.INVALID, "Not this one.")

    with pytest.raises(ShrError):
        await unit_of_work(client, refused)
    await outbox.add([event(topic, 2)])
    await relaying()
    assert [number_of(record) for record in await topics.read(topic)] == [2]
    with pytest.raises(AssertionError):
        await topics.read(topic, count=2, within_s=0.5)


async def test_a_late_commit_with_an_earlier_id_is_still_published(
    client: Client, outbox: Outbox, relaying: Relaying, topics: Topics, topic: str, store: Database
) -> None:
    """The order of ids is not the order of commits: "everything after the last id" would skip the late one."""
    added, commit = asyncio.Event(), asyncio.Event()

    async def slow(session: Session) -> None:
        await outbox.add([event(topic, 1, key="slow")], session)
        added.set()
        await commit.wait()

    late = asyncio.create_task(unit_of_work(client, slow))
    await added.wait()
    relay = await relaying()
    outbox.wake = relay.wake
    await outbox.add([event(topic, 2, key="quick")])
    outbox.wake()
    [first] = await topics.read(topic)
    assert number_of(first) == 2
    await eventually(lambda: is_empty(store))
    commit.set()
    await late
    assert [number_of(record) for record in await topics.read(topic, count=2)] == [2, 1]


async def test_one_persons_events_keep_their_order_over_many_units_of_work(
    outbox: Outbox, relaying: Relaying, topics: Topics, wide_topic: str
) -> None:
    relay = await relaying()
    for number in range(60):
        await outbox.add([event(wide_topic, number * 3 + n, key=f"person {n}") for n in range(3)])
        if number % 7 == 0:
            relay.wake()
    published = await topics.read(wide_topic, count=180)
    for person in range(3):
        mine = [number_of(record) for record in published if record.key == f"person {person}"]
        assert mine == sorted(mine)
        assert len(mine) == 60


async def test_ids_stand_in_their_order_even_when_the_clock_is_set_back(
    outbox: Outbox, store: Database, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await outbox.add([event(topic, 1)])
    monkeypatch.setattr(time, "time_ns", lambda: 1_000_000_000)
    await outbox.add([event(topic, 2)])
    made = [row["_id"] async for row in store["outbox"].find().sort("$natural", 1)]
    assert made == sorted(made)


async def test_nothing_in_a_row_can_be_read_without_the_key(outbox: Outbox, store: Database, topic: str) -> None:
    secret = event(topic, 1, key="98000000018", value='{"name_bn": "রহিমা"}'.encode())
    await outbox.add([secret])
    row = await store["outbox"].find_one()
    assert row is not None
    assert set(row) == {"_id", "count", "sealed"}
    for plain in ("রহিমা".encode(), b"98000000018", b"name_bn", topic.encode()):
        assert plain not in row["sealed"]
    with pytest.raises(ValueError, match="cannot be opened"):
        Envelope(new_key()).open(row["sealed"], row["_id"].encode())
    with pytest.raises(ValueError, match="cannot be opened"):
        ENVELOPE.open(row["sealed"], b"another row")


async def test_an_event_above_the_message_limit_is_refused_before_it_could_block_the_others(
    outbox: Outbox, store: Database, topic: str
) -> None:
    with pytest.raises(ShrError) as refused:
        await outbox.add([event(topic, 1), event(topic, 2, value=b"x" * (EVENT_LIMIT_BYTES + 1))])
    assert refused.value.category is Category.TOO_LARGE
    assert await is_empty(store)


async def test_the_largest_event_and_many_heavy_ones_go_through(
    outbox: Outbox, relaying: Relaying, topics: Topics, topic: str, store: Database
) -> None:
    await outbox.add([event(topic, 1, value=b"x" * EVENT_LIMIT_BYTES)])
    await outbox.add([event(topic, n, value=b"y" * 700_000) for n in range(2, 26)])
    await relaying()
    published = await topics.read(topic, count=25)
    assert [number_of(record) for record in published] == list(range(1, 26))
    assert len(published[0].value) == EVENT_LIMIT_BYTES


async def test_an_event_published_twice_is_the_same_event(
    outbox: Outbox, relaying: Relaying, topics: Topics, topic: str, store: Database
) -> None:
    """The broker has acknowledged, the relay dies before it deletes: again, with the same id."""
    await outbox.add([event(topic, 1)])
    kept = await store["outbox"].find_one()
    assert kept is not None
    relay = await relaying()
    await topics.read(topic)
    await eventually(lambda: is_empty(store))
    await store["outbox"].insert_one(kept)
    relay.wake()
    first, second = await topics.read(topic, count=2)
    assert first.id == second.id == event_id(aggregate="98000000018", version=1, type="tested")


async def test_of_two_relays_one_works_and_the_other_takes_over_after_its_death(
    outbox: Outbox, relaying: Relaying, topics: Topics, topic: str, store: Database
) -> None:
    first = await relaying(lease_s=0.6)
    await eventually(lambda: store["leases"].find_one())
    lease = await store["leases"].find_one()
    second = await relaying(lease_s=0.6)
    await outbox.add([event(topic, 1)])
    first.wake()
    await topics.read(topic)
    again = await store["leases"].find_one()
    assert lease is not None
    assert again is not None
    assert again["holder"] == lease["holder"] == first._holder

    task = first._background._task
    assert task is not None
    task.cancel()  # it dies and does not say goodbye
    await outbox.add([event(topic, 2)])
    assert [number_of(record) for record in await topics.read(topic, count=2)] == [1, 2]
    lease = await store["leases"].find_one()
    assert lease is not None
    assert lease["holder"] == second._holder
    assert await first.check() == "outbox relay has ended"
    assert await second.check() is None


async def test_a_relay_that_stops_in_order_publishes_first_and_hands_its_lease_over_at_once(
    outbox: Outbox, store: Database, producer: Producer, topics: Topics, topic: str
) -> None:
    relay = Relay(store, producer, ENVELOPE, service="test")
    await relay.start()
    await eventually(lambda: store["leases"].find_one())
    await outbox.add([event(topic, 1)])
    await relay.stop()
    assert await is_empty(store)
    assert len(await topics.read(topic)) == 1
    assert await store["leases"].find_one() is None


async def test_many_relays_that_start_together_agree_on_one(store: Database, relaying: Relaying) -> None:
    relays = [await relaying() for _ in range(6)]
    await eventually(lambda: store["leases"].find_one())
    await asyncio.sleep(0.2)
    assert sum(relay._lease_until > 0 for relay in relays) == 1
    assert [await relay.check() for relay in relays] == [None] * 6


class Broken:
    """A producer whose broker is away until told otherwise; ``acknowledged`` is what it sent before."""

    def __init__(self, producer: Producer) -> None:
        self.producer = producer
        self.away = True
        self.asked = 0

    async def send(self, messages: Any) -> None:
        self.asked += 1
        if self.away:
            raise unavailable("The broker does not answer at the moment.")
        await self.producer.send(messages)


async def test_while_the_broker_is_away_rows_wait_and_the_relay_says_so(
    outbox: Outbox, relaying: Relaying, producer: Producer, topics: Topics, topic: str, store: Database
) -> None:
    broken = Broken(producer)
    relay = await relaying(producer=broken)
    await outbox.add([event(topic, n) for n in range(3)])
    assert await eventually(relay.check) == "outbox relay: The broker does not answer at the moment."
    assert await rows(store) == 1
    broken.away = False
    assert [number_of(record) for record in await topics.read(topic, count=3)] == [0, 1, 2]
    await eventually(lambda: is_empty(store))
    await eventually(lambda: _well(relay))


async def test_a_row_that_cannot_be_opened_is_told_and_does_not_end_the_relay(
    store: Database, outbox: Outbox, relaying: Relaying, topic: str
) -> None:
    await Outbox(store, Envelope(new_key())).add([event(topic, 1)])
    relay = await relaying()
    assert await eventually(relay.check) == "outbox relay: ValueError"
    await store["outbox"].delete_many({})
    await eventually(lambda: _well(relay))


async def _well(relay: Relay) -> bool:
    return await relay.check() is None


# --- beats: what consent says about its own freshness


@asynccontextmanager
async def beating(
    relaying: Relaying, producer: Any, *, every_s: float = 0.05
) -> AsyncIterator[tuple[Relay, list[float]]]:
    beats: list[float] = []

    async def beat(at: float) -> Sequence[Message]:
        beats.append(at)
        return []

    yield await relaying(beat=beat, beat_every_s=every_s, producer=producer), beats


async def test_a_beat_carries_the_time_before_the_look_that_found_nothing(
    relaying: Relaying, producer: Producer
) -> None:
    async with beating(relaying, producer) as (_, beats):
        before = time.time()
        await eventually(lambda: len(beats) >= 5)
        assert before - 0.1 <= beats[0] <= time.time()
        assert beats == sorted(beats)


async def test_no_beat_while_something_older_is_unpublished(
    outbox: Outbox, relaying: Relaying, producer: Producer, topic: str
) -> None:
    broken = Broken(producer)
    await outbox.add([event(topic, 1)])
    async with beating(relaying, broken) as (relay, beats):
        await eventually(lambda: broken.asked >= 2)
        assert beats == []
        broken.away = False
        relay.wake()
        await eventually(lambda: beats)


async def test_no_beat_between_a_heavy_row_and_those_behind_it(
    outbox: Outbox, relaying: Relaying, producer: Producer, topic: str, store: Database
) -> None:
    """One row that fills a whole look does not mean that the outbox is empty."""
    for number in range(4):
        await outbox.add([event(topic, number, value=b"x" * 9_000_000)])
    left_at_beat: list[int] = []

    async def beat(_at: float) -> Sequence[Message]:
        left_at_beat.append(await rows(store))
        return []

    await relaying(beat=beat, beat_every_s=0.0)
    await eventually(lambda: left_at_beat)
    assert left_at_beat[0] == 0


async def test_beats_go_on_under_a_steady_load(
    outbox: Outbox, relaying: Relaying, producer: Producer, topic: str
) -> None:
    """Otherwise a busy consent service would look like a dead one."""
    async with beating(relaying, producer) as (relay, beats):
        outbox.wake = relay.wake
        ended = asyncio.Event()

        async def load() -> None:
            number = 0
            while not ended.is_set():
                number += 2
                await outbox.add([event(topic, number), event(topic, number + 1)])
                outbox.wake()

        loading = asyncio.create_task(load())
        await eventually(lambda: len(beats) >= 10, within_s=5)
        ended.set()
        await loading


async def test_a_relay_without_the_lease_never_beats_and_does_not_burn(
    relaying: Relaying, producer: Producer, store: Database
) -> None:
    await relaying()
    await eventually(lambda: store["leases"].find_one())
    async with beating(relaying, producer) as (second, beats):
        looks = 0
        holds = second._holds_lease

        async def counted() -> bool:
            nonlocal looks
            looks += 1
            return await holds()

        second._holds_lease = counted  # type: ignore[method-assign]
        await asyncio.sleep(0.7)
        assert beats == []
        assert looks <= 4
