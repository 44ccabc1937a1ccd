"""``registry.changed``: facilities, practitioners and postings into the replica."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from shr_common.kafka import Record
from shr_contracts.events import RegistryChanged

from shr_appointments.domain.schedules import day_of
from shr_appointments.messaging.values import value_of
from shr_appointments.storage.registry_replica import RegistryReplica

Row = dict[str, Any]
KEPT = frozenset({"Organization", "Practitioner", "PractitionerRole"})


class FollowRegistry:
    """Folds a batch by version: repeats and old events change nothing."""

    def __init__(self, registry: RegistryReplica) -> None:
        self._registry = registry

    async def __call__(self, records: Sequence[Record]) -> None:
        """Raises invalid, unavailable."""
        newest: dict[str, Row] = {}
        for record in records:
            value = value_of(record, RegistryChanged)
            reference = f"{value.resource_type}/{value.id}"
            known = newest.get(reference)
            if value.resource_type in KEPT and (known is None or known["version"] < value.version):
                newest[reference] = _row(value)
        await self._registry.fold(newest)


def _row(value: RegistryChanged) -> Row:
    return {
        "type": value.resource_type,
        "version": value.version,
        "active": value.active,
        "practitioner": value.practitioner,
        "facility": value.facility,
        "start": _day(value.period.start) if value.period else None,
        "end": _day(value.period.end) if value.period else None,
    }


def _day(said: date | datetime | None) -> str | None:
    if isinstance(said, datetime):
        return (day_of(said) if said.tzinfo else said.date()).isoformat()
    return said.isoformat() if said else None
