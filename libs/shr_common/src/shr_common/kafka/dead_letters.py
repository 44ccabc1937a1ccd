"""Dead letters: the exact bytes of what no retry can mend, encrypted, with the reason in the headers."""

from __future__ import annotations

import structlog
from shr_contracts.topics import dead_letters_of

from shr_common.errors import Category, ShrError
from shr_common.kafka.producer import Message, Producer
from shr_common.kafka.record import Record
from shr_common.keys import Envelope
from shr_common.telemetry import DEAD_LETTERS

LOG = structlog.get_logger("shr.kafka")


def dead_letter_id(record: Record) -> str:
    """The id under which ``shr dlq`` knows a dead letter: where it first stood."""
    return record.place


class DeadLetters:
    """Writes to ``<topic>.dlq``. ``envelope`` is that of the key store's ``dlq.key``."""

    def __init__(self, producer: Producer, envelope: Envelope) -> None:
        self._producer = producer
        self._envelope = envelope

    async def bury(self, record: Record, error: Exception) -> None:
        """Keep a record's bytes and say why. Returns only when they are durable; raises unavailable."""
        category = error.category if isinstance(error, ShrError) else Category.FAULT
        reason = error.issues[0].text if isinstance(error, ShrError) and error.issues else type(error).__name__
        said = {
            "dlq_category": str(category),
            "dlq_reason": reason,
            "dlq_topic": record.topic,
            "dlq_partition": str(record.partition),
            "dlq_offset": str(record.offset),
        }
        place = record.topic.encode()
        headers = [(name, value) for name, value in record.raw_headers if not name.startswith("dlq_")]
        headers += [(name, text.encode("utf-8", "replace")) for name, text in said.items()]
        if record.key_bytes is not None:
            headers.append(("dlq_key", self._envelope.seal(record.key_bytes, place)))
        sealed = self._envelope.seal(record.value, place)
        topic = dead_letters_of(record.topic)
        await self._producer.send([Message(topic, dead_letter_id(record).encode(), sealed, headers)])
        DEAD_LETTERS.labels(topic=record.topic, category=str(category)).inc()
        LOG.error("dead_letter", id=dead_letter_id(record), category=str(category), kind=type(error).__name__)
