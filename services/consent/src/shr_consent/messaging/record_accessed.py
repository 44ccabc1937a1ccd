"""``record.accessed``: every look becomes an entry of the access log, chained, once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shr_common.kafka import Record
from shr_contracts.cloudevents import rfc3339
from shr_contracts.events import RecordAccessed

from shr_consent.messaging.values import value_of
from shr_consent.storage.access_log import AccessLogStore


class ChainAccesses:
    """Appends a batch in one transaction."""

    def __init__(self, log: AccessLogStore) -> None:
        self._log = log

    async def __call__(self, records: Sequence[Record]) -> None:
        """Raises invalid, busy, unavailable."""
        await self._log.append([_content(value_of(record, RecordAccessed)) for record in records])


def _content(value: RecordAccessed) -> dict[str, Any]:
    return {
        "id": value.id,
        "patient": value.patient,
        "actor": {"role": value.actor.role, "id": value.actor.id}
        | {"facility": value.actor.facility, "name": value.actor.name},
        "purpose": value.purpose,
        "decision": value.decision,
        "what": [{"type": one.type, "count": one.count} for one in value.what],
        "consent_id": value.consent_id,
        "break_glass": value.break_glass,
        "at": rfc3339(value.at),
    }
