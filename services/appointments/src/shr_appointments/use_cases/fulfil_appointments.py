"""A visit was recorded: the appointment of that person, at that facility, on that day, is fulfilled."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from shr_appointments.domain.appointments import Appointment, fulfilled
from shr_appointments.domain.deciding import Change, Decide, Request, Seen
from shr_appointments.domain.schedules import day_of


@dataclass(frozen=True, slots=True)
class Visit:
    """Who was seen where and on which days."""

    patient: str
    facility: str
    days: frozenset[date]


class Bookings(Protocol):
    """Appointments."""

    async def open_for(self, patients: Collection[str], facilities: Collection[str]) -> Sequence[Appointment]:
        """Appointments of these persons at these facilities that a visit could fulfil."""

    async def change(
        self, decide: Decide, *, appointment: str | None, slots: Sequence[str], request: Request | None
    ) -> Change:
        """Read what is concerned, decide, and write it with its events: one transaction."""


class FulfilAppointments:
    """Repeats change nothing: what is fulfilled stays so."""

    def __init__(self, bookings: Bookings) -> None:
        self._bookings = bookings

    async def __call__(self, visits: Sequence[Visit], *, now: datetime) -> None:
        """Raises unavailable."""
        found = await self._bookings.open_for({v.patient for v in visits}, {v.facility for v in visits})
        for appointment in found:
            if any(_meets(visit, appointment) for visit in visits):
                await self._fulfil(appointment.id, now=now)

    async def _fulfil(self, id: str, *, now: datetime) -> None:
        def decide(seen: Seen) -> Change:
            return Change(fulfilled(seen.appointments[id], now=now), before=seen.appointments[id])

        await self._bookings.change(decide, appointment=id, slots=[], request=None)


def _meets(visit: Visit, appointment: Appointment) -> bool:
    same = (visit.patient, visit.facility) == (appointment.patient, appointment.facility)
    return same and day_of(appointment.start) in visit.days
