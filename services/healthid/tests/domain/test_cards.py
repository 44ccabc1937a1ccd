"""The life of a card, what stands on it, and what a verifier is told."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shr_common.errors import Category, ShrError
from shr_healthid.domain import status_list
from shr_healthid.domain.card_face import (
    PRINTED_CHARACTERS_LIMIT,
    SIGNED_BYTES_LIMIT,
    claims_of,
    face_of,
    grouped,
    printable,
    signed_name,
)
from shr_healthid.domain.cards import (
    ISSUED,
    LOST,
    REASONS,
    REGISTERED,
    REPLACED,
    REVOKED,
    STATUSES,
    Card,
    Cards,
    Claims,
    Step,
    change,
    judge,
    needs_number,
)
from shr_healthid.domain.person import Demographics

AT = datetime(2026, 11, 23, 20, 30, tzinfo=UTC)  # the 24th in Dhaka
RAHIMA = "98001046534"


def after(*statuses: str) -> Cards:
    """The cards of somebody to whom this happened, numbered 1, 2, …"""
    cards = Cards(RAHIMA)
    for count, status in enumerate(statuses):
        number = len(cards.cards) + 1 if needs_number(cards, status) else None
        cards = change(cards, Step(status, AT + timedelta(minutes=count), "registrar R1"), number=number)
    return cards


def told(cards: Cards) -> list[str]:
    return [card.status for card in cards.cards]


@pytest.mark.parametrize(
    ("steps", "then"),
    [
        ((REGISTERED,), [REGISTERED]),
        ((REGISTERED, ISSUED), [ISSUED]),
        ((ISSUED,), [ISSUED]),
        ((LOST,), [LOST]),
        ((REGISTERED, ISSUED, ISSUED, REGISTERED), [ISSUED]),
        ((REGISTERED, ISSUED, REPLACED), [REPLACED, REGISTERED]),
        ((REGISTERED, ISSUED, LOST), [LOST]),
        ((REGISTERED, ISSUED, LOST, REGISTERED), [LOST, REGISTERED]),
        ((REGISTERED, ISSUED, LOST, REPLACED), [REPLACED, REGISTERED]),
        ((REGISTERED, REVOKED, REGISTERED, ISSUED), [REVOKED, ISSUED]),
    ],
)
def test_a_card_goes_its_way(steps: tuple[str, ...], then: list[str]) -> None:
    assert told(after(*steps)) == then


@pytest.mark.parametrize("steps", [(LOST, ISSUED), (REVOKED, ISSUED), (REVOKED, LOST), (REVOKED, REPLACED)])
def test_a_card_that_no_longer_stands_does_not_rise_again(steps: tuple[str, ...]) -> None:
    with pytest.raises(ShrError) as refused:
        after(*steps)
    assert refused.value.category is Category.CONFLICT
    assert refused.value.issues[0].expression == "status"
    assert refused.value.issues[0].text_bn


def test_a_person_does_not_get_cards_without_end() -> None:
    with pytest.raises(ShrError, match="50 cards"):
        after(*[REPLACED] * 60)


@given(st.lists(st.sampled_from(STATUSES), max_size=30))
def test_at_most_the_newest_card_stands_and_nothing_that_was_noted_is_forgotten(statuses: list[str]) -> None:
    cards = Cards(RAHIMA)
    for status in statuses:
        before = cards
        number = len(cards.cards) + 1 if needs_number(cards, status) else None
        try:
            cards = change(cards, Step(status, AT, "registrar R1"), number=number)
        except ShrError:
            continue
        assert sum(card.stands for card in cards.cards) <= 1
        assert all(not card.stands for card in cards.cards[:-1])
        assert [card.number for card in cards.cards] == list(range(1, len(cards.cards) + 1))
        for old, new in zip(before.cards, cards.cards, strict=False):
            assert new.steps[: len(old.steps)] == old.steps


def test_a_verifier_is_told_what_became_of_the_card() -> None:
    cards = after(REGISTERED, ISSUED, LOST, REGISTERED)
    lost, current = Claims(RAHIMA, "Rahima", 1, "2026-11-24"), Claims(RAHIMA, "Rahima", 2, "2026-11-24")
    assert judge(current, cards, current_id=RAHIMA).as_json() == {
        "valid": True,
        "health_id": RAHIMA,
        "name": "Rahima",
        "status": "registered",
        "reason": None,
        "reason_bn": None,
        "card": 2,
        "issued": "2026-11-24",
        "replaced_by": None,
    }
    verdict = judge(lost, cards, current_id=RAHIMA)
    assert (verdict.valid, verdict.status, verdict.reason) == (False, "lost", "lost")
    unknown = judge(replace(current, number=9), cards, current_id=RAHIMA)
    assert (unknown.valid, unknown.status, unknown.reason) == (False, None, "unknown-card")


def test_a_card_of_somebody_who_was_joined_with_another_says_which_health_id_to_use() -> None:
    verdict = judge(Claims(RAHIMA, "Rahima", 1, "2026-11-24"), after(ISSUED), current_id="98001079691")
    assert verdict.valid
    assert verdict.replaced_by == "98001079691"
    assert "replace the card" in (verdict.as_json()["reason"] or "")


def test_every_reason_is_given_in_both_languages() -> None:
    for english, bangla in REASONS.values():
        assert english.isascii()
        assert any("\u0980" <= letter <= "\u09ff" for letter in bangla)


@pytest.mark.parametrize(
    "payload",
    [
        None,
        [],
        {},
        {"h": RAHIMA, "n": "R", "c": "1", "i": "2026-11-24"},
        {"h": RAHIMA, "n": "R", "c": True, "i": "2026-11-24"},
        {"h": RAHIMA, "n": "R", "c": -1, "i": "2026-11-24"},
        {"h": RAHIMA, "n": "R", "c": 2**80, "i": "2026-11-24"},
        {"h": RAHIMA, "n": "R" * 201, "c": 1, "i": "2026-11-24"},
        {"h": "98001046535", "n": "R", "c": 1, "i": "2026-11-24"},
        {"h": RAHIMA, "n": None, "c": 1, "i": "2026-11-24"},
        {"h": RAHIMA, "n": "R", "c": 1},
    ],
)
def test_a_signed_payload_that_is_no_cards_is_none(payload: object) -> None:
    assert Claims.of(payload) is None


def test_the_face_shows_both_names_the_grouped_health_id_and_the_day_in_dhaka() -> None:
    said = Demographics(names=(), name="Rahima  Khatun", name_bn="রহিমা খাতুন")
    card = Card(12, (Step(REGISTERED, AT, "registrar R1"),))
    claims = claims_of(RAHIMA, said, card)
    assert claims == Claims(RAHIMA, "Rahima Khatun", 12, "2026-11-24")
    face = face_of(claims, said, text="signed")
    assert (face.health_id, face.name, face.name_bn) == ("980 0104 6534", "Rahima Khatun", "রহিমা খাতুন")
    assert (face.number, face.made_on, face.text) == (12, "2026-11-24", "signed")
    assert grouped(RAHIMA) == "980 0104 6534"


def test_somebody_without_a_name_gets_a_card_all_the_same() -> None:
    said = Demographics()
    claims = claims_of(RAHIMA, said, Card(1, (Step(REGISTERED, AT, "registrar R1"),)))
    assert (claims.name, face_of(claims, said, text="").name) == ("—", "—")


def test_what_nobody_sees_is_not_printed_but_what_shapes_bangla_is() -> None:
    assert printable("Ra\u202ehi\u200bma\n\tKhatun\x00") == "Rahima Khatun"
    assert printable("র‍্যাব ক\u200c্ষ") == unicodedata.normalize("NFC", "র‍্যাব ক\u200c্ষ")
    assert printable("\u200b\u202e") is None
    assert printable("  ") is None


@given(st.text(max_size=400))
def test_any_name_is_printable_on_one_line_and_fits_the_code(name: str) -> None:
    shown = printable(name)
    assert shown is None or (len(shown) <= PRINTED_CHARACTERS_LIMIT and shown == shown.strip() and "\n" not in shown)
    signed = signed_name(Demographics(name=name))
    assert 0 < len(signed.encode()) <= SIGNED_BYTES_LIMIT


def test_a_long_name_is_cut_between_words_and_never_between_a_letter_and_its_signs() -> None:
    long = "মোছাম্মৎ শ্রাবন্তী ক্ষুদ্র " * 20
    shown = printable(long) or ""
    assert len(shown) <= PRINTED_CHARACTERS_LIMIT
    assert long.startswith(shown.removesuffix("…"))
    assert long[len(shown) - 1] == " "
    unbroken = printable("ক্ষু" * 100) or ""
    assert unbroken.removesuffix("…").endswith("ক্ষু")


@given(
    st.dictionaries(st.integers(0, status_list.PART_CARDS - 1), st.sampled_from([REVOKED, LOST, REPLACED]), max_size=50)
)
def test_the_status_list_says_of_each_card_what_became_of_it(ended: dict[int, str]) -> None:
    part = 3
    first = part * status_list.PART_CARDS
    lst = status_list.packed((first + place, status) for place, status in ended.items())
    claims = {"sub": status_list.subject_of(part), "status_list": {"bits": 2, "lst": lst}}
    for place in {*ended, 0, 1, 2, 3, status_list.PART_CARDS - 1}:
        assert status_list.status_in(claims, first + place) == ended.get(place)


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"sub": "urn:shr:card-status:0", "status_list": None},
        {"sub": "urn:shr:card-status:1", "status_list": {"bits": 2, "lst": status_list.packed([])}},
        {"sub": "urn:shr:card-status:0", "status_list": {"bits": 1, "lst": status_list.packed([])}},
        {"sub": "urn:shr:card-status:0", "status_list": {"bits": 2, "lst": "AAAA"}},
        {"sub": "urn:shr:card-status:0", "status_list": {"bits": 2, "lst": "eNoDAAAAAAE"}},
    ],
)
def test_a_list_that_says_nothing_about_a_card_is_not_taken_for_a_clean_one(claims: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"another part|list|unpacked"):
        status_list.status_in(claims, 7)
