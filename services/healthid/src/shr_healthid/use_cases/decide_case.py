"""A reviewer takes a case of the queue, and decides it once."""

from __future__ import annotations

from shr_healthid.domain.cases import Actor, Case, Decision
from shr_healthid.domain.ledger import Intake, Ledger, Wanted
from shr_healthid.domain.reviewing import assign, decide
from shr_healthid.use_cases.register_person import Registry, raise_refusal


class DecideCase:
    """A decision and the merge that follows from it are one unit of work; a refusal leaves nothing behind."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def assign(self, case_id: str, actor: Actor, *, to: str, take_over: bool) -> Case:
        """The case, taken by ``to``. Raises not_found, conflict."""

        def take(ledger: Ledger) -> Case:
            outcome, case = assign(ledger, case_id, actor, to=to, take_over=take_over)
            raise_refusal(outcome)
            assert case is not None  # noqa: S101 (refusals were raised)
            return case

        return await self._registry.change(Wanted(cases=frozenset({case_id})), take)

    async def __call__(self, case: Case, decision: Decision, intake: Intake) -> Case:
        """The decided case. Raises invalid, not_found, conflict (decided already, or the merge cannot be)."""

        def settle(ledger: Ledger) -> Case:
            outcome, decided = decide(ledger, case.id, decision, intake)
            raise_refusal(outcome)
            assert decided is not None  # noqa: S101 (refusals were raised)
            return decided

        persons = frozenset({*case.persons, *filter(None, [decision.survivor])})
        return await self._registry.change(Wanted(cases=frozenset({case.id}), persons=persons), settle, fresh=1)
