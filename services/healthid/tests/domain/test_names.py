"""Names of one person are recognised in both scripts; names of two are not confused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shr_healthid.domain.demographics import differences, same_date
from shr_healthid.domain.names import alike, search_words, skeleton, words_of
from shr_healthid.domain.person import Demographics

SAME = [
    ("Rahima Khatun", "রহিমা খাতুন"),
    ("Md. Rafiqul Islam", "মোঃ রফিকুল ইসলাম"),
    ("রফিকুল ইসলাম", "রাফিকুল ইসলাম"),
    ("Mohammad Abdul Karim", "আব্দুল করিম"),
    ("MST. FATEMA BEGUM", "ফাতেমা বেগম"),
    ("Farhana Islam", "Islam Farhana"),
    ("Chowdhury", "Choudhury"),
    ("রহিমা\u200c খাতুন", "রহিমা খাতুন"),
    ("Hossain Ali", "Hosain Ali"),
]
DIFFERENT = [
    ("Rahima Khatun", "Karim Khatun"),
    ("Kamal Hossain", "Jamal Hossain"),
    ("Abdul Mannan", "আব্দুল করিম"),
    ("Rahima Khatun", "Shefali Das"),
    ("সেলিনা বেগম", "Rahima Begum"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_one_name(one: str, other: str) -> None:
    assert alike(one, other)
    assert alike(other, one)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_two_names(one: str, other: str) -> None:
    assert not alike(one, other)


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_text_is_a_name_to_compare(one: str, other: str) -> None:
    assert alike(one, other) == alike(other, one)
    assert alike(one, one)
    words_of(one), search_words((one, other)), skeleton(one)


def test_what_is_not_said_contradicts_nothing() -> None:
    assert differences(Demographics(), Demographics(names=("A",), gender="male", birth_date="1985")) == ()
    assert same_date("1985", "1985-05-20")
    assert not same_date("1985-05-20", "1985-05-21")
