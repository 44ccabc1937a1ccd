"""The life of an appointment."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from shr_appointments.domain.actors import Actor, Person, acts_for
from shr_appointments.domain.appointments import Taken, arrived, cancelled, confirmed, fulfilled, made, moved
from shr_appointments.domain.deciding import Request, Seen, repeat_of, taking
from shr_appointments.domain.schedules import Schedule, Slot
from shr_common.errors import ShrError

NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
SCHEDULE = Schedule(id="s", facility="1", department="d", times=((time(9), time(17)),))
SLOT = Slot("s.20261123T1100", "s", NOW + timedelta(hours=1), NOW + timedelta(hours=1, minutes=15))
OTHER = Slot("s.20261124T1100", "s", SLOT.start + timedelta(days=1), SLOT.end + timedelta(days=1))


def booked(hold: timedelta | None = None):  # type: ignore[no-untyped-def]
    """A new appointment."""
    return made(SCHEDULE, SLOT, id="a", patient="98000173958", comment=None, hold=hold, now=NOW)


def test_a_hold_is_confirmed_in_time_or_not_at_all() -> None:
    held = booked(timedelta(minutes=5))
    assert held.status == "pending"
    assert confirmed(held, now=NOW + timedelta(minutes=4)).status == "booked"
    with pytest.raises(ShrError):
        confirmed(held, now=NOW + timedelta(minutes=5))
    with pytest.raises(ShrError):
        confirmed(booked(), now=NOW)


def test_cancelling_twice_is_once_and_not_after_the_arrival() -> None:
    gone = cancelled(booked(), reason="ill", now=NOW)
    assert (gone.status, gone.version, gone.reason) == ("cancelled", 2, "ill")
    assert cancelled(gone, reason="again", now=NOW) is gone
    with pytest.raises(ShrError):
        cancelled(arrived(booked(), number=1, now=NOW), reason=None, now=NOW)


def test_check_in_is_for_the_day_itself() -> None:
    there = arrived(booked(), number=7, now=NOW)
    assert (there.status, there.number) == ("arrived", 7)
    assert arrived(there, number=9, now=NOW).number == 7
    with pytest.raises(ShrError):
        arrived(booked(), number=1, now=NOW - timedelta(days=1))
    assert fulfilled(there, now=NOW).status == "fulfilled"


def test_moving_keeps_the_appointment_and_changes_its_slot() -> None:
    later = moved(booked(), SCHEDULE, OTHER, now=NOW)
    assert (later.id, later.slot, later.version) == ("a", OTHER.id, 2)
    with pytest.raises(ShrError):
        moved(cancelled(booked(), reason=None, now=NOW), SCHEDULE, OTHER, now=NOW)


def test_a_taken_slot_is_refused_and_a_hold_that_ran_out_gives_way() -> None:
    held = booked(timedelta(minutes=5))
    seen = Seen({"a": held}, {SLOT.id: Taken(SLOT.id, "a", held.held_until)})
    with pytest.raises(ShrError):
        taking(SLOT.id, seen, now=NOW)
    assert taking(SLOT.id, seen, now=NOW + timedelta(minutes=6)) == [held]
    assert taking(OTHER.id, seen, now=NOW) == []


def test_a_repeated_request_is_answered_again_and_another_under_its_key_refused() -> None:
    seen = Seen({"a": booked()}, {}, ("digest", "a"))
    repeated = repeat_of(seen, Request("key", "digest"))
    assert repeated is not None
    assert (repeated.writes, repeated.appointment.id) == (False, "a")
    with pytest.raises(ShrError):
        repeat_of(seen, Request("key", "other"))
    assert repeat_of(Seen({}, {}), Request("key", "digest")) is None


def test_a_citizen_acts_for_herself_under_any_id_and_for_her_wards() -> None:
    mother = Person("M", frozenset({"M", "M-old"}))
    child = Person("C", frozenset({"C"}), guardians=frozenset({"M-old"}))
    citizen = Actor("citizen", "M", health_id="M")
    assert acts_for(citizen, mother, own=mother)
    assert acts_for(citizen, child, own=mother)
    assert not acts_for(citizen, mother, own=child)
    assert not acts_for(Actor("facility", "1", facility="1"), mother, own=mother)
