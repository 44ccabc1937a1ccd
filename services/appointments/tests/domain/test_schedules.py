"""Which slots follow from a rule."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shr_appointments.domain.schedules import (
    WEEKDAYS,
    Schedule,
    Standing,
    hours,
    schedule_of,
    slot_of,
    slots_between,
)

MONDAY = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)  # 06:00 in Dhaka
GOOD = Standing()


def clinic(**more: object) -> Schedule:
    """Mondays and Tuesdays from nine to ten, half an hour each."""
    said = {"weekdays": ("mon", "tue"), "times": ((time(9), time(10)),), "slot_minutes": 30} | more
    return Schedule(id="s", facility="1", department="d", **said)  # type: ignore[arg-type]


def starts(schedule: Schedule, *, days: int = 30, now: datetime = MONDAY, standing: Standing = GOOD) -> list[str]:
    """The beginnings of the slots, in Dhaka's time."""
    found = slots_between(schedule, start=now, end=now + timedelta(days=days), now=now, standing=standing)
    return [slot.id.rpartition(".")[2] for slot in found]


def test_slots_follow_the_weekdays_times_and_horizon() -> None:
    assert starts(clinic(horizon_days=2)) == ["20261123T0900", "20261123T0930", "20261124T0900", "20261124T0930"]
    assert starts(clinic(horizon_days=2), now=MONDAY + timedelta(hours=3, minutes=1))[:1] == ["20261123T0930"]
    assert starts(clinic(active=False)) == []


def test_nothing_is_offered_where_the_registry_says_closed_or_ended() -> None:
    assert starts(clinic(), standing=Standing(facility_open=False)) == []
    assert starts(clinic(), standing=Standing(practitioner_active=False)) == []
    until = Standing(licence_until=date(2026, 11, 23))
    assert starts(clinic(), standing=until) == ["20261123T0900", "20261123T0930"]
    posted = Standing(postings=((date(2026, 11, 24), date(2026, 11, 24), True), (None, None, False)))
    assert starts(clinic(), standing=posted) == ["20261124T0900", "20261124T0930"]


def test_a_slot_is_found_again_by_its_id_only_if_the_rule_still_has_it() -> None:
    named = schedule_of("s.20261124T0930")
    assert named is not None
    found = slot_of(clinic(), named[1], now=MONDAY, standing=GOOD)
    assert found is not None
    assert found.start == datetime(2026, 11, 24, 3, 30, tzinfo=UTC)
    assert slot_of(clinic(slot_minutes=60), named[1], now=MONDAY, standing=GOOD) is None
    assert slot_of(clinic(), named[1], now=named[1] + timedelta(minutes=1), standing=GOOD) is None


@pytest.mark.parametrize(
    "text", ["", "s", "s.", ".20261124T0930", "s.20261324T0930", "s.2026112AT0930", "s.20261124T093"]
)
def test_what_is_no_slot_id_is_none(text: str) -> None:
    assert schedule_of(text) is None


@pytest.mark.parametrize("text", ["", "9-10", "10:00-09:00", "09:00", "09:00-25:00", "09:00-09:00"])
def test_what_are_no_hours_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        hours(text)


@given(
    st.sets(st.sampled_from(WEEKDAYS), min_size=1),
    st.integers(0, 20),
    st.integers(1, 3),
    st.sampled_from([5, 10, 15, 20, 30, 45]),
    st.integers(0, 365 * 24 * 60),
)
def test_slots_never_overlap_and_lie_within_their_hours(
    weekdays: set[str], opens: int, hours_open: int, minutes: int, later: int
) -> None:
    schedule = clinic(
        weekdays=tuple(weekdays), times=((time(opens), time(opens + hours_open)),), slot_minutes=minutes, horizon_days=9
    )
    at = MONDAY + timedelta(minutes=later)
    slots = list(slots_between(schedule, start=at, end=at + timedelta(days=30), now=at, standing=GOOD))
    assert len({slot.id for slot in slots}) == len(slots)
    for earlier, following in pairwise(slots):
        assert earlier.end <= following.start
    assert all(at <= slot.start and slot.end - slot.start == timedelta(minutes=minutes) for slot in slots)
