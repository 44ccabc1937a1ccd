"""One Kafka record with its CloudEvents attributes, readable whatever bytes its headers hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any


@dataclass(eq=False)
class Record:
    """A consumed record. ``value`` is the exact bytes (empty for a tombstone); times are epoch milliseconds."""

    topic: str
    partition: int
    offset: int
    key_bytes: bytes | None
    value: bytes
    raw_headers: Sequence[tuple[str, bytes | None]]
    timestamp_ms: int
    cluster_id: str = ""
    """The broker's cluster: a restored broker has another one, and its offsets mean nothing to us."""

    @classmethod
    def of(cls, consumed: Any, *, cluster_id: str = "") -> Record:
        """From aiokafka's ConsumerRecord."""
        return cls(
            topic=consumed.topic,
            partition=consumed.partition,
            offset=consumed.offset,
            key_bytes=consumed.key,
            value=consumed.value or b"",
            raw_headers=consumed.headers,
            timestamp_ms=consumed.timestamp,
            cluster_id=cluster_id,
        )

    @cached_property
    def headers(self) -> dict[str, str]:
        """The headers as text; of two with one name the last."""
        # errors="replace": a header that is not UTF-8 must not cost its record, nor the batch around it
        return {name: (value or b"").decode("utf-8", "replace") for name, value in self.raw_headers}

    @cached_property
    def key(self) -> str | None:
        """The key as text."""
        return None if self.key_bytes is None else self.key_bytes.decode("utf-8", "replace")

    @property
    def id(self) -> str | None:
        """``ce_id``."""
        return self.headers.get("ce_id") or None

    @property
    def source(self) -> str | None:
        """``ce_source``."""
        return self.headers.get("ce_source") or None

    @property
    def type(self) -> str | None:
        """``ce_type``."""
        return self.headers.get("ce_type") or None

    @property
    def traceparent(self) -> str | None:
        """The W3C trace context that came along."""
        return self.headers.get("traceparent") or None

    @property
    def place(self) -> str:
        """``topic:partition:offset``."""
        return f"{self.topic}:{self.partition}:{self.offset}"
