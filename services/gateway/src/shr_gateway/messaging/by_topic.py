"""One consumer group for several quiet topics: each run of records of a topic goes to that topic's handler."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import groupby

from shr_common.kafka import Record

Handle = Callable[[Sequence[Record]], Awaitable[None]]


def by_topic(handlers: Mapping[str, Handle]) -> Handle:
    """Keeps the order of each topic; a failure fails the batch, which is then halved to find the guilty one."""

    async def handle(records: Sequence[Record]) -> None:
        ordered = sorted(records, key=lambda record: record.topic)
        for topic, found in groupby(ordered, key=lambda record: record.topic):
            await handlers[topic](list(found))

    return handle
