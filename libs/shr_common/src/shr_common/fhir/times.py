"""FHIR dates and times as instants: what comes without a zone is Asia/Dhaka (UTC+6, no daylight saving)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

DHAKA = timezone(timedelta(hours=6), "Asia/Dhaka")
_SHAPE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d:\d\d)?)?)?)?", re.ASCII
)


def instant_of(text: str) -> datetime | None:
    """The UTC instant at which a date or dateTime of any precision begins, or None if it is no such thing.

    A leap second counts as the second before it; what UTC cannot express (year 1 in Dhaka) gives None.
    """
    found = _SHAPE.fullmatch(text)
    if found is None:
        return None
    if found.lastindex is not None and found.lastindex >= 8 and text[17:19] != "60":  # whole: what Python reads itself
        try:
            return datetime.fromisoformat(text).astimezone(UTC)
        except (ValueError, OverflowError):
            return None
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    try:
        local = datetime(
            int(year),
            int(month or 1),
            int(day or 1),
            int(hour or 0),
            int(minute or 0),
            min(int(second or 0), 59),
            int((fraction or "0")[:6].ljust(6, "0")),
            tzinfo=_zone(zone),
        )
        return local.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _zone(text: str | None) -> timezone:
    if text is None:
        return DHAKA
    if text == "Z":
        return UTC
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[4:6]))
    return timezone(-offset if text[0] == "-" else offset)


def in_order(start: str, end: str) -> bool:
    """Whether ``start`` is not after ``end``; of different precision, only what both tell is compared."""
    if len(start) > 10 and len(end) > 10:
        if len(start) == len(end) and start[19:] == end[19:]:
            return start <= end
        first, last = instant_of(start), instant_of(end)
        return first is None or last is None or first <= last
    shared = min(len(start), len(end), 10)
    return start[:shared] <= end[:shared]
