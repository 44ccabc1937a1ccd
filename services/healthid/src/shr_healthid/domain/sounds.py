"""How words sound: their consonants, and the vowels between them, the same for Bangla and English spellings.

``skeleton`` has the consonants only and finds more than one name (হাসান and হোসেন are both ``hsn``): it is for
look-ups. ``spoken`` keeps the vowels and tells such names apart, which twins often bear. A Bangla consonant without a
vowel sign may carry a vowel or not (রফিকুল: Rafiqul), so that place agrees with any vowel.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

ANY = "*"
"""The vowel of a Bangla consonant that bears no sign."""

_CONSONANTS = {
    "ক": "k", "খ": "k", "গ": "g", "ঘ": "g", "ঙ": "ng", "ং": "ng", "চ": "c", "ছ": "c", "জ": "j", "ঝ": "j", "ঞ": "n",
    "ট": "t", "ঠ": "t", "ড": "d", "ঢ": "d", "ণ": "n", "ত": "t", "থ": "t", "দ": "d", "ধ": "d", "ন": "n", "প": "p",
    "ফ": "f", "ব": "b", "ভ": "b", "ম": "m", "য": "j", "র": "r", "ল": "l", "শ": "s", "ষ": "s", "স": "s", "হ": "h",
    "ৎ": "t", "ৰ": "r",
}  # fmt: skip
_VOWELS = {
    "অ": "A", "আ": "A", "ই": "I", "ঈ": "I", "উ": "U", "ঊ": "U", "ঋ": "I", "এ": "I", "ঐ": "AI", "ও": "U", "ঔ": "AU",
    "া": "A", "ি": "I", "ী": "I", "ু": "U", "ূ": "U", "ৃ": "I", "ে": "I", "ৈ": "AI", "ো": "U", "ৌ": "AU", "য়": "I",
    "ৱ": "U",
}  # fmt: skip
_NUKTA = "\u09bc"
_VIRAMA = "\u09cd"
_WITH_NUKTA = {"ড": "r", "ঢ": "r", "ব": "r"}
_LATIN_CONSONANTS = (
    ("ksh", "k"), ("kkh", "k"), ("kh", "k"), ("gh", "g"), ("chh", "ç"), ("ch", "ç"), ("jh", "j"), ("th", "t"),
    ("dh", "d"), ("ph", "f"), ("bh", "b"), ("sh", "s"), ("ck", "k"), ("q", "k"), ("x", "k"), ("z", "j"), ("v", "b"),
    ("c", "k"), ("ç", "c"),
)  # fmt: skip
_LATIN_VOWELS = {"a": "A", "e": "I", "i": "I", "y": "I", "o": "U", "u": "U", "w": "U"}
_SOFT_C = re.compile("c(?=[eiy])")
_DOUBLE = re.compile(r"(.)\1+")
_RUNS = re.compile("[\u0980-\u09ff]+|[^\u0980-\u09ff]+")
_ENDS_IN_ER = re.compile("er$")

Spoken = tuple[str, tuple[str, ...]]
"""Consonants, and the vowels before, between and after them: ``("rfkl", ("", "A", "I", "U", ""))``."""


def is_bangla(text: str) -> bool:
    """Whether there is a Bangla letter in it."""
    return any("\u0980" <= letter <= "\u09ff" for letter in text)


@lru_cache(maxsize=16384)
def spoken(word: str) -> Spoken:
    """How a normalised word sounds."""
    parts = [part for run in _RUNS.findall(word) for part in (_bangla(run) if is_bangla(run) else _latin(run))]
    consonants: list[str] = []
    vowels: list[str] = [""]
    for consonant, vowel in parts:
        if consonant and (not consonants or consonant != consonants[-1] or vowels[-1] not in ("", ANY)):
            consonants.append(consonant)
            vowels.append(vowel)
        else:
            vowels[-1] = _joined(vowels[-1], vowel)
    if len(consonants) > 1 and consonants[-1] == "h" and vowels[-1] in ("", ANY):
        consonants.pop()  # Fatemah, আব্দুল্লাহ
        vowels.pop()
    return "".join(consonants), tuple(vowels)


@lru_cache(maxsize=16384)
def skeleton(word: str) -> str:
    """The consonants of a word in Latin letters, the same for its Bangla and English spellings."""
    return _DOUBLE.sub(r"\1", spoken(word)[0])


def mismatches(one: Spoken, other: Spoken) -> int:
    """In how many places the vowels of two words with the same consonants differ."""
    return sum(not _same_vowel(a, b) for a, b in zip(one[1], other[1], strict=True))


def _same_vowel(one: str, other: str) -> bool:
    if one == other or ANY in (one, other):
        return True
    return bool(set(one) & set(other))


def _joined(before: str, after: str) -> str:
    if after in ("", ANY):
        return before or after
    return after if before in ("", ANY) or before.endswith(after) else before + after


def _bangla(word: str) -> list[tuple[str, str]]:
    letters = unicodedata.normalize("NFC", word)
    parts: list[tuple[str, str]] = []
    place = 0
    after_virama = False
    while place < len(letters):
        letter = letters[place]
        nukta = letters[place + 1 : place + 2] == _NUKTA
        place += 2 if nukta else 1
        if letter == "য" and (nukta or after_virama):
            parts.append(("", "" if after_virama else "I"))  # য় is a glide, the য of শ্যামল is not spoken
        elif letter == "ব" and after_virama and parts and parts[-1][0] not in ("b", "m"):
            parts.append(("", ANY))  # বিশ্বাস
        elif letter in _CONSONANTS:
            sound = _WITH_NUKTA.get(letter, _CONSONANTS[letter]) if nukta else _CONSONANTS[letter]
            closed = letter in "ৎং" or letters[place : place + 1] == _VIRAMA
            parts += [(c, "") for c in sound[:-1]]
            parts.append((sound[-1], "" if closed else ANY))
        elif letter in _VOWELS:
            if parts and parts[-1][1] == ANY:
                parts[-1] = (parts[-1][0], _VOWELS[letter])
            else:
                parts.append(("", _VOWELS[letter]))
        after_virama = letter == _VIRAMA
    if len(parts) > 1 and parts[-1][1] == ANY and not (parts[-2][0] and parts[-2][1] == ""):
        parts[-1] = (parts[-1][0], "")  # করিম ends in m; চন্দ্র may end in a vowel
    return parts


def _latin(word: str) -> list[tuple[str, str]]:
    letters = "".join(c for c in unicodedata.normalize("NFKD", word) if c.isascii() and c.isalpha())
    letters = _ENDS_IN_ER.sub("ěr", _SOFT_C.sub("s", letters.replace("ch", "ç")))
    for written, sound in _LATIN_CONSONANTS:
        letters = letters.replace(written, sound)
    parts: list[tuple[str, str]] = []
    for letter in letters:
        if letter == "ě":
            parts.append(("", ANY))  # Akter, Aktar
        elif vowel := _LATIN_VOWELS.get(letter):
            if parts and not _LATIN_VOWELS.get(parts[-1][1]) and parts[-1][0] and not parts[-1][1]:
                parts[-1] = (parts[-1][0], vowel)
            else:
                parts.append(("", vowel))
        else:
            parts.append((letter, ""))
    return parts
