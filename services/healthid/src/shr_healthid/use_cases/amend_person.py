"""Put new demographics of a person, or her guardians."""

from __future__ import annotations

from shr_common.errors import forbidden

from shr_healthid.domain.amendment import amend, set_guardian
from shr_healthid.domain.applicant import read_applicant
from shr_healthid.domain.ledger import Intake, Ledger, Wanted
from shr_healthid.domain.outcomes import Outcome
from shr_healthid.domain.person import Person
from shr_healthid.use_cases.prove_numbers import Hasher
from shr_healthid.use_cases.register_person import Registry, Submission, raise_refusal


class AmendPerson:
    """A source changes whom it registered, a registrar anyone."""

    def __init__(self, registry: Registry, hasher: Hasher) -> None:
        self._registry = registry
        self._hasher = hasher

    async def __call__(
        self, person: Person, submission: Submission, *, if_version: int | None, any_person: bool
    ) -> Person:
        """The new state. Raises invalid, forbidden, conflict (412 ``stale``)."""
        if not any_person and submission.source not in person.sources:
            raise forbidden(
                "Only a source that registered this person may change her data. First POST /fhir/Patient.",
                text_bn="যে উৎস তাঁকে নিবন্ধন করেছে কেবল সে-ই তথ্য বদলাতে পারে। আগে POST /fhir/Patient করুন।",
            )
        applicant = read_applicant(
            submission.patient,
            source=submission.source,
            today=submission.today,
            known_by=person.id,
            as_sent=submission.as_sent,
        )
        hashes = frozenset(self._hasher.hash(claimed.kind, claimed.value) for claimed in applicant.numbers)
        wanted = Wanted(persons=frozenset({person.id}), local_ids=frozenset(applicant.local_ids))
        outcome = await self._registry.change(
            wanted,
            lambda ledger: amend(
                ledger, person.id, applicant, intake_of(submission), sent_hashes=hashes, if_version=if_version
            ),
        )
        return _person(outcome)

    async def guardian(self, person_id: str, guardian_id: str, intake: Intake, *, ends: bool) -> Person:
        """Add or end a guardian. Raises invalid, not_found."""

        def decide(ledger: Ledger) -> Outcome:
            return set_guardian(ledger, person_id, guardian_id, intake, ends=ends)

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
