"""Schedules: a rule for a practitioner or department at a facility, and the slots that follow from it.

Slots are not stored until somebody takes one: the rule says which there are. All wall-clock times are Asia/Dhaka.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from shr_common.fhir.times import DHAKA

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
STAMP = "%Y%m%dT%H%M"


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Who sees patients where and when: ``times`` of a day (start, end); one books ``horizon_days`` ahead."""

    id: str
    facility: str
    department: str
    practitioner: str | None = None
    name: str = ""
    name_bn: str = ""
    weekdays: tuple[str, ...] = WEEKDAYS
    times: tuple[tuple[time, time], ...] = ()
    slot_minutes: int = 15
    horizon_days: int = 28
    active: bool = True
    version: int = 1


@dataclass(frozen=True, slots=True)
class Slot:
    """A stretch of time that can be booked once; times are UTC."""

    id: str
    schedule: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """What the registry says about a facility and a practitioner; what it never heard of is taken as good."""

    facility_open: bool = True
    practitioner_active: bool = True
    licence_until: date | None = None
    postings: tuple[tuple[date | None, date | None, bool], ...] = ()

    def good_on(self, day: date) -> bool:
        """Whether care can be given there by her on a day."""
        if not self.facility_open or not self.practitioner_active:
            return False
        if self.licence_until is not None and day > self.licence_until:
            return False
        return not self.postings or any(
            active and (start is None or start <= day) and (end is None or day <= end)
            for start, end, active in self.postings
        )


def slots_between(
    schedule: Schedule, *, start: datetime, end: datetime, now: datetime, standing: Standing
) -> Iterator[Slot]:
    """The slots that begin in [start, end), not before now, within the horizon and while the standing is good."""
    if not schedule.active:
        return
    first = max(start, now).astimezone(DHAKA)
    last = min(end, now + timedelta(days=schedule.horizon_days)).astimezone(DHAKA)
    day = first.date()
    while day <= last.date():
        if WEEKDAYS[day.weekday()] in schedule.weekdays and standing.good_on(day):
            for slot in _slots_of(schedule, day):
                if first <= slot.start < last:
                    yield slot
        day += timedelta(days=1)


def _slots_of(schedule: Schedule, day: date) -> Iterator[Slot]:
    step = timedelta(minutes=schedule.slot_minutes)
    for opens, closes in schedule.times:
        at = datetime.combine(day, opens, DHAKA)
        until = datetime.combine(day, closes, DHAKA)
        while at + step <= until:
            yield _slot(schedule, at, step)
            at += step


def _slot(schedule: Schedule, at: datetime, step: timedelta) -> Slot:
    return Slot(f"{schedule.id}.{at.strftime(STAMP)}", schedule.id, at.astimezone(UTC), (at + step).astimezone(UTC))


def schedule_of(slot_id: str) -> tuple[str, datetime] | None:
    """The schedule and the beginning that a slot's id names, None if it is no such id."""
    schedule, dot, stamp = slot_id.rpartition(".")
    if not dot or not schedule or len(stamp) != 13:
        return None
    try:
        return schedule, datetime.strptime(stamp, STAMP).replace(tzinfo=DHAKA)
    except ValueError:
        return None


def slot_of(schedule: Schedule, at: datetime, *, now: datetime, standing: Standing) -> Slot | None:
    """The slot of a schedule that begins at a time and can be booked now, as far as the rule goes."""
    found = slots_between(schedule, start=at, end=at + timedelta(minutes=1), now=now, standing=standing)
    return next((slot for slot in found if slot.start == at), None)


def day_of(moment: datetime) -> date:
    """The calendar day in Bangladesh."""
    return moment.astimezone(DHAKA).date()


def hours(text: str) -> Mapping[str, time]:
    """``09:00-13:00`` as start and end. Raises ValueError."""
    start, dash, end = text.partition("-")
    found = {"start": time.fromisoformat(start), "end": time.fromisoformat(end)}
    if not dash or len(start) != 5 or len(end) != 5 or found["end"] <= found["start"]:
        raise ValueError
    return found
