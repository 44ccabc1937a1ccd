"""What the use cases of this service need; the stores provide it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from shr_appointments.domain.actors import Person
from shr_appointments.domain.appointments import Appointment, Taken
from shr_appointments.domain.deciding import Change, Decide, Request
from shr_appointments.domain.schedules import Schedule, Standing


class Schedules(Protocol):
    """The stored schedules."""

    async def read(self, id: str) -> Schedule | None:
        """A schedule."""


class Bookings(Protocol):
    """Appointments and the slots that they have."""

    async def change(
        self, decide: Decide, *, appointment: str | None, slots: Sequence[str], request: Request | None
    ) -> Change:
        """Read what is concerned, decide, and write it with its events: one transaction."""

    async def read(self, id: str) -> Appointment | None:
        """An appointment."""

    async def taken(self, slots: Collection[str]) -> Mapping[str, Taken]:
        """Those of these slots that somebody has."""

    async def next_number(self, *, facility: str, department: str, day: str) -> int:
        """The next number in a queue."""


class Registry(Protocol):
    """The replica of the registry."""

    async def standing(self, *, facility: str | None, practitioner: str | None) -> Standing:
        """What the registry says about a facility and a practitioner."""


class People(Protocol):
    """The replica of persons."""

    async def person(self, id: str) -> Person:
        """A person by any of her ids."""


class Clock(Protocol):
    """Reads the time."""

    def __call__(self) -> datetime:
        """Now, in UTC."""
