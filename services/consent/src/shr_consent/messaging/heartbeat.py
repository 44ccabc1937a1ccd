"""Between changes, to every partition of ``consent.changed``: "until then, you have seen all that I had to say"."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from shr_common.kafka.producer import Message, Producer
from shr_contracts.cloudevents import CONSENT_HEARTBEAT, Event, event_id
from shr_contracts.events import ConsentHeartbeat
from shr_contracts.topics import CONSENT_CHANGED


class Heartbeat:
    """Called by the relay when it has seen the outbox empty. ``seq`` follows the clock: it rises over restarts."""

    def __init__(self, producer: Producer) -> None:
        self._producer = producer
        self._seq = 0

    async def __call__(self, empty_since: float) -> Sequence[Message]:
        """One beat per partition; ``empty_since``: epoch seconds just before the outbox was looked at."""
        self._seq = max(self._seq + 1, int(empty_since * 1000))
        at = datetime.fromtimestamp(empty_since, UTC)
        event = Event(
            topic=CONSENT_CHANGED,
            key="",
            id=event_id(aggregate="consent", version=self._seq, type=CONSENT_HEARTBEAT),
            type=CONSENT_HEARTBEAT,
            source="consent",
            subject="consent",
            time=at,
            value=ConsentHeartbeat(at=at, seq=self._seq).model_dump_json().encode(),
        )
        partitions = await self._producer.partitions_of(CONSENT_CHANGED)
        return [Message(CONSENT_CHANGED, None, event.value, event.headers(), partition=n) for n in range(partitions)]
