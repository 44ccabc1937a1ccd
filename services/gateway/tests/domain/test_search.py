"""FHIR search parameters: values, prefixes, precision, refusals."""

from __future__ import annotations

from typing import Any

import pytest
from shr_common.errors import ShrError
from shr_gateway.domain.lines import Row
from shr_gateway.domain.search import Query, parse


def row(id: str = "a", **more: Any) -> Row:
    """A result of 20 November 2026, 10:00 in Dhaka."""
    said: dict[str, Any] = {
        "_id": f"Observation/{id}", "person": "p", "type": "Observation", "version": 1,
        "updated": "2026-11-21T00:00:00.000000+00:00", "at": "2026-11-20T04:00:00Z",
        "date": "2026-11-20T10:00:00+06:00", "day": "2026-11-20",
        "codes": ["http://loinc.org|8480-6"], "categories": ["c|vital-signs"], "status": "final",
        "labels": [], "confidentiality": "N", "facility": "1", "encounter": "Encounter/e",
    }  # fmt: skip
    return Row.of({**said, **more})


def query(*parameters: tuple[str, str], strict: bool = True) -> Query:
    """A query about p."""
    return parse("Observation", [("patient", "p"), *parameters], page_size=20, page_size_limit=200, strict=strict)


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("code", "8480-6", True),
        ("code", "http://loinc.org|8480-6", True),
        ("code", "http://loinc.org|", True),
        ("code", "|8480-6", False),
        ("code", "1,8480-6", True),
        ("category", "vital-signs", True),
        ("status", "final,amended", True),
        ("status", "amended", False),
        ("encounter", "Encounter/e", True),
        ("encounter", "e", True),
        ("_id", "a", True),
        ("_id", "b", False),
        ("date", "2026-11-20", True),
        ("date", "2026-11", True),
        ("date", "ge2026-11-20", True),
        ("date", "gt2026-11-20", False),
        ("date", "lt2026-11-20", False),
        ("date", "le2026-11-20T11:00:00", True),
        ("date", "sa2026-11-19", True),
        ("date", "eb2026-11-21", True),
        ("date", "ne2026-11-20", False),
        ("date", "ap2026-11-21", True),
        ("_lastUpdated", "ge2026-11-21", True),
    ],
)
def test_a_parameter_finds_what_it_should(name: str, value: str, found: bool) -> None:
    assert bool(query((name, value)).matching([row()])) is found


@pytest.mark.parametrize(
    ("name", "value"),
    [("date", "yesterday"), ("date", "zz2026"), ("_count", "-1"), ("_count", "x"), ("_sort", "name"),
     ("_summary", "text"), ("patient", "another"), ("code:in", "x"), ("$where", "1"), ("name", "x")],
)  # fmt: skip
def test_a_bad_parameter_is_refused(name: str, value: str) -> None:
    with pytest.raises(ShrError) as refusal:
        query((name, value))
    assert refusal.value.detail == "bad-request"


def test_unknown_parameters_are_ignored_and_told_unless_strict() -> None:
    lenient = query(("name", "x"), strict=False)
    assert lenient.unknown == ("name",)
    assert lenient.matching([row()])


def test_the_newest_come_first_and_pages_go_on() -> None:
    rows = [row("a"), row("b", at="2026-11-22T00:00:00Z"), row("c")]
    asked = query()
    found = asked.matching(rows)
    assert [one.reference[-1] for one in found] == ["b", "c", "a"]
    assert [one.reference[-1] for one in asked.after(found, asked.key(found[0]))] == ["c", "a"]
    ascending = query(("_sort", "date"))
    assert [one.reference[-1] for one in ascending.matching(rows)] == ["a", "c", "b"]


def test_count_is_bounded_and_nothing_means_totals_only() -> None:
    assert query(("_count", "9999")).count == 200
    assert query(("_count", "0")).totals_only and query(("_summary", "count")).totals_only
