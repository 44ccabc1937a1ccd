"""How a name may be written: in Bangla or Latin letters, each word in one of them, without characters that deceive.

Joiners between Bangla letters shape conjuncts and are right. Other invisible characters are ignored when names are
compared, and named in a warning; those that turn the direction of writing can show another name than is stored.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from shr_common.errors import Issue

NAME_CHARACTERS_LIMIT = 300
RULE = "name-characters"
_JOINERS = "\u200c\u200d"
_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_INVISIBLE = frozenset("\u00ad\u180e\u200b\u2060\u2061\u2062\u2063\u2064\ufeff")
_SCRIPTS = ("BENGALI", "LATIN")
Name = dict[str, Any]


def name_issues(patient: dict[str, Any]) -> Iterator[Issue]:
    """What is wrong with the names of a valid Patient, where it stands; ``severity`` says whether it is refused."""
    for index, name in enumerate(patient.get("name", ())):
        for place, text in _texts(name):
            yield from _issues(text, f"Patient.name[{index}].{place}")


def _texts(name: Name) -> Iterator[tuple[str, str]]:
    for member in ("text", "family"):
        if name.get(member):
            yield member, name[member]
    for member in ("given", "prefix", "suffix"):
        yield from ((f"{member}[{n}]", part) for n, part in enumerate(name.get(member, ())) if part)
    for holder, at in ((name, ""), (name.get("_text") or {}, "text.")):
        for n, extension in enumerate(holder.get("extension", ())):
            if isinstance(extension.get("valueString"), str):
                yield f"{at}extension[{n}].valueString", extension["valueString"]


def _issues(text: str, at: str) -> Iterator[Issue]:
    if len(text) > NAME_CHARACTERS_LIMIT:
        yield Issue(f"A name may have {NAME_CHARACTERS_LIMIT} characters at most.", expression=at, code="too-long",
                    text_bn=f"নাম সর্বোচ্চ {NAME_CHARACTERS_LIMIT} অক্ষরের হতে পারে।", rule=RULE)  # fmt: skip
        return
    if text.isascii() and text.isprintable():
        return
    if bad := _first(text, lambda c, _: c in _TURNING or unicodedata.category(c) in ("Cc", "Co", "Cn")):
        yield _issue(at, f"This name holds {bad}, which can make it look like another one. Type it again.",
                     f"নামে {bad} আছে, যা অন্য নাম দেখাতে পারে। নামটি আবার লিখুন।")  # fmt: skip
    elif other := next((word for word in text.split() if len(_scripts(word)) > 1), None):
        both = " and ".join(sorted(_scripts(other)))
        yield _issue(at, f"A word mixes letters of {both}. Write each word in one script.",
                     "একটি শব্দে দুই লিপির অক্ষর আছে। প্রতিটি শব্দ এক লিপিতে লিখুন।")  # fmt: skip
    elif foreign := _scripts(text) - set(_SCRIPTS):
        yield _issue(at, f"Write the name in Bangla or Latin letters, not in those of {', '.join(sorted(foreign))}.",
                     "নাম বাংলা বা ইংরেজি অক্ষরে লিখুন।")  # fmt: skip
    elif odd := _first(text, lambda c, before: c in _INVISIBLE or (c in _JOINERS and not _is_bangla(before))):
        yield _issue(at, f"This name holds {odd}, which nobody sees. It is kept and ignored.",
                     f"নামে অদৃশ্য {odd} আছে। তা রাখা হলো, কিন্তু গণ্য হবে না।", severity="warning")  # fmt: skip


def _issue(at: str, text: str, text_bn: str, *, severity: str = "error") -> Issue:
    return Issue(text, expression=at, code="value", severity=severity, rule=RULE, text_bn=text_bn)


def _first(text: str, is_bad: Any) -> str | None:
    """The first such character, by its code point and place (from 1 on)."""
    for place, character in enumerate(text):
        if is_bad(character, text[place - 1 : place]):
            return f"U+{ord(character):04X} ({place + 1})"
    return None


def _is_bangla(character: str) -> bool:
    return "\u0980" <= character <= "\u09ff"


def _scripts(text: str) -> set[str]:
    return {script for character in text if (script := _script(character))}


@lru_cache(maxsize=4096)
def _script(character: str) -> str | None:
    """BENGALI, LATIN, ARABIC, …: the first word of a letter's name; None for what belongs to all scripts."""
    if unicodedata.category(character)[0] != "L":
        return None
    name = unicodedata.name(character, "").removeprefix("FULLWIDTH ").removeprefix("MODIFIER LETTER ")
    first = name.partition(" ")[0]
    return None if first in ("FEMININE", "MASCULINE", "") else first
