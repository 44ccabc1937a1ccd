"""Graded candidates for a person who is looked for. Matching shows people and never links them.

Fellegi and Sunter (1969): each field that both sides say adds its weight (``domain/weights.py``) to the log2 odds that
both are one person. The grade ``certain`` asks for more than odds, since twins, fathers and sons, and namesakes of one
village agree in much: the whole name and the whole birth date have to agree, one more field that a family does not
share by chance, and nothing may contradict.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from shr_healthid.domain.comparison import Agreement, compare
from shr_healthid.domain.explanation import NUMBER_AGREES, NUMBERS_DIFFER, Part, part_of
from shr_healthid.domain.names import words_of
from shr_healthid.domain.person import Demographics, Number
from shr_healthid.domain.weights import Weights

NONE = "none"
CERTAIN = "certain"
RANKS = {CERTAIN: 0, "probable": 1, "possible": 2, NONE: 3}
ODDS_LIMIT = 60.0
_WHOLE = frozenset({"exact", "close", "cross_script"})
_NO_OTHER = _WHOLE | {"partial"}
_SUPPORTS = {"father": _WHOLE, "mother": _WHOLE, "phone": frozenset({"exact"}), "place": frozenset({"exact", "close"})}
_CONTRADICTIONS = frozenset({"gender", "father", "mother"})

Verified = frozenset[tuple[str, int, str]]


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who may be meant. ``verified``: kind, length and keyed hash of her verified numbers."""

    id: str
    demographics: Demographics
    verified: Verified = frozenset()


@dataclass(frozen=True, slots=True)
class Match:
    """A candidate with her grade; ``odds`` in bits, ``score`` the probability that they stand for."""

    candidate: Candidate
    odds: float
    grade: str
    parts: tuple[Part, ...] = field(default=())

    @property
    def score(self) -> float:
        """From 0 to 1."""
        return round(1.0 / (1.0 + math.exp2(-self.odds)), 6)


def match(
    said: Demographics,
    candidates: Iterable[Candidate],
    weights: Weights,
    *,
    proven: frozenset[str] = frozenset(),
    verified: Verified = frozenset(),
) -> list[Match]:
    """Candidates worth showing, best first.

    ``proven``: ids of those whose verified number was given. ``verified``: the verified numbers of whom is looked for.
    """
    found = [graded(said, one, weights, proven=one.id in proven, verified=verified) for one in candidates]
    return sorted((m for m in found if m.grade != NONE), key=lambda m: (RANKS[m.grade], -m.odds, m.candidate.id))


def graded(
    said: Demographics, one: Candidate, weights: Weights, *, proven: bool = False, verified: Verified = frozenset()
) -> Match:
    """One candidate, graded."""
    agreements = compare(said, one.demographics)
    weighed = [(agreement, weights.of_agreement(agreement)) for agreement in agreements]
    odds = max(-ODDS_LIMIT, min(ODDS_LIMIT, weights.prior + sum(weight for _, weight in weighed)))
    parts = [part_of(a.field, a.level, weight) for a, weight in weighed]
    grade = _grade(agreements, odds, weights)
    if proven:
        parts.insert(0, NUMBER_AGREES)
        if _contradicts(agreements):
            grade = grade if RANKS[grade] < RANKS[NONE] else "possible"
        else:
            grade, odds = "certain", ODDS_LIMIT
    elif are_two(verified, one.verified):
        parts.insert(0, NUMBERS_DIFFER)
    return Match(one, odds, grade, tuple(parts))


def _grade(agreements: Sequence[Agreement], odds: float, weights: Weights) -> str:
    for grade, least in weights.grades.items():
        if odds >= least and (grade != "certain" or is_beyond_doubt(agreements)):
            return grade
    return NONE


def is_beyond_doubt(agreements: Sequence[Agreement]) -> bool:
    """Whether no twin, parent or namesake would agree like this."""
    levels = {agreement.field: agreement.level for agreement in agreements}
    names = [level for one in agreements if one.field == "name" for level in (one.level, *(lv for lv, _ in one.others))]
    # every form in which both wrote the name: by a slip in one form Hasan sounds like Hossain
    if levels.get("name") not in _WHOLE or not _NO_OTHER.issuperset(names) or levels.get("birth_date") != "exact":
        return False
    if any(levels.get(one) == "differs" for one in _CONTRADICTIONS):
        return False
    return any(levels.get(one) in enough for one, enough in _SUPPORTS.items())


def _contradicts(agreements: Sequence[Agreement]) -> bool:
    return any(a.field in ("name", "birth_date") and a.level in ("differs", "far") for a in agreements)


def verified_of(numbers: Iterable[Number]) -> Verified:
    """Verified numbers as two sides compare them."""
    return frozenset((number.kind, len(number.value), number.hash) for number in numbers if number.verified)


def are_two(one: Verified, other: Verified) -> bool:
    """Whether both have a verified number of one kind and length, and not the same."""
    theirs = {(kind, length): hash_ for kind, length, hash_ in other}
    return any(theirs.get((kind, length), hash_) != hash_ for kind, length, hash_ in one)


def is_searchable(said: Demographics) -> bool:
    """Whether there is enough to look for somebody."""
    return any(words_of(name) for name in said.names) or bool(said.birth_date and len(said.birth_date) == 10)
