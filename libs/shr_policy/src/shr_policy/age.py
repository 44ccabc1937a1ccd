"""Majority: 18 years, by the calendar of Asia/Dhaka (Majority Act 1875)."""

from __future__ import annotations

from datetime import datetime
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
    if not birth_date or not birth_date[:4].isdigit():
        return False
    year, month, day = (birth_date[:10] + "-12-31"[len(birth_date[:10]) - 4 :]).split("-")
    return dhaka_day(now) >= f"{int(year) + MAJORITY_YEARS:04d}-{month}-{day}"
