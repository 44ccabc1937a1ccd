"""Topics of the real broker, as a test reads and writes them."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from shr_common.kafka.record import Record


class Topics:
    """Writes to and reads from topics. One per test; ``stop`` at the end."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._producer: AIOKafkaProducer | None = None

    async def publish(
        self, topic: str, value: Any, *, key: str | None = None, headers: Mapping[str, str | bytes] | None = None
    ) -> None:
        """Write one record: bytes as they are, anything else as JSON."""
        if self._producer is None:
            self._producer = AIOKafkaProducer(
                bootstrap_servers=self._bootstrap, acks="all", enable_idempotence=True, max_request_size=12 << 20
            )
            await self._producer.start()
        raw = value if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False).encode()
        sent = [(n, v if isinstance(v, bytes) else v.encode()) for n, v in (headers or {}).items()]
        await self._producer.send_and_wait(topic, raw, key=key.encode() if key else None, headers=sent)

    async def event(self, topic: str, value: Any, *, key: str, source: str = "test") -> None:
        """Write an event as a service of ours would."""
        said = {"ce_specversion": "1.0", "ce_id": str(uuid.uuid4()), "ce_type": f"bd.gov.dghs.{topic}.v1"}
        await self.publish(topic, value, key=key, headers=said | {"ce_source": source})

    async def read(
        self, topic: str, *, where: Callable[[Record], bool] = lambda _r: True, count: int = 1, within_s: float = 15.0
    ) -> list[Record]:
        """The first ``count`` records of a topic, from its beginning, for which ``where`` holds; fails in the end."""
        consumer = AIOKafkaConsumer(
            topic, bootstrap_servers=self._bootstrap, enable_auto_commit=False, auto_offset_reset="earliest"
        )
        await consumer.start()  # without a group: every partition, from the beginning
        found: list[Record] = []
        try:
            deadline = time.monotonic() + within_s
            while len(found) < count:
                if time.monotonic() > deadline:
                    raise AssertionError(f"{topic}: {len(found)} of {count} records within {within_s} s")
                for batch in (await consumer.getmany(timeout_ms=100)).values():
                    found += [record for consumed in batch if where(record := Record.of(consumed))]
            return found
        finally:
            await consumer.stop()

    async def stop(self) -> None:
        """Disconnect."""
        if self._producer is not None:
            await self._producer.stop()
            self._producer = None


async def everything_published(bootstrap: str, topics: Sequence[str]) -> dict[str, bytes]:
    """``topic <name>`` → keys, headers and values of all that stands in it now, to be searched for what must not."""
    consumer = AIOKafkaConsumer(
        *topics, bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    await consumer.start()  # without a group: every partition, from the beginning
    found: dict[str, bytes] = {}
    try:
        ends = await consumer.end_offsets(consumer.assignment())
        while any([await consumer.position(place) < end for place, end in ends.items()]):
            for place, records in (await consumer.getmany(timeout_ms=200)).items():
                for one in records:
                    headers = b"".join(name.encode() + (value or b"") for name, value in one.headers)
                    name = f"topic {place.topic}"
                    found[name] = found.get(name, b"") + (one.key or b"") + headers + (one.value or b"") + b"\n"
    finally:
        await consumer.stop()
    return found
