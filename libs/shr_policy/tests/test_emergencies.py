"""An emergency is declared for hours, never for days, wherever it is declared."""

from __future__ import annotations

import math
from typing import Any

import pytest
from shr_policy import HOURS_LIMIT, hours_of


def test_unsaid_it_is_one_hour() -> None:
    assert hours_of(None) == 1.0
    assert hours_of(None, limit=0.5) == 0.5


@pytest.mark.parametrize("said", [0.25, 1, 12, HOURS_LIMIT])
def test_hours_up_to_a_day_are_taken(said: float) -> None:
    assert hours_of(said) == said


@pytest.mark.parametrize(
    "said", [0, -1, HOURS_LIMIT + 0.001, 72, math.nan, math.inf, 10**400, True, "2", [], {"$gt": 0}]
)
def test_anything_else_is_refused(said: Any) -> None:
    with pytest.raises(ValueError, match="at most 24"):
        hours_of(said)


def test_a_setting_may_be_stricter_but_never_looser() -> None:
    with pytest.raises(ValueError, match="at most 4"):
        hours_of(5, limit=4)
    with pytest.raises(ValueError, match="at most 24"):
        hours_of(25, limit=72)
