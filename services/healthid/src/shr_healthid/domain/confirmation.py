"""What later proof makes of a provisional person: her Health ID, an existing person, or a question for a reviewer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from shr_common.errors import Issue

from shr_healthid.domain.applicant import Applicant
from shr_healthid.domain.application import CONTRADICTED, UNKNOWN, Proof, grouped
from shr_healthid.domain.demographics import differences
from shr_healthid.domain.joining import absorb, compatible, contradictions, promote
from shr_healthid.domain.ledger import Intake, Ledger
from shr_healthid.domain.merging import merged_into
from shr_healthid.domain.outcomes import Outcome, conflict_over, refused
from shr_healthid.domain.person import Demographics, Number, Person


def confirm(ledger: Ledger, person_id: str, proofs: Sequence[Proof], intake: Intake) -> Person | None:
    """Settle a provisional person by proof of her numbers. Answers her new state; None if there is nobody."""
    person = ledger.current(person_id)
    if person is None or person.is_active or person.is_retired:
        return person
    refuted = next((proof for proof in proofs if proof.state in (CONTRADICTED, UNKNOWN)), None)
    if refuted is not None:
        ledger.review(f"verification-{refuted.state}", [person], intake,
                      national=_side(refuted.citizen), number_kind=refuted.number.kind)  # fmt: skip
        return _left_open(ledger, person)
    usable = [proof for proof in proofs if proof.usable]
    if not usable:
        return person
    group = grouped([*usable, *(p for p in proofs if not p.usable)], None)
    owners = [o for o in ledger.owners_of(number.hash for number in group.numbers) if o.id != person.id]
    same = ledger.distinct(
        o for o in owners if compatible(o, group.numbers) and not contradictions(ledger, o, person.demographics)
    )
    if len(same) == 1:
        return absorb(ledger, person, same[0], intake)
    if _is_anothers(ledger, person, group.numbers):
        ledger.review("demographics-differ", [person, *owners], intake)
        return _left_open(ledger, person)
    return promote(ledger, person, group.numbers, intake)


def link_birth_registration(
    ledger: Ledger, person_id: str, proof: Proof, intake: Intake, *, final: Applicant | None
) -> Outcome:
    """A newborn's BRN was verified: her Health ID, under which everything recorded for her stays hers.

    ``final`` has her name and date as registered. Repeats of the same link are harmless.
    """
    person = ledger.current(person_id)
    if person is None:
        return Outcome("unknown")
    said = final.demographics if final else person.demographics
    if person.is_retired:
        return refused("conflict", merged_into(ledger, person))
    if person.is_active:
        if proof.number.hash in {number.hash for number in person.numbers}:
            return Outcome("existing", person)
        text = "This person has her Health ID already; another number is added by POST /fhir/Patient."
        bangla = "এই ব্যক্তির হেলথ আইডি আগে থেকেই আছে; অন্য নম্বর POST /fhir/Patient দিয়ে যোগ করুন।"
        return refused("conflict", Issue(text, code="business-rule", text_bn=bangla))
    if proof.state == CONTRADICTED:
        review = ledger.review("verification-mismatch", [person], intake, national=_side(proof.citizen))
        return conflict_over(differences(said, proof.citizen or Demographics()), review, who="the national service")
    numbers = (proof.number, *proof.forms)
    owners = ledger.owners_of([proof.number.hash])
    if owners:
        differing = contradictions(ledger, owners[0], said)
        if differing:
            review = ledger.review("demographics-differ", [person, owners[0]], intake)
            return conflict_over(differing, review, who="the registry")
        return Outcome("existing", ledger.root(absorb(ledger, person, owners[0], intake)))
    changes: dict[str, Any] = {} if final is None else {"demographics": said, "patient": final.patient}
    return Outcome("created", promote(ledger, person, numbers, intake, **changes))


def _is_anothers(ledger: Ledger, person: Person, numbers: Sequence[Number]) -> bool:
    """Whether a number that was sent (not only a form derived from it) is somebody else's by proof."""
    owners = ledger.owners_of(number.hash for number in numbers if number.senders)
    return any(owner.id != person.id for owner in owners)


def _left_open(ledger: Ledger, person: Person) -> Person:
    """She stays provisional until a reviewer decides: nobody asks again by himself."""
    settled = replace(person, pending=None)
    ledger.reschedule(settled)
    return settled


def _side(said: Demographics | None) -> dict[str, Any]:
    return {} if said is None else {"names": list(said.names), "gender": said.gender, "birth_date": said.birth_date}
