"""Numbers, dates and names as people of Bangladesh read them, in Bangla and English.

Counts, dates and ages follow the page's language; thousands group as lakh and crore in both. What is copied from a
report (results, units, codes) stays Latin. Times are told in Asia/Dhaka.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from babel.dates import format_date

DHAKA = ZoneInfo("Asia/Dhaka")
_BANGLA = str.maketrans("0123456789", "০১২৩৪৫৬৭৮৯")
_PARTS_OF_DAY = ((4, "রাত"), (6, "ভোর"), (12, "সকাল"), (15, "দুপুর"), (18, "বিকেল"), (20, "সন্ধ্যা"), (24, "রাত"))
_PRECISION = {4: "y", 7: "MMMM y"}


def digits(text: str, lang: str) -> str:
    """The text with digits of the page's language."""
    return text.translate(_BANGLA) if lang == "bn" else text


def grouped(number: int) -> str:
    """12486310 → ``1,24,86,310``."""
    sign, text = ("-", str(-number)) if number < 0 else ("", str(number))
    head, tail = text[:-3], text[-3:]
    parts: list[str] = []
    while head:
        parts.insert(0, head[-2:])
        head = head[:-2]
    return sign + ",".join([*parts, tail])


def number(value: int | str, lang: str) -> str:
    """A count in the page's language."""
    return digits(grouped(value) if isinstance(value, int) else value, lang)


def local(moment: datetime | str) -> datetime:
    """A moment in Asia/Dhaka; text is RFC 3339."""
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment.replace("Z", "+00:00"))
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(DHAKA)


def day(value: date | datetime | str | None, lang: str) -> str:
    """``22 November 2026`` / ``২২ নভেম্বর ২০২৬``; a partial FHIR date keeps its precision."""
    if not value:
        return ""
    pattern = "d MMMM y"
    if isinstance(value, str):
        pattern = _PRECISION.get(len(value), pattern)
        value = _parsed(value)
    if isinstance(value, datetime):
        value = local(value).date()
    return digits(format_date(value, pattern, locale="bn" if lang == "bn" else "en_GB"), lang)


def short_day(value: str | None, lang: str, *, today: date) -> str:
    """``20 Nov`` of this year, ``Nov 2025`` of another: for narrow columns; the exact day is in the record."""
    if not value:
        return ""
    on = _parsed(value)
    pattern = "d MMM" if on.year == today.year and len(value) >= 10 else "MMM y" if len(value) >= 7 else "y"
    return digits(format_date(on, pattern, locale="bn" if lang == "bn" else "en_GB"), lang)


def _parsed(text: str) -> date:
    if len(text) > 10:
        return local(text).date()
    year, month, of_month = (*text.split("-"), "1", "1")[:3]
    return date(int(year), int(month), int(of_month))


def month(value: str, lang: str) -> str:
    """``November 2026`` / ``নভেম্বর ২০২৬`` of an ISO date."""
    return day(value[:7], lang)


def clock(moment: datetime | str, lang: str) -> str:
    """``10:25 am`` / ``সকাল ১০:২৫``."""
    at = local(moment)
    hour = at.hour % 12 or 12
    if lang == "bn":
        part = next(name for until, name in _PARTS_OF_DAY if at.hour < until)
        return digits(f"{part} {hour}:{at.minute:02d}", lang)
    return f"{hour}:{at.minute:02d} {'am' if at.hour < 12 else 'pm'}"


def age_years(birth_date: str, today: date) -> int:
    """Whole years; a partial birth date counts from its first day."""
    born = _parsed(birth_date)
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))
