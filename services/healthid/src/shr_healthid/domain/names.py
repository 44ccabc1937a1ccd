"""Names as people write them: Bangla and English forms of one name are recognised as alike.

Normalised: canonical composition, old and doubled vowel signs mended, no zero-width joiners, no punctuation, no
honorific (মোঃ, মোছাঃ, Md., Mst.). Across scripts, and for spellings such as রফিকুল / রাফিকুল / Rafiqul, words are compared
by how they sound (``domain/sounds.py``).
"""

from __future__ import annotations

import re
import unicodedata
from enum import IntEnum
from functools import lru_cache

from rapidfuzz.distance import OSA, JaroWinkler

from shr_healthid.domain.sounds import Spoken, is_bangla, mismatches, skeleton, spoken

__all__ = ["Likeness", "alike", "is_bangla", "likeness", "normalised", "search_words", "skeleton", "words_of"]

ALIKE = 0.9
TOKENS_LIMIT = 20
VOWELS_TELL = 3
"""Names of so many consonants are told apart by their vowels."""

_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u00ad]")
_NOT_LETTERS = re.compile(r"[^\w\u0980-\u09ff]+|[\d_]+|[\u09e6-\u09ef\u09f2-\u09ff]+")
_MENDED = (
    ("অা", "আ"), ("ব\u09bc", "র"), ("ৰ", "র"), ("\u0981", ""), ("\u09cd\u09cd", "\u09cd"),
)  # fmt: skip
_DOUBLE_SIGN = re.compile("([\u09bc\u09be-\u09cc\u09cd])\\1+")
_TRAILING = re.compile("[\u0983\u09cd]+$")
_HONORIFICS = frozenset(
    (
        *("md", "mohd", "muhd", "mohammad", "muhammad", "mohammed", "mohammod", "mst", "most", "mosammat", "mosammot"),
        *("musammat", "moshammat", "mosamat", "mr", "mrs", "ms", "miss", "dr", "prof", "engr", "alhaj", "haji", "hazi"),
        *("late", "sri", "shri", "sree", "shree", "srimati", "shrimati"),
        *("মো", "মোহা", "মোহাম্মদ", "মোহাম্মাদ", "মুহাম্মদ", "মুহাম্মাদ", "মোছা", "মোসা", "মোছাম্মৎ", "মোসাম্মৎ", "মোছাম্মত"),
        *("মোসাম্মত", "ডা", "ড", "আলহাজ", "আলহাজ্ব", "হাজী", "মৃত", "মরহুম", "শ্রী", "শ্রীমতি", "শ্রীমতী", "জনাব"),
    )
)


class Likeness(IntEnum):
    """How alike two words are."""

    NONE = 0
    NEAR = 1
    SOUND = 2
    SAME = 3


def normalised(name: str) -> str:
    """One way of writing for what looks the same: idempotent, and free of invisible characters."""
    text = unicodedata.normalize("NFC", _INVISIBLE.sub("", unicodedata.normalize("NFKC", name).casefold()))
    while True:
        before = text
        for written, meant in _MENDED:
            text = text.replace(written, meant)
        text = unicodedata.normalize("NFC", _DOUBLE_SIGN.sub(r"\1", text)).casefold()
        if text == before:
            return text


@lru_cache(maxsize=16384)
def words_of(name: str) -> tuple[str, ...]:
    """The normalised words of a name, without honorifics (kept when nothing else is there)."""
    words = [_TRAILING.sub("", word) for word in _NOT_LETTERS.sub(" ", normalised(name)).split()]
    words = [word for word in words if word]
    return tuple(word for word in words if word not in _HONORIFICS)[:TOKENS_LIMIT] or tuple(words)[:TOKENS_LIMIT]


@lru_cache(maxsize=32768)
def likeness(one: str, other: str) -> Likeness:
    """How alike two normalised words are; the same in both directions."""
    if one == other:
        return Likeness.SAME
    sound, other_sound = spoken(one), spoken(other)
    if len(sound[0]) > 1 and sound[0] == other_sound[0]:
        apart = mismatches(sound, other_sound)
        if apart == 0:
            return Likeness.SOUND
        if apart == 1 or len(sound[0]) > VOWELS_TELL:
            return Likeness.NEAR  # of a longer name the consonants are enough; Hasan and Hossain are two names
    if is_bangla(one) != is_bangla(other):
        if sound[0] == other_sound[0] and _is_told_by_vowels(sound) and not mismatches(sound, other_sound):
            return Likeness.SOUND  # মিয়া, Miah
        short = min(len(sound[0]), len(other_sound[0]))
        near = short > 2 and JaroWinkler.similarity(*sorted((sound[0], other_sound[0]))) >= ALIKE
    else:
        near = JaroWinkler.similarity(*sorted((one, other))) >= ALIKE or _is_typing_error(one, other)
    return Likeness.NEAR if near else Likeness.NONE


def _is_told_by_vowels(sound: Spoken) -> bool:
    return bool(sound[0]) and sum(len(vowel) for vowel in sound[1]) > 1


def _is_typing_error(one: str, other: str) -> bool:
    """One slip. In a short name the first letter tells it from others: Kamal, Jamal."""
    short = min(len(one), len(other))
    return OSA.distance(one, other, score_cutoff=1) == 1 and short > (3 if one[0] == other[0] else 6)


def alike(one: str, other: str) -> bool:
    """Whether two names may be one person's: each word of the shorter has its like in the longer."""
    shorter, longer = sorted((words_of(one), words_of(other)), key=lambda words: (len(words), words))
    if not shorter:
        return normalised(one).strip() == normalised(other).strip()
    left = list(longer)
    for word in shorter:
        like = max(left, key=lambda candidate: likeness(word, candidate), default=None)
        if like is None or not likeness(word, like):
            return False
        left.remove(like)
    return True


def search_words(names: tuple[str, ...]) -> list[str]:
    """What a search by name looks at: words, and their skeletons behind a ``~``."""
    words = {word for name in names for word in words_of(name)}
    return sorted(words | {f"~{bones}" for word in words if len(bones := skeleton(word)) > 1})
