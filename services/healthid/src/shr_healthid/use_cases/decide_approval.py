"""A second person approves a change of somebody's data, or rejects it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from shr_common.errors import not_found

from shr_healthid.domain.applicant import Applicant, read_applicant
from shr_healthid.domain.approving import decide
from shr_healthid.domain.body import Body
from shr_healthid.domain.cases import APPROVE, Approval, Decision
from shr_healthid.domain.ledger import Intake, Ledger, Wanted
from shr_healthid.domain.outcomes import Outcome
from shr_healthid.domain.person import Person
from shr_healthid.use_cases.register_person import Registry, raise_refusal


class DecideApproval:
    """What was asked for is read again from what was sent. ``parse`` reads a body."""

    def __init__(self, registry: Registry, parse: Callable[[bytes], Body]) -> None:
        self._registry = registry
        self._parse = parse

    async def __call__(
        self, approval: Approval, decision: Decision, *, today: date, traceparent: str | None
    ) -> tuple[Approval, Person]:
        """The approval as decided, and the person as she is now. Raises not_found, conflict, forbidden."""
        applicant = self._applicant(approval, today) if decision.verdict == APPROVE else None
        intake = Intake(
            id="",
            digest="",
            source=approval.source,
            facility=approval.facility,
            channel="approval",
            at=decision.at,
            traceparent=traceparent,
        )

        def settle(ledger: Ledger) -> tuple[Outcome, Approval | None]:
            outcome, decided = decide(ledger, approval.id, decision, applicant, intake)
            raise_refusal(outcome)
            return outcome, decided

        wanted = Wanted(
            approvals=frozenset({approval.id}),
            persons=frozenset({approval.person}),
            local_ids=frozenset(applicant.local_ids if applicant else ()),
        )
        outcome, decided = await self._registry.change(wanted, settle)
        if decided is None or outcome.person is None:
            raise not_found("There is no such change.")
        return decided, outcome.person

    def _applicant(self, approval: Approval, today: date) -> Applicant:
        body = self._parse(approval.body)
        return read_applicant(
            body.tree, source=approval.source, today=today, known_by=approval.person, as_sent=body.as_sent
        )
