"""What R4 says about a resource: whom it is about, when it happened, what it refers to, which codes it holds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from shr_common.fhir import tables
from shr_common.fhir.elements import expression_of, find
from shr_common.fhir.times import DHAKA, instant_of

__all__ = ["DHAKA", "RESOURCE_TYPES", "codings", "date_of", "instant_of", "narrative", "patient_paths", "references"]

RESOURCE_TYPES: frozenset[str]
"""The 146 concrete resource types of R4 (read on first use)."""

_REFERENCE = frozenset({"Reference"})
_CODING = frozenset({"Coding"})
_CHOSEN_DATES = ("effective", "performed", "occurrence", "onset")
_PLAIN_DATES = ("recordedDate", "authoredOn", "period", "issued")


def __getattr__(name: str) -> Any:
    if name == "RESOURCE_TYPES":
        return tables.resource_types()
    raise AttributeError(name)


def patient_paths(resource_type: str) -> tuple[str, ...]:
    """The elements of a type that name its patient: ``subject``, ``patient`` or ``beneficiary``, where R4 admits one.

    Empty for types without a patient; RelatedPerson, Practitioner and ``link`` never count.
    """
    return tuple(tables.patients().get(resource_type, ()))


def date_of(resource: dict[str, Any]) -> datetime | None:
    """The UTC instant that the resource is about, or None if it tells none (then the bundle's time counts).

    effective[x], performed[x], occurrence[x], onset[x], else recordedDate, authoredOn, period, issued. A period counts
    from its start, else by its end; a date begins at midnight in Dhaka.
    """
    names = [stem + form for stem in _CHOSEN_DATES for form in ("DateTime", "Instant", "Period", "Timing")]
    for name in (*names, *_PLAIN_DATES):
        if name in resource and (found := _instant(resource[name])) is not None:
            return found
    return None


def _instant(value: Any) -> datetime | None:
    if isinstance(value, str):
        return instant_of(value)
    if not isinstance(value, dict):
        return None
    events = value.get("event")
    for text in (value.get("start"), value.get("end"), *(events if isinstance(events, list) else ())):
        if isinstance(text, str) and (found := instant_of(text)) is not None:
            return found
    return None


def references(resource: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(path, reference) of every ``Reference.reference``; the path ends with the Reference: ``subject``."""
    for path, _, node in find(resource, _REFERENCE):
        reference = node.get("reference")
        if isinstance(reference, str):
            yield expression_of(path), reference


def codings(resource: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(path, coding) of every Coding, within CodeableConcepts or by itself: ``code.coding[0]``, ``meta.tag[1]``."""
    for path, _, node in find(resource, _CODING):
        yield expression_of(path), node


def narrative(resource: dict[str, Any]) -> str | None:
    """The XHTML div of the resource's narrative."""
    text = resource.get("text")
    div = text.get("div") if isinstance(text, dict) else None
    return div if isinstance(div, str) else None
