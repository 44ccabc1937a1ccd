"""Comparisons are fair to both sides, agreement never counts against a pair, and only what nobody shares is certain."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shr_healthid.domain.blocking import keys_of, lookup_keys
from shr_healthid.domain.comparison import FIELDS, Agreement, compare
from shr_healthid.domain.explanation import part_of
from shr_healthid.domain.matching import Candidate, are_two, graded, match
from shr_healthid.domain.names import normalised, words_of
from shr_healthid.domain.person import Demographics
from shr_healthid.domain.training import estimated, trained
from shr_healthid.domain.weights import BadWeights, Weights
from shr_healthid.weights_file import load_weights

WEIGHTS = load_weights()
RAHIMA = Demographics(
    names=("Mst. Rahima Khatun", "মোছাঃ রহিমা খাতুন"),
    gender="female",
    birth_date="1985-05-20",
    district="3026",
    upazila="30260018",
    mobile="+8801711000000",
    father="Md. Abdul Karim",
    mother="Fatema Begum",
    place="Rasulpur, house 12",
)
WORDS = st.sampled_from(
    ("Rahima", "রহিমা", "Rohima", "Karim", "করিম", "Khatun", "খাতুন", "Md.", "মোঃ", "Hasan", "হোসেন", "রফিকুল", "রাফিকুল")
)
NAMES = st.lists(WORDS, min_size=1, max_size=4).map(" ".join) | st.text(max_size=25)
DATES = st.dates().map(str) | st.sampled_from(
    ("1985", "1985-05", "1985-01-01", "1985-05-20", "1985-20-05", "1958-05-20")
)
PEOPLE = st.builds(
    Demographics,
    names=st.lists(NAMES, max_size=3).map(tuple),
    gender=st.none() | st.sampled_from(("male", "female", "unknown")),
    birth_date=st.none() | DATES,
    district=st.none() | st.sampled_from(("3026", "1004")),
    upazila=st.none() | st.sampled_from(("30260018", "302618", "10040028")),
    mobile=st.none() | st.sampled_from(("01711000000", "+880 1711-000000", "০১৭১১০০০০০০", "01811")),
    father=st.none() | NAMES,
    mother=st.none() | NAMES,
    place=st.none() | st.sampled_from(("Rasulpur 12", "গ্রাম রসুলপুর ১২", "House 12, Rasulpur")),
    estimated=st.booleans(),
)


def odds(one: Demographics, other: Demographics) -> float:
    return graded(one, Candidate("98000000008", other), WEIGHTS).odds


def grade(one: Demographics, other: Demographics) -> str:
    return graded(one, Candidate("98000000008", other), WEIGHTS).grade


@given(st.text(max_size=60))
def test_normalising_again_changes_nothing(text: str) -> None:
    once = normalised(text)
    assert normalised(once) == once
    words = words_of(text)
    assert words_of(" ".join(words)) == words


@given(PEOPLE, PEOPLE)
def test_a_comparison_is_the_same_from_both_sides(one: Demographics, other: Demographics) -> None:
    levels = [(a.field, a.level) for a in compare(one, other)]
    assert levels == [(a.field, a.level) for a in compare(other, one)]
    assert all(level in FIELDS[field] for field, level in levels)


@settings(max_examples=200)
@given(
    PEOPLE, PEOPLE, st.sampled_from(("names", "gender", "birth_date", "upazila", "mobile", "father", "mother", "place"))
)
def test_more_agreement_never_lowers_the_score(one: Demographics, other: Demographics, field: str) -> None:
    said: Any = getattr(one, field)
    agreeing = replace(other, **{field: said})
    if field == "birth_date":
        agreeing = replace(agreeing, estimated=one.estimated)
    if field == "upazila":
        agreeing = replace(agreeing, district=one.district)
    if said and (field != "upazila" or one.district):
        assert odds(one, agreeing) >= odds(one, other) - 1e-9


@given(PEOPLE)
def test_a_person_is_found_under_a_key_of_her_own(said: Demographics) -> None:
    keys = keys_of(said, WEIGHTS.words)
    assert {key for key in keys if key[:2] != "nz"} <= set(lookup_keys(said, WEIGHTS.words))
    assert bool(keys) == bool(set(keys) & set(lookup_keys(said, WEIGHTS.words)))
    assert len(keys) <= 18


def test_better_levels_weigh_no_less_and_have_words_in_both_languages() -> None:
    for field, levels in FIELDS.items():
        weights = [WEIGHTS.of_agreement(Agreement(field, level)) for level in levels]
        assert weights == sorted(weights, reverse=True), field
        assert all(part_of(field, level, 1.0).text_bn for level in levels)


def test_the_same_woman_in_the_other_script_is_certain() -> None:
    other = replace(RAHIMA, names=("রহিমা\u200d খাতুন",), mobile="০১৭১১-০০০০০০", father="মোঃ আব্দুল করিম", place=None)
    assert grade(RAHIMA, other) == "certain"
    texts = [part.text for part in graded(RAHIMA, Candidate("9", other), WEIGHTS).parts]
    assert any("father's name agrees, written in the other script" in text for text in texts)


@pytest.mark.parametrize(
    "changes",
    [
        {"names": ("Karima Khatun", "করিমা খাতুন")},  # a twin
        {"names": ("Rahim Khatun",), "gender": "male"},  # a twin brother
        {"birth_date": "2005-02-11", "mother": "Rahima Khatun"},  # a daughter of her name
        {
            "father": "Jalal Uddin",
            "mother": "Shefali Das",
            "mobile": "01999888777",
            "place": "Gopalpur 3",
        },  # a namesake
        {"birth_date": "1985"},
        {"birth_date": "1985-01-01"},
        {"father": None, "mother": None, "mobile": None, "place": None},
    ],
)
def test_twins_daughters_namesakes_and_guesses_are_never_certain(changes: dict[str, Any]) -> None:
    assert grade(RAHIMA, replace(RAHIMA, **changes)) != "certain"


def test_twins_named_hasan_and_hossain_are_two() -> None:
    hasan = replace(RAHIMA, names=("হাসান মিয়া",), gender="male")
    assert grade(hasan, replace(hasan, names=("Hossain Miah",))) != "certain"
    assert grade(hasan, replace(hasan, names=("Hasan Miah",))) == "certain"


def test_a_slip_in_one_form_of_a_twins_name_is_not_certain() -> None:
    hossain = replace(RAHIMA, names=("Hossain",), gender="male")
    assert grade(hossain, replace(hossain, names=("MD Hasan", "হসান"))) != "certain"
    assert grade(hossain, replace(hossain, names=("MD Hosain", "হোসেন"))) == "certain"


def test_day_and_month_swapped_keep_her_probable() -> None:
    assert grade(replace(RAHIMA, birth_date="1985-05-02"), replace(RAHIMA, birth_date="1985-02-05")) == "probable"


def test_a_rare_name_proves_more_than_a_common_one() -> None:
    common, rare = Demographics(names=("Ali Islam",)), Demographics(names=("Quamruddin Warsi",))
    assert odds(rare, rare) > odds(common, common)


def test_a_verified_number_decides_unless_the_rest_contradicts() -> None:
    [found] = match(RAHIMA, [Candidate("9", RAHIMA)], WEIGHTS, proven=frozenset({"9"}))
    assert (found.grade, found.score) == ("certain", 1.0)
    [other] = match(RAHIMA, [Candidate("9", Demographics(names=("Shyamal Das",), birth_date="1950-01-09"))], WEIGHTS,
                    proven=frozenset({"9"}))  # fmt: skip
    assert other.grade == "possible"
    assert other.score < 0.5


def test_two_numbers_of_one_kind_are_two_people() -> None:
    ours, theirs = frozenset({("nid", 17, "a")}), frozenset({("nid", 17, "b"), ("brn", 17, "c")})
    assert are_two(ours, theirs)
    assert not are_two(ours, frozenset({("nid", 10, "b"), ("brn", 17, "a")}))
    [found] = match(RAHIMA, [Candidate("9", RAHIMA, theirs)], WEIGHTS, verified=ours)
    assert "another verified number" in found.parts[0].text


def test_weights_can_be_trained_with_and_without_truth() -> None:
    stranger = replace(
        RAHIMA,
        names=("Shyamal Das",),
        gender="male",
        birth_date="1950-01-09",
        mobile="01900000001",
        father="Nikhil Das",
    )
    moved = replace(RAHIMA, names=("Rahima Begum",), place="Gopalpur 77")
    pairs = [(RAHIMA, RAHIMA, True), (RAHIMA, moved, True), (RAHIMA, stranger, False), (moved, stranger, False)] * 20
    patterns = [compare(one, other) for one, other, _ in pairs]
    guessed, share = estimated(patterns)
    assert [probability > 0.5 for probability in guessed] == [same for _, _, same in pairs]
    assert 0.4 < share < 0.6
    names = [words_of(one.names[0]) for one, _, _ in pairs]
    for matched in (guessed, [float(same) for _, _, same in pairs]):
        own = Weights.of(trained(patterns, matched, names, version="t", term_weight=0.3,
                                 grades={"certain": 10, "probable": 3, "possible": 0}))  # fmt: skip
        assert own.of_agreement(Agreement("phone", "exact")) > 0 > own.of_agreement(Agreement("gender", "differs"))


@pytest.mark.parametrize(
    "spoilt", [{}, {"prior": 1}, {"fields": {}}, {"words": {"rhm": 2}}, {"rare": "x"}, {"term_weight": None}]
)
def test_weights_that_cannot_be_used_are_refused(spoilt: dict[str, Any]) -> None:
    from importlib.resources import files
    from json import loads

    file = loads(files("shr_healthid").joinpath("weights.json").read_bytes())
    with pytest.raises(BadWeights):
        Weights.of({**file, **spoilt} if spoilt else {})
