"""Durable audit first: no byte of a record leaves before the entry about it is journaled in the own outbox.

The outbox row becomes ``record.accessed``, which consent chains. Entries of requests under way share one write.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime

import orjson
import pymongo
from shr_contracts.cloudevents import Event, event_type, rfc3339
from shr_contracts.topics import RECORD_ACCESSED

from shr_common.coalesce import Coalescer
from shr_common.outbox import Outbox
from shr_common.security.caller import Caller
from shr_common.telemetry import DECISIONS, traceparent

WRITE_TIMEOUT_S = 3.0
"""A reader waits no longer than this to be told that nothing can be shown."""
_PURPOSES = frozenset({"CAREMGT", "BTG", "PATRQT", "PUBHLTH", "HPAYMT", "HRESCH"})
"""What a metric may be labelled with: a caller's own words would make one series each."""


class AuditTrail:
    """Writes looks, granted and denied, durably. Part of the service's life."""

    def __init__(self, outbox: Outbox, *, service: str, queue_limit: int = 2000) -> None:
        self._outbox = outbox
        self._service = service
        self._write: Coalescer[Event, None] = Coalescer(self._together, items_limit=500, queue_limit=queue_limit)

    async def start(self) -> None:
        """Ready at once."""
        await self._write.start()

    async def stop(self) -> None:
        """Finish the entries under way."""
        await self._write.stop()

    async def record(
        self,
        *,
        patient: str,
        caller: Caller,
        purpose: str,
        decision: str,
        what: Iterable[tuple[str, int]],
        at: datetime,
        consent_id: str | None = None,
        break_glass: dict[str, str] | None = None,
    ) -> str:
        """Returns the entry's id once it is durable (majority, journaled). Raises busy, unavailable: show nothing."""
        entry = str(uuid.uuid4())
        value = {
            "id": entry,
            "patient": patient,
            "actor": {"role": caller.role, "id": caller.id, "facility": caller.facility, "name": caller.name},
            "purpose": purpose,
            "decision": decision,
            "consent_id": consent_id,
            "what": [{"type": type_, "count": count} for type_, count in what],
            "break_glass": break_glass,
            "at": rfc3339(at),
            "version": 1,
        }
        event = Event(
            topic=RECORD_ACCESSED,
            key=patient,
            id=entry,
            type=event_type(RECORD_ACCESSED),
            source=self._service,
            subject=entry,
            time=at,
            value=orjson.dumps(value),
            traceparent=traceparent(),
        )
        await self._write(event)
        DECISIONS.labels(decision=decision, purpose=purpose if purpose in _PURPOSES else "other").inc()
        return entry

    async def _together(self, events: Sequence[Event]) -> Sequence[None]:
        with pymongo.timeout(WRITE_TIMEOUT_S):
            await self._outbox.add(events)
        self._outbox.wake()
        return [None] * len(events)
