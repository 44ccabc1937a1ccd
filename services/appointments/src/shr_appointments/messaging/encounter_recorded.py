"""``encounter.recorded``: which appointments were kept. Only the key, the facility and the visit's day are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any

import orjson
from shr_common.errors import invalid
from shr_common.fhir.times import instant_of
from shr_common.kafka import Record

from shr_appointments.domain.schedules import day_of
from shr_appointments.use_cases.fulfil_appointments import FulfilAppointments, Visit

FACILITY_HEADER = "ce_facility"


class FollowEncounters:
    """Turns records into visits."""

    def __init__(self, fulfil: FulfilAppointments, now: Callable[[], datetime]) -> None:
        self._fulfil = fulfil
        self._now = now

    async def __call__(self, records: Sequence[Record]) -> None:
        """Raises invalid, unavailable."""
        visits = []
        for record in records:
            facility = record.headers.get(FACILITY_HEADER)
            days = _days(record) if record.key and facility else frozenset[date]()
            if record.key and facility and days:
                visits.append(Visit(record.key, facility, days))
        if visits:
            await self._fulfil(visits, now=self._now())


def _days(record: Record) -> frozenset[date]:
    try:
        resources = [one["resource"] for one in orjson.loads(record.value)["resources"] if one["type"] == "Encounter"]
        starts = [instant_of(_start(resource)) for resource in resources]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise invalid(f"Not an EncounterRecorded: {type(error).__name__}.") from None
    return frozenset(day_of(start) for start in starts if start is not None)


def _start(encounter: dict[str, Any]) -> str:
    return str((encounter.get("period") or {}).get("start") or "")
