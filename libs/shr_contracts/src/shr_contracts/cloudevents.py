"""CloudEvents 1.0 over Kafka, binary mode: attributes are headers, the value is the JSON data.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md
"""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache

TYPE_PREFIX = "bd.gov.dghs."
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "http://dghs.gov.bd/shr/events")
_SAME_FOR_ALL = (("ce_specversion", b"1.0"), ("content-type", b"application/json"))
_SEED = hashlib.sha1(_NAMESPACE.bytes, usedforsecurity=False)


def event_type(topic: str, version: int = 1) -> str:
    """The ``ce_type`` of a topic's events, e.g. ``bd.gov.dghs.consent.changed.v1``."""
    return f"{TYPE_PREFIX}{topic}.v{version}"


CONSENT_HEARTBEAT = event_type("consent.heartbeat")


def event_id(*, aggregate: str, version: int, type: str) -> str:
    """The id of an event: the same aggregate version published twice, or years later, is the same event."""
    # UUIDv5 written out: on the way of every bundle, and uuid.uuid5 costs five times as much
    seeded = _SEED.copy()
    seeded.update(f"{aggregate}\n{version}\n{type}".encode())
    made = bytearray(seeded.digest()[:16])
    made[6] = made[6] & 0x0F | 0x50
    made[8] = made[8] & 0x3F | 0x80
    text = made.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


@dataclass(frozen=True, slots=True)
class Event:
    """One event on its way out: ``value`` is JSON; ``key`` the Health ID, so that one person's events keep order.

    ``extensions`` are further attributes, named as on the wire (``ce_facility``).
    """

    topic: str
    key: str
    id: str
    type: str
    source: str
    subject: str
    time: datetime
    value: bytes = field(repr=False)
    traceparent: str | None = None
    extensions: tuple[tuple[str, str], ...] = ()

    def headers(self) -> list[tuple[str, bytes]]:
        """The Kafka headers of binary mode."""
        found = [
            *_SAME_FOR_ALL,
            ("ce_id", self.id.encode()),
            ("ce_type", self.type.encode()),
            ("ce_source", self.source.encode()),
            ("ce_subject", self.subject.encode()),
            ("ce_time", rfc3339(self.time).encode()),
        ]
        if self.traceparent:
            found.append(("traceparent", self.traceparent.encode()))
        if self.extensions:
            found += [(name, text.encode()) for name, text in self.extensions]
        return found


@lru_cache(maxsize=256)
def rfc3339(moment: datetime) -> str:
    """A moment as RFC 3339 in UTC with milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
