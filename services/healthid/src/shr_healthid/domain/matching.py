"""Graded candidates for a person who is looked for: Fellegi-Sunter weights that a registrar can follow.

Each field adds log2(m/u) when it agrees and log2((1-m)/(1-u)) when it does not: ``m`` is how often it agrees for one
person (typing errors), ``u`` for two (namesakes). What one side does not say adds nothing. Matching shows candidates
and never links.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import log2

from shr_healthid.domain.demographics import same_date
from shr_healthid.domain.names import alike, words_of
from shr_healthid.domain.person import Demographics, Person

PRIOR = -8.0
"""log2 odds before any field is seen: one of some hundred candidates of a block."""

_M_U = {
    "name": (0.95, 0.002),
    "birth_date": (0.96, 0.0001),
    "birth_year": (0.98, 0.02),
    "gender": (0.99, 0.5),
    "district": (0.85, 0.05),
    "upazila": (0.80, 0.005),
    "mobile": (0.60, 0.00001),
}
_GRADES = ((0.999, "certain"), (0.9, "probable"), (0.2, "possible"))


@dataclass(frozen=True, slots=True)
class Match:
    """A candidate: ``score`` from 0 to 1, ``grade``, and each field's part in words."""

    person: Person
    score: float
    grade: str
    explanation: tuple[str, ...]


def match(said: Demographics, candidates: list[Person], proven: frozenset[str]) -> list[Match]:
    """Candidates worth showing, best first. ``proven``: ids of those whose verified number was given."""
    matches = [_match(said, person, person.id in proven) for person in candidates]
    return sorted((m for m in matches if m.grade != "none"), key=lambda m: (-m.score, m.person.id))


def _match(said: Demographics, person: Person, proven: bool) -> Match:
    parts = list(_parts(said, person.demographics))
    explanation = [f"{field} {'agrees' if agrees else 'differs'} ({weight:+.1f})" for field, agrees, weight in parts]
    odds = PRIOR + sum(weight for _, _, weight in parts)
    score = 1 / (1 + 2.0 ** -max(min(odds, 60.0), -60.0))
    if proven:
        differs = [field for field, agrees, _ in parts if not agrees and field in ("name", "birth_date", "birth_year")]
        explanation.insert(0, "verified number agrees")
        score = score if differs else 1.0
    grade = next((name for least, name in _GRADES if score >= least), "possible" if proven else "none")
    return Match(person, round(score, 4), grade, tuple(explanation))


def _parts(said: Demographics, other: Demographics) -> Iterator[tuple[str, bool, float]]:
    if said.names and other.names:
        yield _weighed("name", any(alike(a, b) for a in said.names for b in other.names))
    if said.birth_date and other.birth_date:
        precise = min(len(said.birth_date), len(other.birth_date)) >= 10
        yield _weighed("birth_date" if precise else "birth_year", same_date(said.birth_date, other.birth_date))
    for field in ("gender", "district", "upazila", "mobile"):
        one, two = getattr(said, field), getattr(other, field)
        if one and two:
            yield _weighed(field, one == two)


def _weighed(field: str, agrees: bool) -> tuple[str, bool, float]:
    m, u = _M_U[field]
    return field, agrees, log2(m / u) if agrees else log2((1 - m) / (1 - u))


def is_searchable(said: Demographics) -> bool:
    """Whether there is enough to look for somebody."""
    return any(words_of(name) for name in said.names) or bool(said.birth_date and len(said.birth_date) == 10)
