"""After somebody got her Health ID: does the registry have her already? A question for a reviewer, never a link.

What looks certain stands on top of the queue, what is only possible below. Who has another verified number of the same
kind is somebody else by the national registers (twins, namesakes); only if everything else looks certain is a reviewer
asked about such two, since then one of the numbers may be wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from shr_healthid.domain.blocking import keys_of
from shr_healthid.domain.explanation import NUMBERS_DIFFER
from shr_healthid.domain.ledger import Intake, Ledger
from shr_healthid.domain.matching import CERTAIN, Candidate, Match, are_two, match, verified_of
from shr_healthid.domain.person import Person
from shr_healthid.domain.weights import Weights

KIND = "possible-duplicate"
ASKED_LIMIT = 2
"""Questions about one new person: the likeliest."""
TOGETHER_LIMIT = 8
"""Persons of the same batch that one is compared with."""
LEAST_SCORE = 0.5
"""What is less likely than this is shown by ``$match``, but asked of nobody."""
_BEYOND_DOUBT = 0.99
_LIKELY = 0.9


def worth_asking(matches: Iterable[Match]) -> list[Match]:
    """Those of whom a reviewer may be asked."""
    return [found for found in matches if found.grade == CERTAIN or found.score >= LEAST_SCORE]


def screen(ledger: Ledger, newcomers: Sequence[tuple[Person, Intake, Sequence[Match]]], weights: Weights) -> None:
    """Ask about each person who just got her Health ID. The matches were found before; their persons are loaded.

    Those who came in together are compared with each other here: no look-up could find them yet.
    """
    met: dict[str, list[Candidate]] = {}
    for person, intake, matches in newcomers:
        keys = keys_of(person.demographics, weights.words)
        earlier = {one.id: one for key in keys for one in met.get(key, ()) if one.id != person.id}
        together = worth_asking(match(person.demographics, list(earlier.values())[:TOGETHER_LIMIT], weights))
        found = sorted((*matches, *together), key=lambda one: (one.grade != CERTAIN, -one.odds))
        _ask(ledger, person, intake, found)
        for key in keys:
            met.setdefault(key, []).append(Candidate(person.id, person.demographics))


def _ask(ledger: Ledger, person: Person, intake: Intake, found: Sequence[Match]) -> None:
    asked: set[str] = set()
    for one in found:
        other = ledger.current(one.candidate.id)
        if other is None or len(asked) == ASKED_LIMIT:
            continue
        other = ledger.root(other)
        if other.id == ledger.root(person).id or other.id in asked or person.id in other.guardians:
            continue
        two = are_two(verified_of(person.numbers), verified_of(other.numbers))
        if two and one.grade != CERTAIN:
            continue
        asked.add(other.id)
        ledger.review(KIND, [person, other], intake, certainty=certainty_of(one), **about(one, two=two))


def certainty_of(found: Match) -> float:
    """Where a question stands in the queue: all that looks certain before all that does not."""
    return _BEYOND_DOUBT if found.grade == CERTAIN else round(_LIKELY * found.score, 4)


def about(found: Match, *, two: bool) -> dict[str, Any]:
    """What the reviewer is told: grade, score, and each field's part in both languages."""
    parts = [*([NUMBERS_DIFFER] if two else []), *found.parts]
    return {"grade": found.grade, "score": found.score, "explanation": [asdict(part) for part in parts]}
