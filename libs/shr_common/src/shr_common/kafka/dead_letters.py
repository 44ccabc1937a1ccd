"""Dead letters: the exact bytes of what no retry can mend, encrypted, with the reason in the headers."""

from __future__ import annotations

from dataclasses import dataclass

import structlog
from shr_contracts.topics import dead_letters_of

from shr_common.errors import Category, ShrError
from shr_common.kafka.producer import Message, Producer
from shr_common.kafka.record import Record
from shr_common.keys import Envelope
from shr_common.telemetry import DEAD_LETTERS

LOG = structlog.get_logger("shr.kafka")
OURS = "dlq_"
"""How the headers begin that we add; whatever else begins so is not kept."""


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
        headers = [(name, value or b"") for name, value in record.raw_headers if not name.startswith(OURS)]
        headers += [(name, text.encode("utf-8", "replace")) for name, text in said.items()]
        if record.key_bytes is not None:
            headers.append(("dlq_key", self._envelope.seal(record.key_bytes, place)))
        sealed = self._envelope.seal(record.value, place)
        topic = dead_letters_of(record.topic)
        await self._producer.send([Message(topic, dead_letter_id(record).encode(), sealed, headers)])
        DEAD_LETTERS.labels(topic=record.topic, category=str(category)).inc()
        LOG.error("dead_letter", id=dead_letter_id(record), category=str(category), kind=type(error).__name__)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A dead letter as it lies in ``<topic>.dlq``; its bytes are opened only on purpose."""

    id: str
    topic: str
    category: str
    reason: str
    buried_at_ms: int
    headers: tuple[tuple[str, bytes], ...]
    sealed_key: bytes | None
    sealed: bytes

    @classmethod
    def of(cls, record: Record) -> DeadLetter | None:
        """From a record of a dead letter queue; None if it is none of ours."""
        if record.key is None or "dlq_topic" not in record.headers:
            return None
        return cls(
            id=record.key,
            topic=record.headers["dlq_topic"],
            category=record.headers.get("dlq_category", ""),
            reason=record.headers.get("dlq_reason", ""),
            buried_at_ms=record.timestamp_ms,
            headers=tuple((name, value or b"") for name, value in record.raw_headers if not name.startswith(OURS)),
            sealed_key=dict(record.raw_headers).get("dlq_key"),
            sealed=record.value,
        )

    def value(self, envelope: Envelope) -> bytes:
        """The exact bytes that came in. Raises ValueError under another key."""
        return envelope.open(self.sealed, self.topic.encode())

    def key(self, envelope: Envelope) -> bytes | None:
        """The key that the record came with."""
        return None if self.sealed_key is None else envelope.open(self.sealed_key, self.topic.encode())

    def again(self, envelope: Envelope, mended: bytes | None = None) -> Message:
        """The record as it first came, to its topic, or with other bytes."""
        value = self.value(envelope) if mended is None else mended
        return Message(self.topic, self.key(envelope), value, self.headers)
