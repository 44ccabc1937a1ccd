"""Merge two persons who are one, or undo it."""

from __future__ import annotations

from shr_healthid.domain.ledger import Intake, Ledger, Wanted
from shr_healthid.domain.merging import Pair, merge, unmerge
from shr_healthid.domain.person import Change, Person
from shr_healthid.use_cases.register_person import Registry, raise_refusal


class MergePersons:
    """One unit of work: of two merges of one pair at the same time the second sees the first, and is refused."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def merge(self, pair: Pair, intake: Intake, change: Change) -> Person:
        """The survivor. Raises invalid and conflict, located at ``pair.at``."""

        def decide(ledger: Ledger) -> Person:
            outcome = merge(ledger, pair, intake, change)
            raise_refusal(outcome)
            assert outcome.person is not None  # noqa: S101 (refusals were raised)
            return outcome.person

        return await self._registry.change(_wanted(pair), decide)

    async def unmerge(self, pair: Pair, intake: Intake, change: Change) -> tuple[Person, Person]:
        """Both: the survivor, then the other one. Raises invalid and conflict, located at ``pair.at``."""

        def decide(ledger: Ledger) -> tuple[Person, Person]:
            outcome, retired = unmerge(ledger, pair, intake, change)
            raise_refusal(outcome)
            assert outcome.person is not None and retired is not None  # noqa: S101 (refusals were raised)
            return outcome.person, retired

        return await self._registry.change(_wanted(pair), decide)


def _wanted(pair: Pair) -> Wanted:
    return Wanted(persons=frozenset({pair.survivor, pair.retired}))
