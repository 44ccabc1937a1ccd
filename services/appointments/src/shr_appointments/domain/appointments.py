"""An appointment's life: held → booked → arrived → fulfilled, or cancelled. Every change is a next version."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from shr_common.errors import conflict

from shr_appointments.domain.schedules import Schedule, Slot, day_of

Status = Literal["pending", "booked", "arrived", "fulfilled", "cancelled", "noshow"]
OPEN = frozenset({"pending", "booked"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Appointment:
    """One person at one slot. ``patient`` is the id that it was booked under, for ever (links join when read)."""

    id: str
    version: int
    status: Status
    patient: str
    slot: str
    schedule: str
    facility: str
    department: str
    practitioner: str | None
    start: datetime
    end: datetime
    created_at: datetime
    updated_at: datetime
    comment: str | None = None
    reason: str | None = None
    held_until: datetime | None = None
    number: int | None = None
    checked_in_at: datetime | None = None

    def hold_is_over(self, now: datetime) -> bool:
        """Whether the slot is free again although this appointment holds it."""
        return self.status == "pending" and self.held_until is not None and self.held_until <= now


@dataclass(frozen=True, slots=True)
class Taken:
    """A slot that an appointment has."""

    slot: str
    appointment: str
    held_until: datetime | None = None

    def is_free(self, now: datetime) -> bool:
        """A hold that ran out takes nothing."""
        return self.held_until is not None and self.held_until <= now


def made(
    schedule: Schedule,
    slot: Slot,
    *,
    id: str,
    patient: str,
    comment: str | None,
    hold: timedelta | None,
    now: datetime,
) -> Appointment:
    """A new appointment: booked, or held for a while."""
    return Appointment(
        id=id,
        version=1,
        status="booked" if hold is None else "pending",
        patient=patient,
        slot=slot.id,
        schedule=schedule.id,
        facility=schedule.facility,
        department=schedule.department,
        practitioner=schedule.practitioner,
        start=slot.start,
        end=slot.end,
        created_at=now,
        updated_at=now,
        comment=comment,
        held_until=None if hold is None else now + hold,
    )


def confirmed(appointment: Appointment, *, now: datetime) -> Appointment:
    """A hold becomes a booking. Raises conflict when it ran out or was given up."""
    if appointment.status != "pending" or appointment.hold_is_over(now):
        raise conflict("This hold is over; choose a slot again.")
    return _next(appointment, now, status="booked", held_until=None)


def cancelled(appointment: Appointment, *, reason: str | None, now: datetime) -> Appointment:
    """Given up; the same again changes nothing. Raises conflict once the person has arrived."""
    if appointment.status == "cancelled":
        return appointment
    if appointment.status not in OPEN:
        raise conflict(f"An appointment that is {appointment.status} cannot be cancelled.")
    return _next(appointment, now, status="cancelled", reason=reason, held_until=None)


def moved(appointment: Appointment, schedule: Schedule, slot: Slot, *, now: datetime) -> Appointment:
    """At another slot. Raises conflict unless it is held or booked."""
    if appointment.status not in OPEN or appointment.hold_is_over(now):
        raise conflict(f"An appointment that is {appointment.status} cannot be moved.")
    return _next(
        appointment,
        now,
        status="booked",
        held_until=None,
        slot=slot.id,
        schedule=schedule.id,
        facility=schedule.facility,
        department=schedule.department,
        practitioner=schedule.practitioner,
        start=slot.start,
        end=slot.end,
    )


def arrived(appointment: Appointment, *, number: int, now: datetime) -> Appointment:
    """In the queue of the day under a number; the same again changes nothing. Raises conflict on another day."""
    if appointment.status == "arrived":
        return appointment
    if appointment.status != "booked":
        raise conflict(f"An appointment that is {appointment.status} cannot be checked in.")
    if day_of(now) != day_of(appointment.start):
        raise conflict(f"This appointment is on {day_of(appointment.start)}; check in on that day.")
    return _next(appointment, now, status="arrived", number=number, checked_in_at=now)


def fulfilled(appointment: Appointment, *, now: datetime) -> Appointment:
    """The visit was recorded."""
    if appointment.status not in ("booked", "arrived"):
        return appointment
    return _next(appointment, now, status="fulfilled")


def _next(appointment: Appointment, now: datetime, **changes: object) -> Appointment:
    return replace(appointment, version=appointment.version + 1, updated_at=now, **changes)  # type: ignore[arg-type]
