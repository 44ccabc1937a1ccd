"""What the stand-in answers. Pure: the same question and the same memory give the same answer.

It verifies every well-formed number and echoes the demographics of the question, but for a number that ends in
``000`` (unknown), ``998`` (exists, with another name and date of birth) and ``999`` (the service is down).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

LENGTHS = {"nid": (10, 13, 17), "brn": (17,)}
OTHER_PEOPLE = (
    ("Rahima Khatun", "রহিমা খাতুন", "1961-03-02"),
    ("Abdul Mannan", "আব্দুল মান্নান", "1957-11-19"),
    ("Shefali Das", "শেফালী দাস", "1949-07-24"),
    ("Kamal Uddin", "কামাল উদ্দিন", "1972-01-08"),
)
"""Whom a number ending in 998 belongs to: the first who differs from the question in name, Bangla name and date (one
more than a question has such things, so that there always is one)."""

_BANGLA = re.compile("[ঀ-৿]")
_YEAR = re.compile(r"\d{4}", re.ASCII)


class Verdict(StrEnum):
    """How the service answers."""

    VERIFIED = "verified"
    MALFORMED = "malformed"
    UNKNOWN = "unknown"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Citizen:
    """Demographics as the national register states them; None where the question stated nothing to echo."""

    name: str | None
    name_bangla: str | None
    birth_date: str | None
    gender: str | None


Forms = Mapping[str, str]
"""The forms of one NID by their length: ``{"10": …, "13": …, "17": …}``."""


def judge(kind: str, number: str) -> Verdict:
    """What becomes of a question about this number."""
    if not (number.isascii() and number.isdigit() and len(number) in LENGTHS[kind]):
        return Verdict.MALFORMED
    ending = {"000": Verdict.UNKNOWN, "999": Verdict.DOWN}
    return ending.get(number[-3:], Verdict.VERIFIED)


def citizen_of(number: str, asked: Citizen) -> Citizen:
    """The person behind a verified number: the one asked about, or somebody else for ``…998``."""
    if number.endswith("998"):
        name, name_bangla, birth_date = next(
            other
            for other in OTHER_PEOPLE
            if asked.name not in other[:2] and asked.name_bangla != other[1] and asked.birth_date != other[2]
        )
        return Citizen(name, name_bangla, birth_date, asked.gender)
    bangla = asked.name_bangla or (asked.name if asked.name and _BANGLA.search(asked.name) else None)
    return Citizen(asked.name, bangla, asked.birth_date, asked.gender)


def forms_of(number: str, birth_date: str | None, known: Forms) -> dict[str, str]:
    """The forms of an NID: the last ten digits of the thirteen; the birth year before the thirteen.

    ``known`` is what was told before under the same last ten digits.
    """
    if len(number) == 17:
        return {"10": number[7:], "13": number[4:], "17": number}
    if len(number) == 10:
        return {**known, "10": number}
    forms = {"10": number[3:], "13": number}
    year = _YEAR.match(birth_date or "")
    if year:
        forms["17"] = f"{year.group()}{number}"
    elif known.get("13") == number and "17" in known:
        forms["17"] = known["17"]
    return forms
