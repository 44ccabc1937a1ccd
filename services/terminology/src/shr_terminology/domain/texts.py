"""The text filter of ``$expand``: every asked word begins a word of one of the concept's names, or its code."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from shr_terminology.domain.answers import Entry

WORDS_LIMIT = 10


def words_of(text: str) -> list[str]:
    """The words of a text, folded for comparison; Bangla vowel signs stay part of their word."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    kept = (c if c.isalnum() or unicodedata.category(c) in ("Mn", "Mc") or c in ".-" else " " for c in folded)
    return "".join(kept).split()[:200]


def matches_text(entry: Entry, asked: Sequence[str]) -> bool:
    """Whether an entry answers to all asked words."""
    names = [entry.code, entry.display or "", *(one.value for one in entry.designations)]
    words = [word for name in names for word in words_of(name)]
    return all(any(word.startswith(start) for word in words) for start in asked[:WORDS_LIMIT])
