"""Whether two statements about a person can be about one person."""

from __future__ import annotations

from shr_healthid.domain.names import alike
from shr_healthid.domain.person import Demographics

IN_WORDS = {
    "name": ("the name", "নাম"),
    "birth_date": ("the date of birth", "জন্ম তারিখ"),
    "gender": ("the gender", "লিঙ্গ"),
}
"""What a caller is told about a difference: the kind of it, never the other side's value."""

_COMPARABLE_GENDERS = frozenset({"male", "female", "other"})


def differences(one: Demographics, other: Demographics) -> tuple[str, ...]:
    """What contradicts: ``name``, ``birth_date``, ``gender``. What one side does not say contradicts nothing."""
    found = []
    if one.names and other.names and not any(alike(a, b) for a in one.names for b in other.names):
        found.append("name")
    if one.birth_date and other.birth_date and not same_date(one.birth_date, other.birth_date):
        found.append("birth_date")
    genders = {one.gender, other.gender}
    if len(genders) == 2 and genders <= _COMPARABLE_GENDERS:
        found.append("gender")
    return tuple(found)


def same_date(one: str, other: str) -> bool:
    """Whether two dates agree as far as both are precise (``1985`` agrees with ``1985-05-20``)."""
    precision = min(len(one), len(other), 10)
    return one[:precision] == other[:precision]
