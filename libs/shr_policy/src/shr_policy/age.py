"""Majority: 18 years, by the calendar of Asia/Dhaka (Majority Act 1875)."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

DHAKA = ZoneInfo("Asia/Dhaka")
MAJORITY_YEARS = 18


def dhaka_day(now: datetime) -> str:
    """The calendar day at that moment in Bangladesh, as an ISO date."""
    return now.astimezone(DHAKA).date().isoformat()


def of_age(birth_date: str | None, now: datetime) -> bool:
    """Whether a person born on ``birth_date`` (ISO date, year or year-month) is of age at ``now``.

    An unknown date says nothing, so nobody becomes of age by it; of a partial date the latest day counts.
    """
    day = _majority_day(birth_date)
    return day is not None and dhaka_day(now) >= day


def majority_of(birth_date: str | None) -> datetime | None:
    """The moment from which a person is of age: midnight in Asia/Dhaka. None for an unknown date."""
    text = _majority_day(birth_date)
    if text is None:
        return None
    year, month, day = map(int, text.split("-"))
    try:
        found = datetime(year, month, day, tzinfo=DHAKA)
    except ValueError:  # born on 29 February
        found = datetime(year, month + 1, 1, tzinfo=DHAKA)
    return found.astimezone(UTC)


@lru_cache(maxsize=4096)
def _majority_day(birth_date: str | None) -> str | None:
    if not birth_date or not birth_date[:4].isdigit():
        return None
    year, month, day = (birth_date[:10] + "-12-31"[len(birth_date[:10]) - 4 :]).split("-")
    return f"{int(year) + MAJORITY_YEARS:04d}-{month}-{day}"
