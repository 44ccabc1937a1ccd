"""Names as people write them: Bangla and English forms of one name are recognised as alike.

Normalised: canonical composition, no zero-width joiners, no punctuation, no honorific (মোঃ, মোছাঃ, Md., Mst.).
Across scripts, and for spellings such as রফিকুল / রাফিকুল / Rafiqul, words are compared by their consonants.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from rapidfuzz.distance import JaroWinkler

ALIKE = 0.9
TOKENS_LIMIT = 20

_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_NOT_LETTERS = re.compile(r"[^\w\u0980-\u09ff]+|[\d_]+|[\u09e6-\u09ef]+")
_HONORIFICS = frozenset(
    (
        *("md", "mohd", "mohammad", "muhammad", "mohammed", "mst", "most", "mosammat", "mosammot", "musammat"),
        *("mr", "mrs", "ms", "miss", "dr", "prof", "engr", "alhaj", "haji"),
        *("মো", "মোঃ", "মোহাম্মদ", "মোহাম্মাদ", "মুহাম্মদ", "মোছা", "মোছাঃ", "মোসা", "মোসাঃ", "মোছাম্মৎ", "মোসাম্মৎ"),
        *("মোছাম্মত", "মোসাম্মত", "ডা", "ডাঃ", "ড", "আলহাজ"),
    )
)
_BANGLA = {
    "ক": "k", "খ": "k", "গ": "g", "ঘ": "g", "ঙ": "ng", "ং": "ng", "চ": "c", "ছ": "c", "জ": "j", "ঝ": "j", "ঞ": "n",
    "ট": "t", "ঠ": "t", "ড": "d", "ঢ": "d", "ণ": "n", "ত": "t", "থ": "t", "দ": "d", "ধ": "d", "ন": "n", "প": "p",
    "ফ": "f", "ব": "b", "ভ": "b", "ম": "m", "য": "j", "র": "r", "ল": "l", "শ": "s", "ষ": "s", "স": "s", "হ": "h",
    "ৎ": "t",
}  # fmt: skip
_LATIN_PAIRS = (
    ("kh", "k"), ("gh", "g"), ("ch", "c"), ("jh", "j"), ("th", "t"), ("dh", "d"), ("ph", "f"), ("bh", "b"), ("sh", "s"),
    ("q", "k"), ("x", "ks"), ("z", "j"), ("v", "b"), ("w", "b"), ("ck", "k"),
)  # fmt: skip
_DOUBLE = re.compile(r"(.)\1+")


@lru_cache(maxsize=4096)
def words_of(name: str) -> tuple[str, ...]:
    """The normalised words of a name, without honorifics (kept when nothing else is there)."""
    text = _INVISIBLE.sub("", unicodedata.normalize("NFC", name)).casefold()
    words = [word for word in _NOT_LETTERS.sub(" ", text).split() if word]
    return tuple(word for word in words if word not in _HONORIFICS)[:TOKENS_LIMIT] or tuple(words)[:TOKENS_LIMIT]


@lru_cache(maxsize=8192)
def skeleton(word: str) -> str:
    """The consonants of a word in Latin letters, the same for its Bangla and English spellings."""
    if is_bangla(word):
        consonants = "".join(_BANGLA.get(letter, "") for letter in unicodedata.normalize("NFD", word))
    else:
        consonants = "".join(c for c in unicodedata.normalize("NFKD", word) if c.isascii())
        for written, sound in _LATIN_PAIRS:
            consonants = consonants.replace(written, sound)
        consonants = re.sub("[^b-df-hj-np-tvwxz]", "", consonants)
    return _DOUBLE.sub(r"\1", consonants)


def is_bangla(text: str) -> bool:
    """Whether there is a Bangla letter in it."""
    return any("\u0980" <= letter <= "\u09ff" for letter in text)


def alike(one: str, other: str) -> bool:
    """Whether two names may be one person's: each word of the shorter has its like in the longer."""
    shorter, longer = sorted((words_of(one), words_of(other)), key=len)
    if not shorter:
        return one.strip().casefold() == other.strip().casefold()
    left = list(longer)
    for word in shorter:
        like = next((candidate for candidate in left if _word_alike(word, candidate)), None)
        if like is None:
            return False
        left.remove(like)
    return True


def _word_alike(one: str, other: str) -> bool:
    if one == other:
        return True
    bones, other_bones = skeleton(one), skeleton(other)
    if len(bones) > 1 and bones == other_bones:
        return True
    if is_bangla(one) != is_bangla(other):
        return min(len(bones), len(other_bones)) > 2 and JaroWinkler.similarity(bones, other_bones) >= ALIKE
    return JaroWinkler.similarity(one, other) >= ALIKE


def search_words(names: tuple[str, ...]) -> list[str]:
    """What a search by name looks at: words, and their skeletons behind a ``~``."""
    words = {word for name in names for word in words_of(name)}
    return sorted(words | {f"~{bones}" for word in words if len(bones := skeleton(word)) > 1})
