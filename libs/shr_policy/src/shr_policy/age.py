"""Majority: 18 years, by the calendar of Asia/Dhaka (Majority Act 1875)."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

DHAKA = ZoneInfo("Asia/Dhaka")
MAJORITY_YEARS = 18


def of_age(birth_date: str | None, now: datetime) -> bool:
    """Whether a person born on ``birth_date`` (ISO date, year or year-month) is of age at ``now``.

    An unknown date says nothing, so nobody becomes of age by it; of a partial date the latest day counts.
    """
    if not birth_date or not birth_date[:4].isdigit():
        return False
    year, month, day = (birth_date[:10] + "-12-31"[len(birth_date[:10]) - 4 :]).split("-")
    today = now.astimezone(DHAKA).date().isoformat()
    return today >= f"{int(year) + MAJORITY_YEARS:04d}-{month}-{day}"
