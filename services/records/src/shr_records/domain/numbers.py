"""Which values are identity numbers, whatever a source calls them, and how they are hidden (invariant 10).

A source may write an NID or BRN as an identifier of its own: without a system, or under a system or type that only
says so in words. Such a value is masked in what is served and published like one with the national system.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from functools import lru_cache
from typing import Any

from shr_common.identifiers import BRN, KINDS, NID, is_brn, is_health_id, is_nid, latin_digits, masked

Node = dict[str, Any]
PERSONS = frozenset({"Patient", "RelatedPerson", "Person"})
SHORT = 7
"""A number with fewer characters hides itself only: within other texts it would meet what is none."""

_SEPARATORS = re.compile(r"[\s\-\u200b-\u200f]+")
_BANGLA = str.maketrans("0123456789", "০১২৩৪৫৬৭৮৯")
_NID_WORDS = re.compile(r"\bnid\b|\bnnbgd\b|\bni\b|national\W*id(?:entity|entification)?\b|জাতীয়\s*পরিচয়", re.IGNORECASE)
_BRN_WORDS = re.compile(r"\bbrn\b|\bbr\b|birth\W*reg(?:istration)?\b|জন্ম\s*নিবন্ধন", re.IGNORECASE)
_PATIENT_ID = re.compile(r"(?<=Patient/)(?:\d{17}|\d{13}|\d{10})(?=/|\?|#|$)", re.ASCII)


def compact(value: str) -> str:
    """The digits of a number that may be written in Bangla digits, with spaces or hyphens."""
    return _SEPARATORS.sub("", latin_digits(value))


def is_number_like(value: str) -> bool:
    """Whether a value has the form of an NID or BRN: 10, 13 or 17 digits."""
    digits = compact(value)
    return is_nid(digits) or is_brn(digits)


def called(identifier: Node) -> str | None:
    """The national system that an identifier has, or that its type or its own system means in words."""
    system = identifier.get("system")
    if system in KINDS:
        return None if KINDS[system] == "uhid" else str(system)
    own = system.rpartition("/")[2][:200] if type(system) is str else ""
    kind = identifier.get("type")
    return _meant(own + "\n" + _words(kind) if type(kind) is dict else own)


def _words(kind: Node) -> str:
    codings = kind.get("coding")
    said = [kind.get("text")]
    for coding in codings if type(codings) is list else ():
        if type(coding) is dict:
            said += [coding.get("code"), coding.get("display")]
    return "\n".join(text[:200] for text in said if type(text) is str)


@lru_cache(maxsize=1024)
def _meant(words: str) -> str | None:
    words = words.replace("_", " ").replace("য়", "য়")  # two spellings of one Bangla letter
    if _NID_WORDS.search(words):
        return NID
    return BRN if _BRN_WORDS.search(words) else None


def hides_in(identifier: Node, *, of_a_person: bool) -> str | None:
    """The number that an identifier holds, if it is one: called so, or a person's without any name and of its form."""
    value = identifier.get("value")
    if type(value) is not str or not value:
        return None
    if called(identifier) is not None:
        return value
    unnamed = "system" not in identifier and "type" not in identifier
    return value if of_a_person and unnamed and is_number_like(value) else None


def number_in_reference(reference: str) -> str | None:
    """The id in ``Patient/1990123456789``: a hospital may use the NID as its own number of a patient."""
    found = _PATIENT_ID.search(reference)
    return found.group(0) if found else None


def without_number_as_id(reference: str) -> str:
    """The reference with the digits of such an id hidden, still a valid reference."""
    return _PATIENT_ID.sub(lambda found: "x" * (len(found.group(0)) - 3) + found.group(0)[-3:], reference)


def hiding(numbers: Collection[str]) -> Callable[[str], str]:
    """A function that masks these numbers in a text, in every spelling, and leaves Health IDs whole."""
    spelled = {one for number in numbers for one in _spellings(number)}
    long = sorted((one for one in spelled if len(one) >= SHORT), key=len, reverse=True)
    pattern = re.compile("|".join(rf"\d*{re.escape(one)}\d*" for one in long)) if long else None

    def hidden(found: re.Match[str]) -> str:
        text = found.group(0)
        return text if is_health_id(text) else masked(text)

    def hide(text: str) -> str:
        if text in spelled:
            return masked(text)
        return pattern.sub(hidden, text) if pattern is not None else text

    return hide


def mentions(body: bytes, numbers: Collection[str]) -> bool:
    """Whether a JSON text may repeat one of the numbers; quick, and never wrong with No."""
    if b"\\u" in body:
        return True
    return any(one.encode() in body for number in numbers for one in _spellings(number))


@lru_cache(maxsize=4096)
def _spellings(number: str) -> tuple[str, ...]:
    digits = compact(number)
    forms = {number, digits, digits.translate(_BANGLA)}
    if len(digits) == 17:  # the birth year and the old 13 digits
        forms |= {digits[4:], digits[4:].translate(_BANGLA)}
    return tuple(form for form in forms if form)
