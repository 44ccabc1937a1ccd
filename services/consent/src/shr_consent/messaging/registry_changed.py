"""``registry.changed``: whose posting, licence or facility is in force."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from shr_common.kafka import Record
from shr_contracts.events import RegistryChanged
from shr_policy import dhaka_day

from shr_consent.messaging.values import value_of
from shr_consent.storage.registry import RegistryEntry, RegistryStore

_KEPT = frozenset({"Practitioner", "Organization", "PractitionerRole"})


class FollowRegistry:
    """Folds a batch in one transaction; by version, so that repeats change nothing."""

    def __init__(self, registry: RegistryStore) -> None:
        self._registry = registry

    async def __call__(self, records: Sequence[Record]) -> None:
        """Raises invalid, unavailable."""
        newest: dict[str, RegistryEntry] = {}
        for record in records:
            value = value_of(record, RegistryChanged)
            if value.resource_type not in _KEPT:
                continue
            entry = _entry(value)
            if entry.id not in newest or entry.version > newest[entry.id].version:
                newest[entry.id] = entry
        await self._registry.fold(list(newest.values()))


def _entry(value: RegistryChanged) -> RegistryEntry:
    identifier = f"{value.resource_type}/{value.id}"
    if value.resource_type != "PractitionerRole":
        until = _licensed_until(value) if value.resource_type == "Practitioner" else None
        return RegistryEntry(identifier, value.version, value.active, until, name=value.name)
    return RegistryEntry(
        id=identifier,
        version=value.version,
        active=value.active,
        practitioner=value.practitioner or "",
        facility=value.facility,
        start=_day(value.period.start) if value.period else None,
        end=_day(value.period.end) if value.period else None,
    )


def _licensed_until(practitioner: RegistryChanged) -> str | None:
    """The last day of the licence: ``period`` if it is told, else the latest of ``qualification.period.end``.

    None when there is no end, or none is told.
    """
    if practitioner.period is not None:
        return _day(practitioner.period.end)
    ends = []
    for qualification in practitioner.resource.get("qualification") or ():
        end = (qualification.get("period") or {}).get("end") if isinstance(qualification, dict) else None
        if not isinstance(end, str) or len(end) < 10:
            return None
        ends.append(end[:10])
    return max(ends, default=None)


def _day(said: date | datetime | None) -> str | None:
    if isinstance(said, datetime):
        return dhaka_day(said) if said.tzinfo else said.date().isoformat()
    return said.isoformat() if said else None
