"""Small readers of FHIR values as parsed from a served resource; what is not there is None."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from shr_common.fhir.times import DHAKA, instant_of

Resource = Mapping[str, Any]


class Decimal(str):
    """A JSON number with a point or exponent, as its sender wrote it: 1.50 stays 1.50."""

    __slots__ = ()


def first(value: Any) -> Any:
    """The first of a list, the thing itself if it is none."""
    if isinstance(value, list):
        return value[0] if value else None
    return value


def codings(concept: Any) -> Iterator[Mapping[str, Any]]:
    """The codings of a CodeableConcept, of a list of them, or of a Coding."""
    if isinstance(concept, list):
        for one in concept:
            yield from codings(one)
    elif isinstance(concept, dict):
        if "coding" in concept:
            yield from (coding for coding in concept["coding"] if isinstance(coding, dict))
        elif "code" in concept and isinstance(concept["code"], str):
            yield concept


def words_of(concept: Any) -> str | None:
    """What a person reads: the text, else a display, else a code."""
    concept = first(concept)
    if not isinstance(concept, dict):
        return None
    if isinstance(concept.get("text"), str) and concept["text"].strip():
        return str(concept["text"])
    found = list(codings(concept))
    for member in ("display", "code"):
        for coding in found:
            if isinstance(coding.get(member), str):
                return str(coding[member])
    return None


def key_of(coding: Mapping[str, Any]) -> str:
    """``system|code``."""
    return f"{coding.get('system', '')}|{coding.get('code', '')}"


def reference_of(value: Any) -> str | None:
    """The reference of a Reference (or the first of several)."""
    value = first(value)
    found = value.get("reference") if isinstance(value, dict) else None
    return found if isinstance(found, str) else None


def day_of(text: str) -> str:
    """The day in Dhaka of a date or dateTime; a year or year-month stays what it is."""
    if len(text) <= 10:
        return text
    moment = instant_of(text)
    return text[:10] if moment is None else moment.astimezone(DHAKA).date().isoformat()


def sort_key(text: str | None) -> str:
    """A text that sorts as the instants do (UTC, seconds); empty when there is none."""
    moment = instant_of(text) if text else None
    return "" if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%SZ")
