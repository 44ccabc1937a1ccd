"""Which slots a schedule has in a range, and which of them are free."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import islice

from shr_appointments.domain.appointments import Taken
from shr_appointments.domain.schedules import Schedule, Slot, slots_between
from shr_appointments.use_cases.ports import Bookings, Registry

LIMIT = 2000
"""Slots of one schedule that are looked at for one answer."""


class OfferSlots:
    """The rule's slots, less what somebody has."""

    def __init__(self, bookings: Bookings, registry: Registry) -> None:
        self._bookings = bookings
        self._registry = registry

    async def __call__(
        self, schedule: Schedule, *, start: datetime, end: datetime, now: datetime
    ) -> Sequence[tuple[Slot, str]]:
        """Slots with their status, in order of time."""
        standing = await self._registry.standing(facility=schedule.facility, practitioner=schedule.practitioner)
        slots = list(islice(slots_between(schedule, start=start, end=end, now=now, standing=standing), LIMIT))
        taken = await self._bookings.taken([slot.id for slot in slots])
        return [(slot, _status(taken.get(slot.id), now)) for slot in slots]


def _status(taken: Taken | None, now: datetime) -> str:
    if taken is None or taken.is_free(now):
        return "free"
    return "busy" if taken.held_until is None else "busy-tentative"
