"""Terms: what is read stays what it is, and nothing granted is ever wider than what was asked."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shr_common.errors import Category, ShrError
from shr_consent.domain.terms import Terms, narrow, read
from shr_policy import ACTIONS

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
TYPES = ["Observation", "Condition", "Encounter", "Immunization"]
days = st.sampled_from([None, "2020-01-01", "2022-02-02", "2024-02-29", "2026-12-31"])
times = st.sampled_from(["2027-01-01T00:00:00Z", "2028-01-01T06:00:00+06:00", "2030-05-05"])


@st.composite
def bodies(draw: st.DrawFn, *, part: bool = False) -> dict[str, Any]:
    """The members of a request, or of a grant that may leave any of them out."""
    start, end = draw(days), draw(days)
    if start and end and end < start:
        start, end = end, start
    whole = {
        "recipient": {"type": "facility", "id": draw(st.sampled_from(["10000001", "10000002"]))},
        "purpose": draw(st.sampled_from(["CAREMGT", "HRESCH"])),
        "record_types": draw(st.just("*") | st.lists(st.sampled_from(TYPES), min_size=1, unique=True)),
        "record_period": draw(st.sampled_from([None, {"start": start, "end": end}])),
        "expires_at": draw(st.none() | times),
        "access_mode": draw(st.sampled_from(["VIEW", "STORE", "QUERY", "STREAM"])),
        "erase_at": draw(times),
        "frequency": draw(st.sampled_from([None, {"count": 3, "period": "PT1H"}, {"count": 2, "period": "P1D"}])),
        "sensitive": draw(st.lists(st.sampled_from(["HIV", "PSY", "R"]), unique=True)),
    }
    if not part:
        return whole
    return {name: value for name, value in whole.items() if draw(st.booleans())}


def actions(terms: Terms) -> set[str]:
    return {action for action, modes in ACTIONS.items() if terms.access_mode in modes}


@settings(max_examples=300, deadline=None)
@given(asked=bodies(), granted=bodies(part=True))
def test_what_is_granted_is_never_wider_than_what_was_asked(asked: dict[str, Any], granted: dict[str, Any]) -> None:
    wanted = read(asked, now=NOW)
    try:
        given_ = narrow(wanted, granted, now=NOW)
    except ShrError as error:
        assert error.category is Category.INVALID
        assert all(issue.expression for issue in error.issues)
        return
    assert (given_.recipient, given_.purpose) == (wanted.recipient, wanted.purpose)
    assert wanted.record_types is None or (
        given_.record_types is not None and given_.record_types <= wanted.record_types
    )
    assert wanted.record_start is None or (given_.record_start or "") >= wanted.record_start
    assert wanted.record_end is None or (given_.record_end or "9") <= wanted.record_end
    assert wanted.expires_at is None or (given_.expires_at is not None and given_.expires_at <= wanted.expires_at)
    assert actions(given_) <= actions(wanted)
    assert given_.sensitive <= wanted.sensitive
    if wanted.frequency:
        assert given_.frequency
        assert given_.frequency.count * wanted.frequency.seconds <= wanted.frequency.count * given_.frequency.seconds


@settings(max_examples=200, deadline=None)
@given(asked=bodies())
def test_terms_survive_their_public_shape(asked: dict[str, Any]) -> None:
    terms = read(asked, now=NOW)
    assert Terms.of(terms.as_json()) == terms
    assert narrow(terms, {}, now=NOW) == terms
    assert narrow(terms, terms.as_json(), now=NOW) == terms


@settings(max_examples=300, deadline=None)
@given(
    body=st.dictionaries(
        st.sampled_from(["recipient", "purpose", "record_types", "record_period", "expires_at", "sensitive", "$where"])
        | st.text(max_size=8),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
            max_leaves=6,
        ),
        max_size=6,
    )
)
def test_whatever_comes_is_read_or_refused(body: dict[str, Any]) -> None:
    try:
        read(body, now=NOW)
    except ShrError as error:
        assert error.category is Category.INVALID
        assert error.issues


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("2030-01-01", "2029-12-31T18:00:00.000Z"),
        ("2030-01-01T00:00:00", "2029-12-31T18:00:00.000Z"),
        ("2030-01-01T00:00:00Z", "2030-01-01T00:00:00.000Z"),
        ("2030-01-01T00:00:00.5+01:00", "2029-12-31T23:00:00.500Z"),
    ],
)
def test_times_without_a_zone_are_dhakas(said: str, meant: str) -> None:
    body = {"recipient": {"type": "facility", "id": "1"}, "purpose": "CAREMGT", "record_types": "*"}
    assert read(body | {"expires_at": said}, now=NOW).as_json()["expires_at"] == meant


@pytest.mark.parametrize(
    "said", ["20300101", "2030-W01-1", "2030-01-01T25:00:00Z", "9999-13-01", "", "2030-01-01 00:00"]
)
def test_other_ways_to_write_a_time_are_refused(said: str) -> None:
    body = {"recipient": {"type": "facility", "id": "1"}, "purpose": "CAREMGT", "record_types": "*"}
    with pytest.raises(ShrError):
        read(body | {"expires_at": said}, now=NOW)
