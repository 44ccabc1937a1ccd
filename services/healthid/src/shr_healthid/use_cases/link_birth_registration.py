"""A newborn's birth registration number arrives: verify it and give her the Health ID."""

from __future__ import annotations

from dataclasses import replace

from shr_common.errors import Issue, invalid, unavailable

from shr_healthid.domain.applicant import Applicant, read_applicant
from shr_healthid.domain.application import UNAVAILABLE, UNKNOWN, Proof
from shr_healthid.domain.confirmation import link_birth_registration
from shr_healthid.domain.evidence import known
from shr_healthid.domain.ledger import Wanted
from shr_healthid.domain.outcomes import Outcome
from shr_healthid.domain.person import Number, Person
from shr_healthid.use_cases.amend_person import intake_of
from shr_healthid.use_cases.prove_numbers import Hasher, ProveNumbers
from shr_healthid.use_cases.register_person import Registry, Submission, hashes_in, raise_refusal
from shr_healthid.use_cases.screen_newcomers import ScreenNewcomers, also


class LinkBirthRegistration:
    """Verify first, then settle; what was recorded under the provisional id stays where it is."""

    def __init__(self, registry: Registry, prove: ProveNumbers, hasher: Hasher, screening: ScreenNewcomers) -> None:
        self._registry = registry
        self._screening = screening
        self._prove = prove
        self._hasher = hasher

    async def __call__(self, person: Person, brn: str, submission: Submission, *, has_final: bool) -> Outcome:
        """Outcome created or existing. Raises invalid, conflict, unavailable (ask again: nothing was changed)."""
        final = self._final(person, submission) if has_final else None
        said = final.demographics if final else person.demographics
        number = Number("brn", brn, self._hasher.hash("brn", brn), senders=frozenset({submission.source}))
        is_known = bool(await self._registry.proven([number.hash]))
        proof = known(number) if is_known else (await self._prove([number], said))[0]
        _refuse_unproven(proof)
        wanted = Wanted(persons=frozenset({person.id}), numbers=frozenset(hashes_in([proof])))
        intake = intake_of(submission)
        others, decide = await self._screening.around(
            person,
            said,
            intake,
            lambda ledger: link_birth_registration(ledger, person.id, proof, intake, final=final),
        )
        outcome = await self._registry.change(also(wanted, others), decide, fresh=1)
        raise_refusal(outcome)
        return outcome

    def _final(self, person: Person, submission: Submission) -> Applicant:
        applicant = read_applicant(
            submission.patient,
            source=submission.source,
            today=submission.today,
            known_by=person.id,
            as_sent=submission.as_sent,
        )
        return replace(applicant, local_ids=())


def _refuse_unproven(proof: Proof) -> None:
    if proof.state == UNAVAILABLE:
        raise unavailable("The national service does not answer. The link was not made; ask again.", retry_after_s=5)
    if proof.state == UNKNOWN:
        issue = Issue("The national service knows no such BRN. Check the number.")
        raise invalid(
            issue.text,
            expression="Parameters.parameter.where(name='identifier').value.value",
            code="not-found",
            text_bn="জাতীয় তথ্যভান্ডারে এই BRN নেই। নম্বরটি মিলিয়ে দেখুন।",
        )
