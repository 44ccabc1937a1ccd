"""Put new demographics of a person, at once or after a second person's approval; or her guardians."""

from __future__ import annotations

from dataclasses import dataclass, replace

from shr_healthid.domain.amendment import set_guardian
from shr_healthid.domain.applicant import read_applicant
from shr_healthid.domain.approving import Asked, Policy, propose
from shr_healthid.domain.cases import Actor, Approval
from shr_healthid.domain.ledger import Intake, Ledger, Wanted
from shr_healthid.domain.outcomes import Outcome
from shr_healthid.domain.person import Change, Person
from shr_healthid.use_cases.prove_numbers import Hasher
from shr_healthid.use_cases.register_person import Registry, Submission, raise_refusal


@dataclass(frozen=True, slots=True)
class Amended:
    """The person as she is now; with the approval that the change waits for, if it does."""

    person: Person
    approval: Approval | None = None


class AmendPerson:
    """A source changes whom it registered, a registrar anyone."""

    def __init__(self, registry: Registry, hasher: Hasher, policy: Policy) -> None:
        self._registry = registry
        self._hasher = hasher
        self._policy = policy

    async def __call__(
        self,
        person: Person,
        submission: Submission,
        actor: Actor,
        *,
        if_version: int | None,
        any_person: bool,
        reason: str | None = None,
    ) -> Amended:
        """The new state, or the old one and what it waits for. Raises invalid, forbidden, conflict (412 ``stale``)."""
        applicant = read_applicant(
            submission.patient,
            source=submission.source,
            today=submission.today,
            known_by=person.id,
            as_sent=submission.as_sent,
        )
        asked = Asked(
            applicant=applicant,
            intake=replace(intake_of(submission), body=submission.body),
            actor=actor,
            hashes=frozenset(self._hasher.hash(claimed.kind, claimed.value) for claimed in applicant.numbers),
            if_version=if_version,
            reason=reason,
            any_person=any_person,
        )
        ids = frozenset({person.id})
        outcome, approval = await self._registry.change(
            Wanted(persons=ids, local_ids=frozenset(applicant.local_ids), waiting_of=ids),
            lambda ledger: propose(ledger, person.id, asked, self._policy),
        )
        return Amended(_person(outcome), approval)

    async def guardian(
        self, person_id: str, guardian_id: str, intake: Intake, change: Change, *, ends: bool
    ) -> Person:  # fmt: skip
        """Add or end a guardian. Raises invalid, not_found."""

        def decide(ledger: Ledger) -> Outcome:
            return set_guardian(ledger, person_id, guardian_id, intake, change, ends=ends)

        return _person(await self._registry.change(Wanted(persons=frozenset({person_id, guardian_id})), decide))


def intake_of(submission: Submission) -> Intake:
    """Who changes what, when; not a registration."""
    return Intake(
        id="",
        digest="",
        source=submission.source,
        facility=submission.facility,
        channel=submission.channel,
        at=submission.at,
        traceparent=submission.traceparent,
    )


def _person(outcome: Outcome) -> Person:
    raise_refusal(outcome)
    assert outcome.person is not None  # noqa: S101 (an outcome without issue has one)
    return outcome.person
