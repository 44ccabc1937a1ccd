"""People, links and counters fold to the same in any order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from shr_gateway.domain.family import family_of
from shr_gateway.projections.people import erased, fold_merge, fold_person, fold_replaces, newly_issued

START = datetime(2026, 1, 1, tzinfo=UTC)
ONE = "98000173958"


def minute(number: int) -> datetime:
    """A moment."""
    return START + timedelta(minutes=number)


def person(version: int, *, status: str = "active", health_id: str = ONE, **more: Any) -> dict[str, Any]:
    """What healthid says."""
    return {
        "health_id": health_id,
        "version": version,
        "status": status,
        "via": "openmrs",
        "name": f"v{version}",
        **more,
    }


@given(st.permutations([1, 2, 3, 2, 1]))
def test_the_newest_version_of_a_person_stands_and_is_counted_once(versions: list[int]) -> None:
    known, counted = None, []
    for version in versions:
        after = fold_person(known, person(version))
        if after is not None:
            counted.append(newly_issued(known, after))
            known = after
    assert known is not None and known["name"] == "v3"
    assert [via for via in counted if via] == ["openmrs"]


def test_a_provisional_person_is_not_counted() -> None:
    after = fold_person(None, person(1, status="provisional", health_id="P-1"))
    assert after is not None and newly_issued(None, after) is None


def test_an_erased_person_never_comes_back() -> None:
    known = fold_person(None, person(1))
    gone = erased(known, ONE)
    assert fold_person(gone, person(9)) is None
    assert gone["name"] is None and gone["issued"]


@given(st.permutations([(1, False, 1), (5, True, 2), (9, False, 3)]))
def test_merges_and_their_undoing_fold_in_any_order(said: list[tuple[int, bool, int]]) -> None:
    link = None
    for at, undone, version in said:
        value = {"survivor": "S", "retired": "R", "undone": undone, "version": version}
        link = fold_merge(link, value, minute(at))
    assert link is not None and link["active"] and link["at"] == minute(9)


def test_an_undone_merge_is_as_if_it_had_never_been() -> None:
    link = fold_merge(None, {"survivor": "S", "retired": "R", "version": 1}, minute(1))
    link = fold_merge(link, {"survivor": "S", "retired": "R", "version": 2, "undone": True}, minute(2))
    assert not link["active"]
    assert family_of("R", [one for one in [link] if one["active"]]).ids == ("R",)


@given(st.permutations([(2, 3), (3, 7), (1, 1)]))
def test_a_replacement_holds_since_it_was_first_said(said: list[tuple[int, int]]) -> None:
    link = None
    for version, at in said:
        new = fold_replaces(link, former="P-1", to=ONE, present=True, version=version, at=minute(at))
        link = new or link
    assert link is not None and link["active"] and link["at"] == minute(1)


def test_grants_reach_what_was_one_person_when_they_were_given() -> None:
    family = family_of("S", [{"former": "R", "to": "S", "at": minute(5)}])
    assert family.ids == ("S", "R") and family.root == "S"
    assert not family.one_at(minute(4), "S", "R")
    assert family.one_at(minute(6), "S", "R")
    assert family_of("R", [{"former": "R", "to": "S", "at": minute(5)}]).root == "S"


def test_a_chain_of_merges_is_one_family() -> None:
    links = [{"former": "A", "to": "B", "at": minute(1)}, {"former": "B", "to": "C", "at": minute(5)}]
    family = family_of("A", links)
    assert family.root == "C" and set(family.ids) == {"A", "B", "C"}
    assert family.one_at(minute(2), "A", "B") and not family.one_at(minute(2), "A", "C")
