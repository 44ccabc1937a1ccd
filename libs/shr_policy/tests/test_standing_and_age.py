"""Standing with the registry, and the day of majority."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from shr_policy import Posting, Registered, in_good_standing, majority_of, of_age

DAY = "2026-11-23"


@pytest.mark.parametrize(
    ("practitioner", "facility", "postings", "good"),
    [
        (None, None, [], True),
        (Registered(), Registered(), [], True),
        (Registered(active=False), None, [], False),
        (None, Registered(active=False), [], False),
        (Registered(until=DAY), None, [], True),
        (Registered(until="2026-11-22"), None, [], False),
        (None, None, [Posting(end=DAY)], True),
        (None, None, [Posting(end="2026-11-22")], False),
        (None, None, [Posting(start="2026-11-24")], False),
        (None, None, [Posting(active=False)], False),
        (None, None, [Posting(end="2026-11-22"), Posting(start="2026-11-01")], True),
    ],
)
def test_standing(
    practitioner: Registered | None, facility: Registered | None, postings: list[Posting], good: bool
) -> None:
    assert in_good_standing(practitioner=practitioner, facility=facility, postings=postings, today=DAY) is good


@pytest.mark.parametrize(
    ("born", "at", "grown"),
    [
        ("2008-11-23", datetime(2026, 11, 22, 18, 0, tzinfo=UTC), True),  # midnight in Dhaka
        ("2008-11-23", datetime(2026, 11, 22, 17, 59, tzinfo=UTC), False),
        ("2008-02-29", datetime(2026, 2, 28, 12, 0, tzinfo=UTC), False),
        ("2008-02-29", datetime(2026, 3, 1, 12, 0, tzinfo=UTC), True),
        ("2008-11", datetime(2026, 11, 29, 18, 0, tzinfo=UTC), False),
        ("2008", datetime(2026, 12, 31, 12, 0, tzinfo=UTC), True),
        (None, datetime(2026, 12, 31, 12, 0, tzinfo=UTC), False),
        ("unknown", datetime(2026, 12, 31, 12, 0, tzinfo=UTC), False),
    ],
)
def test_majority_comes_at_midnight_in_dhaka(born: str | None, at: datetime, grown: bool) -> None:
    assert of_age(born, at) is grown


@pytest.mark.parametrize("born", ["2008-11-23", "2008-02-29", "2008-02", "2008-11", "2008", "2008-12-31"])
def test_the_moment_of_majority_is_the_first_at_which_she_is_of_age(born: str) -> None:
    moment = majority_of(born)
    assert moment is not None
    assert of_age(born, moment)
    assert not of_age(born, moment - timedelta(seconds=1))


@pytest.mark.parametrize("born", [None, "", "unknown"])
def test_an_unknown_birth_date_has_no_majority(born: str | None) -> None:
    assert majority_of(born) is None
