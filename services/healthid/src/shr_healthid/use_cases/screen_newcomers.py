"""Find who may be the same as somebody who is about to get a Health ID, before the unit of work that gives it.

One look-up for a whole batch, outside the transaction: it costs a registration some hundredths of a millisecond, and no
worker has to come after. Two servers that register one person under two numbers in the same instant miss each other;
``$match`` and the next registration do not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from shr_healthid.domain.ledger import Intake, Ledger, Wanted
from shr_healthid.domain.matching import Candidate, Match, match
from shr_healthid.domain.person import Demographics, Person
from shr_healthid.domain.screening import screen, worth_asking
from shr_healthid.domain.weights import Weights

T = TypeVar("T")
LOADED_LIMIT = 4
"""Candidates of one person who are loaded with the unit of work."""


class Nearby(Protocol):
    """Look-ups by what people are known by."""

    async def near_each(self, described: Sequence[Demographics]) -> list[list[Candidate]]:
        """Who may be meant by each, in order."""


@dataclass(frozen=True, slots=True)
class Suspects:
    """Matches of each description, in order. ``wanted``: the persons whom the unit of work has to load."""

    matches: list[list[Match]]

    @property
    def wanted(self) -> frozenset[str]:
        """Ids of all of them."""
        return frozenset(one.candidate.id for found in self.matches for one in found)


class ScreenNewcomers:
    """Candidates before, questions to reviewers within the unit of work."""

    def __init__(self, nearby: Nearby, weights: Weights) -> None:
        self._nearby = nearby
        self._weights = weights

    async def suspects(self, described: Sequence[Demographics | None]) -> Suspects:
        """Who may be the same as each; None: nobody is looked for."""
        places = [place for place, said in enumerate(described) if said is not None]
        found = await self._nearby.near_each([said for said in described if said is not None]) if places else []
        matches: list[list[Match]] = [[] for _ in described]
        for place, candidates in zip(places, found, strict=True):
            said = described[place]
            assert said is not None  # noqa: S101 (chosen above)
            matches[place] = worth_asking(match(said, candidates, self._weights))[:LOADED_LIMIT]
        return Suspects(matches)

    def ask(self, ledger: Ledger, settled: Sequence[tuple[Person | None, Intake]], suspects: Suspects) -> None:
        """Ask about those who got their Health ID in this unit of work. ``settled``: in the order of the suspects."""
        issued = {person.id for person in ledger.issued}
        screen(
            ledger,
            [
                (person, intake, found)
                for (person, intake), found in zip(settled, suspects.matches, strict=True)
                if person is not None and person.id in issued
            ],
            self._weights,
        )

    async def around(
        self, person: Person, said: Demographics, intake: Intake, decide: Callable[[Ledger], T]
    ) -> tuple[frozenset[str], Callable[[Ledger], T]]:
        """A unit of work that may give one person her Health ID: whom it has to load as well, and its decision."""
        suspects = await self.suspects([said])
        suspects.matches[0] = [one for one in suspects.matches[0] if one.candidate.id != person.id]

        def screened(ledger: Ledger) -> T:
            result = decide(ledger)
            self.ask(ledger, [(ledger.current(person.id), intake)], suspects)
            return result

        return suspects.wanted, screened


def also(wanted: Wanted, persons: frozenset[str]) -> Wanted:
    """The same with further persons."""
    return replace(wanted, persons=wanted.persons | persons) if persons else wanted
