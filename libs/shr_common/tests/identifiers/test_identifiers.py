"""Health IDs, NIDs and birth registration numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shr_common.identifiers import (
    check_digit,
    health_id,
    is_brn,
    is_health_id,
    is_issuable_base,
    is_nid,
    is_person_id,
    is_provisional_id,
    latin_digits,
    masked,
)

bases = st.from_regex(r"\A9[1-9][0-9]{8}\Z")


@given(base=bases, place=st.integers(1, 10), step=st.integers(1, 9))
def test_one_wrong_digit_is_always_noticed(base: str, place: int, step: int) -> None:
    good = health_id(base)
    assert is_health_id(good)
    digit = str((int(good[place]) + step) % 10)
    assert not is_health_id(good[:place] + digit + good[place + 1 :])


@given(base=bases, place=st.integers(1, 9))
def test_two_neighbours_exchanged_are_noticed(base: str, place: int) -> None:
    good = health_id(base)
    left, right = good[place], good[place + 1]
    if left == right or {left, right} == {"0", "9"}:  # what Luhn is known not to notice
        return
    assert not is_health_id(good[:place] + right + left + good[place + 2 :])


@pytest.mark.parametrize("known", ["98000173958", "98001046534", "98002412586", "98001079691", "98001038192"])
def test_health_ids_of_the_national_standard_are_valid(known: str) -> None:
    assert is_health_id(known)
    assert health_id(known[:10]) == known


def test_the_leading_nine_is_not_part_of_the_check() -> None:
    assert check_digit("9800000001") == check_digit("0800000001")
    assert health_id("9800000001") == "98000000011"


@pytest.mark.parametrize(
    "text",
    ["", "9800000001", "980000000110", "88000000011", "90000000011", "98000000012", "9800000001x", " 98000000011",
     "98000000011\n", "৯৮০০০০০০০১১", "98000000011".replace("1", "\uff11")],
)  # fmt: skip
def test_what_is_no_health_id(text: str) -> None:
    assert not is_health_id(text)


@pytest.mark.parametrize(
    ("base", "issuable"),
    [("9812345678", True), ("9811112345", False), ("9811122234", False), ("9811123456", True), ("9800000000", False)],
)
def test_long_runs_are_never_issued(base: str, issuable: bool) -> None:
    assert is_issuable_base(base) is issuable


def test_bangla_digits_are_taken_as_latin_ones() -> None:
    assert latin_digits("৯৮০০০০০০০১১") == "98000000011"


def test_provisional_ids() -> None:
    assert is_provisional_id("P-7f3a")
    assert is_person_id("P-7f3a")
    assert is_person_id("98000000011")
    for text in ("P-", "p-1", "P-1/2", "P-" + "1" * 63, "P-$where", "P-1\n"):
        assert not is_provisional_id(text)


@pytest.mark.parametrize("length", range(8, 20))
def test_the_lengths_of_numbers(length: int) -> None:
    number = "1" * length
    assert is_nid(number) is (length in (10, 13, 17))
    assert is_brn(number) is (length == 17)


@pytest.mark.parametrize("text", ["", "123456789x", "১২৩৪৫৬৭৮৯০", "²" * 10, "-123456789"])
def test_numbers_are_ascii_digits(text: str) -> None:
    assert not is_nid(text)
    assert not is_brn(text)


def test_a_masked_number_shows_its_last_three_digits() -> None:
    assert masked("1234567890123") == "**********123"
    assert masked("12") == "12"
