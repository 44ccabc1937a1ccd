"""How each field of two descriptions of a person agrees: one level a field, from exact to differs.

A level says what a registrar would say ("day and month swapped"); how much it weighs is ``domain/weights.py``'s. What
one side does not say has no level. Every comparison is the same in both directions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz.distance import OSA
from shr_common.identifiers import latin_digits

from shr_healthid.domain.names import Likeness, likeness, normalised, words_of
from shr_healthid.domain.person import Demographics
from shr_healthid.domain.sounds import is_bangla, skeleton

FIELDS: Mapping[str, tuple[str, ...]] = {
    "name": ("exact", "close", "cross_script", "typo", "partial", "some", "family", "differs"),
    "birth_date": ("exact", "estimated", "swapped", "digit", "part", "near", "differs", "far"),
    "gender": ("exact", "differs"),
    "area": ("exact", "digit", "district", "differs"),
    "place": ("exact", "close", "partial", "some", "differs"),
    "father": ("exact", "close", "cross_script", "typo", "partial", "some", "family", "differs"),
    "mother": ("exact", "close", "cross_script", "typo", "partial", "some", "family", "differs"),
    "phone": ("exact", "digit", "differs"),
}
"""The levels of each field, the best first."""
NAMED = frozenset({"name", "father", "mother"})
NAMES_COMPARED = 4
UNSAID: tuple[str, tuple[str, ...]] = ("unsaid", ())
_WORDS = re.compile(r"[\w\u0980-\u09ff]+")
_ADDRESS_WORDS = frozenset(
    (
        *("", "village", "vill", "house", "holding", "road", "rd", "street", "st", "lane", "place", "block", "sector"),
        *("post", "po", "ps", "thana", "upazila", "district", "no", "avenue", "crescent", "close", "court", "para"),
        *("গ্রাম", "বাড়ি", "বাড়ী", "বাসা", "রোড", "সড়ক", "হোল্ডিং", "নং", "ডাক", "থানা", "উপজেলা", "জেলা", "পোস্ট", "পাড়া"),
    )
)
_PLACE_SHARES = ((0.99, "exact"), (0.6, "close"), (0.4, "partial"), (0.0, "some"))
_GENDERS = frozenset({"male", "female", "other"})
_GUESSED_DAYS = ("-01-01", "-07-01")
_NEAR_YEARS = 2
_GENERATION = 12
"""Years that lie between a father and a son of the same name, but hardly between two guesses."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How a field agrees. ``words``: what two names have in common, for their rarity.

    ``others``: how further forms of a name agree, which may weigh more by a rarer word.
    """

    field: str
    level: str
    words: tuple[str, ...] = ()
    others: tuple[tuple[str, tuple[str, ...]], ...] = ()


def compare(one: Demographics, other: Demographics) -> list[Agreement]:
    """The agreement of each field that both sides say, in the order of FIELDS."""
    found = [
        _names("name", one.names, other.names),
        _dates(one, other),
        _genders(one.gender, other.gender),
        _areas(one, other),
        _places(one.place, other.place),
        _names("father", _one(one.father), _one(other.father)),
        _names("mother", _one(one.mother), _one(other.mother)),
        _phones(one.mobile, other.mobile),
    ]
    return [agreement for agreement in found if agreement is not None]


def _one(name: str | None) -> tuple[str, ...]:
    return (name,) if name else ()


def _names(field: str, ours: tuple[str, ...], theirs: tuple[str, ...]) -> Agreement | None:
    """How any form of one agrees with any form of the other, the best first."""
    levels = FIELDS[field]
    found = {
        compare_names(*sorted((one, other))) for one in ours[:NAMES_COMPARED] for other in theirs[:NAMES_COMPARED]
    } - {UNSAID}
    if not found:
        return None
    (level, words), *others = sorted(found, key=lambda one: (levels.index(one[0]), -len(one[1]), one[1]))
    return Agreement(field, level, words, tuple(others))


@lru_cache(maxsize=8192)
def compare_names(one: str, other: str) -> tuple[str, tuple[str, ...]]:
    """The level at which two names agree, and the words of ``one`` that have their like in ``other``."""
    ours, theirs = words_of(one), words_of(other)
    if not ours or not theirs:
        return UNSAID
    if sorted(ours) == sorted(theirs):
        return "exact", tuple(sorted(ours))
    pairs = _paired(ours, theirs)
    agreed = tuple(sorted(ours[i] for _, i, _ in pairs))
    across = is_bangla(one) != is_bangla(other)
    if len(pairs) == max(len(ours), len(theirs)):
        if any(how is Likeness.NEAR for how, _, _ in pairs):
            return "typo", agreed
        return ("cross_script" if across else "close"), agreed
    if len(ours) != len(theirs) and likeness("".join(ours), "".join(theirs)) >= Likeness.SOUND:
        # written apart by the one, together by the other: Abdul Karim, Abdulkarim
        return ("cross_script" if across else "close"), tuple(sorted(ours if len(ours) < len(theirs) else theirs))
    if not pairs:
        return "differs", ()
    first = any(i == j == 0 for _, i, j in pairs)
    if len(pairs) == min(len(ours), len(theirs)) and all(how > Likeness.NEAR for how, _, _ in pairs):
        return ("partial" if first else "some"), agreed
    return ("some" if first else "family"), agreed


def _paired(ours: tuple[str, ...], theirs: tuple[str, ...]) -> list[tuple[Likeness, int, int]]:
    """Words that are alike with their places, each used once, the most alike first."""
    alike = [(likeness(a, b), i, j) for i, a in enumerate(ours) for j, b in enumerate(theirs)]
    left, right, pairs = set[int](), set[int](), list[tuple[Likeness, int, int]]()
    for how, i, j in sorted(alike, key=lambda found: (-found[0], found[1] + found[2], found[1])):
        if how and i not in left and j not in right:
            left.add(i)
            right.add(j)
            pairs.append((how, i, j))
    return pairs


def _dates(one: Demographics, other: Demographics) -> Agreement | None:
    a, b = one.birth_date, other.birth_date
    if not a or not b:
        return None
    guessed = any(said.estimated or (said.birth_date or "").endswith(_GUESSED_DAYS) for said in (one, other))
    return Agreement("birth_date", _date_level(*sorted((a[:10], b[:10])), guessed=guessed))


def _date_level(one: str, other: str, *, guessed: bool) -> str:
    precision = min(len(one), len(other))
    if one == other and precision == 10 and not guessed:
        return "exact"
    years = abs(int(one[:4]) - int(other[:4])) if one[:4].isdigit() and other[:4].isdigit() else 99
    if precision < 10 or guessed:
        if one[:precision] == other[:precision] or (guessed and years == 0):
            return "estimated"
        return "near" if years <= _NEAR_YEARS else "far" if years >= _GENERATION else "differs"
    if one[:4] == other[:4] and one[5:7] == other[8:] and one[8:] == other[5:7]:
        return "swapped"
    if OSA.distance(one, other, score_cutoff=1) == 1:
        return "digit"
    same = (one[:4] == other[:4]) + (one[5:7] == other[5:7]) + (one[8:] == other[8:])
    if same == 2:
        return "part"
    return "near" if years == 0 else "far" if years >= _GENERATION else "differs"


def _genders(one: str | None, other: str | None) -> Agreement | None:
    if one not in _GENDERS or other not in _GENDERS:
        return None
    return Agreement("gender", "exact" if one == other else "differs")


def area_of(code: str | None) -> str:
    """A geocode as it is compared: BD-Core's 8-digit upazilas without city corporation are the older 6 digits."""
    digits = latin_digits(code or "").strip()
    return digits[:4] + digits[6:] if len(digits) == 8 and digits[4:6] == "00" else digits


def _areas(one: Demographics, other: Demographics) -> Agreement | None:
    ours, theirs = area_of(one.upazila), area_of(other.upazila)
    same_district = area_of(one.district) == area_of(other.district) if one.district and other.district else None
    if not ours or not theirs:
        return None if same_district is None else Agreement("area", "district" if same_district else "differs")
    if ours == theirs:
        return Agreement("area", "exact")
    if OSA.distance(ours, theirs, score_cutoff=1) == 1:
        return Agreement("area", "digit")
    if same_district is None:
        same_district = len(ours) > 5 and ours[:4] == theirs[:4]
    return Agreement("area", "district" if same_district else "differs")


def _places(one: str | None, other: str | None) -> Agreement | None:
    if not one or not other or is_bangla(one) != is_bangla(other):
        return None
    ours, theirs = sorted((place_words(one), place_words(other)))
    if not ours or not theirs:
        return None
    left = list(theirs)
    for word in ours:
        like = next((other_word for other_word in left if _same_place_word(word, other_word)), None)
        if like is not None:
            left.remove(like)
    agreed = len(theirs) - len(left)
    share = agreed / max(len(ours), len(theirs))
    if not agreed:
        return Agreement("place", "differs")
    return Agreement("place", next(level for least, level in _PLACE_SHARES if share > least))


@lru_cache(maxsize=8192)
def _same_place_word(one: str, other: str) -> bool:
    if one == other:
        return True
    if one.isdigit() or other.isdigit():
        return False
    return bool(likeness(*sorted((one, other))))


@lru_cache(maxsize=8192)
def place_words(text: str) -> tuple[str, ...]:
    """The words and numbers by which an address is told from others, in order."""
    words = {word.lstrip("0") for word in _WORDS.findall(latin_digits(normalised(text)))}
    return tuple(sorted(words - _ADDRESS_WORDS))


@lru_cache(maxsize=8192)
def house_of(text: str | None) -> str:
    """An address as a look-up takes it: its numbers, and its words as they sound; empty without a number.

    A village without a house number is where thousands live.
    """
    words = place_words(text or "")
    if not any(word.isdigit() for word in words):
        return ""
    return " ".join(sorted({word if word.isdigit() else skeleton(word) for word in words}))


@lru_cache(maxsize=8192)
def phone_of(number: str | None) -> str:
    """A phone as it is compared: Latin digits, without the country code; empty if it is none."""
    digits = re.sub(r"[^0-9]", "", latin_digits(number or "")).lstrip("0")
    digits = digits.removeprefix("880").lstrip("0")
    return digits if len(digits) >= 6 else ""


def _phones(one: str | None, other: str | None) -> Agreement | None:
    ours, theirs = phone_of(one), phone_of(other)
    if not ours or not theirs:
        return None
    if ours == theirs:
        return Agreement("phone", "exact")
    return Agreement("phone", "digit" if OSA.distance(ours, theirs, score_cutoff=1) == 1 else "differs")
