"""A view folds each record once, whatever Kafka repeats and whenever the process dies."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from shr_common.inbox import Inbox
from shr_common.kafka import Record
from shr_common.mongo import Client, Database, Session, ensure_indexes, unit_of_work


def record(offset: int, *, partition: int = 0, cluster: str = "ours", topic: str = "t") -> Record:
    return Record(topic, partition, offset, None, b"1", (), 0, cluster)


class Counter:
    """A view that counts records; its fold and its position commit together."""

    def __init__(self, client: Client, database: Database, *, view: str = "counts") -> None:
        self.client, self.view = client, database["view"]
        self.inbox = Inbox(database, view=view)
        self.name = view

    async def fold(self, records: Sequence[Record], *, dies: bool = False) -> None:
        async def work(session: Session) -> None:
            fresh = await self.inbox.fresh(records, session)
            if fresh:
                await self.view.update_one(
                    {"_id": self.name}, {"$inc": {"n": len(fresh)}}, upsert=True, session=session
                )
                await self.inbox.advance(fresh, session)
            if dies:
                raise ConnectionResetError("killed between the view and the commit")

        await unit_of_work(self.client, work)

    async def count(self) -> int:
        return int(((await self.view.find_one({"_id": self.name})) or {"n": 0})["n"])


@pytest.fixture
async def counter(client: Client, database: str) -> Counter:
    await ensure_indexes(client[database], {"view": (), "positions": ()})
    return Counter(client, client[database])


async def test_a_repeated_record_is_folded_once(counter: Counter) -> None:
    await counter.fold([record(0), record(1)])
    await counter.fold([record(0), record(1), record(2)])
    await counter.fold([record(2)])
    assert await counter.count() == 3


async def test_after_a_crash_between_view_and_commit_the_records_are_folded_when_they_come_again(
    counter: Counter,
) -> None:
    with pytest.raises(ConnectionResetError):
        await counter.fold([record(0), record(1)], dies=True)
    assert await counter.count() == 0
    await counter.fold([record(0), record(1)])
    assert await counter.count() == 2


async def test_partitions_and_topics_have_positions_of_their_own(counter: Counter) -> None:
    await counter.fold([record(5, partition=0), record(0, partition=1), record(0, topic="u")])
    await counter.fold([record(4, partition=0), record(1, partition=1), record(1, topic="u")])
    assert await counter.count() == 5


async def test_two_replicas_that_meet_the_same_records_fold_them_once(client: Client, counter: Counter) -> None:
    """A rebalance in the middle: both have the batch; the position is what they contend for."""
    other = Counter(client, counter.view.database)
    for start in range(0, 40, 4):
        batch = [record(start + n) for n in range(4)]
        await asyncio.gather(counter.fold(batch), other.fold(batch), counter.fold(batch))
    assert await counter.count() == 40


async def test_another_cluster_counts_as_nothing_folded(counter: Counter) -> None:
    """A restored broker begins at other offsets: to skip by the old ones would lose events without a sound."""
    await counter.fold([record(n) for n in range(10)])
    await counter.fold([record(0, cluster="restored"), record(1, cluster="restored")])
    assert await counter.count() == 12


async def test_another_view_has_positions_of_its_own(client: Client, counter: Counter) -> None:
    await counter.fold([record(0)])
    rebuilt = Counter(client, counter.view.database, view="counts.rebuild")
    await rebuilt.fold([record(0)])
    assert await rebuilt.count() == 1
