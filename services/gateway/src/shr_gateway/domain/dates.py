"""FHIR date search: prefixes and precision (https://hl7.org/fhir/R4/search.html#date), bare times in Dhaka."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from shr_common.fhir.times import DHAKA, instant_of

PREFIXES = frozenset({"eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"})
_WIDTHS = {13: timedelta(hours=1), 16: timedelta(minutes=1), 19: timedelta(seconds=1)}


@dataclass(frozen=True, slots=True)
class Span:
    """What a date of some precision can mean: from ``start`` up to, not including, ``end``."""

    start: datetime
    end: datetime


def span_of(text: str) -> Span | None:
    """The span of a date or time; None if it is none."""
    start = instant_of(text)
    if start is None:
        return None
    try:
        return Span(start, _end(text, start))
    except (OverflowError, ValueError):
        return None


def _end(text: str, start: datetime) -> datetime:
    if len(text) <= 10:
        local = start.astimezone(DHAKA)
        if len(text) == 4:
            return local.replace(year=local.year + 1)
        if len(text) == 7:
            return local.replace(year=local.year + local.month // 12, month=local.month % 12 + 1)
        return local + timedelta(days=1)
    bare = text.rstrip("Z")[:19] if "." not in text else text
    return start + _WIDTHS.get(len(bare.split("+")[0]), timedelta(milliseconds=1))


def matches(said: Span, prefix: str, wanted: Span) -> bool:
    """Whether a resource's date meets ``prefix`` + date of a search."""
    if prefix in ("eq", "ne"):
        within = wanted.start <= said.start and said.end <= wanted.end
        return within if prefix == "eq" else not within
    if prefix in ("gt", "ge"):
        return said.end > wanted.end or (prefix == "ge" and said.end > wanted.start)
    if prefix in ("lt", "le"):
        return said.start < wanted.start or (prefix == "le" and said.start < wanted.end)
    if prefix == "sa":
        return said.start >= wanted.end
    if prefix == "eb":
        return said.end <= wanted.start
    margin = timedelta(days=1)
    return said.start < wanted.end + margin and wanted.start - margin < said.end
