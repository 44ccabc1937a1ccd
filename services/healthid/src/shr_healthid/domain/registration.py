"""What becomes of a registration: the rules that keep one person at one Health ID.

- A registered number with demographics that agree is the person; with others it is a conflict and a review.
- An NID and a BRN link only if the national service names both in one answer; two different numbers of one kind never.
- A short form (10, 13 digits) that two persons have names neither; it is a review, never a link.
- Proof takes a number from a provisional claim; a claim never takes it from proof.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from shr_common.errors import Issue

from shr_healthid.domain import newborns
from shr_healthid.domain.applicant import Applicant
from shr_healthid.domain.demographics import differences
from shr_healthid.domain.joining import absorb, claim_local_ids, compatible, joined, promote, take
from shr_healthid.domain.ledger import Intake, Ledger
from shr_healthid.domain.outcomes import Outcome, conflict_over, refused
from shr_healthid.domain.person import (
    ACTIVE,
    PROVISIONAL,
    Demographics,
    Number,
    Pending,
    Person,
    with_numbers,
)

VERIFIED = "verified"
KNOWN = "known"
UNAVAILABLE = "unavailable"
CONTRADICTED = "contradicted"
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Proof:
    """What is known about one sent number. ``forms``: all forms that the national service names, itself included."""

    number: Number
    state: str
    forms: tuple[Number, ...] = ()
    citizen: Demographics | None = None

    @property
    def usable(self) -> bool:
        """Whether it ties the number to the applicant."""
        return self.state in (VERIFIED, KNOWN)


@dataclass(frozen=True, slots=True)
class Application:
    """A registration with its evidence. ``provisional_id``: the id to use if no Health ID can be given yet."""

    applicant: Applicant
    intake: Intake
    proofs: tuple[Proof, ...] = ()
    provisional_id: str = ""
    recheck_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Group:
    """The numbers that are one person's by proof, and those sent along that nothing ties to her."""

    numbers: tuple[Number, ...] = field(repr=False)
    unlinked: tuple[Number, ...] = field(default=(), repr=False)


def register(ledger: Ledger, application: Application) -> Outcome:
    """Decide one registration and note its changes in the ledger."""
    intake, applicant = application.intake, application.applicant
    first = ledger.settled.get(intake.id)
    if first is not None and intake.keyed:
        return _repeated(ledger, application)
    if applicant.mother is not None:
        return newborns.register_newborn(
            ledger, applicant, intake, mother_id=applicant.mother, new_id=application.provisional_id
        )
    contradicted = next((p for p in application.proofs if p.state == CONTRADICTED), None)
    if contradicted is not None:
        return _contradicted(ledger, application, contradicted)
    usable = [proof for proof in application.proofs if proof.usable]
    if not application.proofs:
        return _by_health_id(ledger, application)
    if not usable:
        return _unproven(ledger, application)
    return _proven(ledger, application, usable)


def _repeated(ledger: Ledger, application: Application) -> Outcome:
    first = ledger.settled[application.intake.id]
    if first.intake.digest != application.intake.digest:
        return refused(
            "conflict",
            Issue("This Idempotency-Key was used for another registration. Use a new key.", code="duplicate",
                  text_bn="এই Idempotency-Key অন্য নিবন্ধনে ব্যবহৃত হয়েছে। নতুন কী ব্যবহার করুন।"),
        )  # fmt: skip
    return Outcome(first.outcome, ledger.current(first.person))


def _contradicted(ledger: Ledger, application: Application, proof: Proof) -> Outcome:
    said = application.applicant.demographics
    found = proof.citizen or Demographics()
    review = ledger.review(
        "verification-mismatch", ledger.owners_of([proof.number.hash]), application.intake,
        sent=_side(said), national=_side(found), number_kind=proof.number.kind,
    )  # fmt: skip
    return conflict_over(differences(said, found), review, who="the national service")


def _by_health_id(ledger: Ledger, application: Application) -> Outcome:
    """No number but a Health ID: a hospital that met her card registers its own local ids."""
    person = ledger.current(application.applicant.uhid or "")
    if person is None:
        return _not_issued()
    differing = differences(person.demographics, application.applicant.demographics)
    if differing:
        review = ledger.review("demographics-differ", [person], application.intake,
                               sent=_side(application.applicant.demographics))  # fmt: skip
        return conflict_over(differing, review, who="the registry")
    return _existing(ledger, application, person, _Group(()))


def _not_issued() -> Outcome:
    text = "This Health ID was not issued to this person. Leave it out: it is issued here."
    bangla = "এই হেলথ আইডি এই ব্যক্তিকে দেওয়া হয়নি। এটি বাদ দিন: হেলথ আইডি এখানেই দেওয়া হয়।"
    return refused("invalid", Issue(text, expression="Patient.identifier", code="business-rule", text_bn=bangla))


def _unproven(ledger: Ledger, application: Application) -> Outcome:
    """The national service is away: a provisional person, one for each number."""
    sent = [proof.number for proof in application.proofs]
    claimants = ledger.claimants_of(number.hash for number in sent)
    said = application.applicant.demographics
    if claimants:
        differing = differences(claimants[0].demographics, said)
        if differing:
            review = ledger.review("demographics-differ", claimants, application.intake, sent=_side(said))
            return conflict_over(differing, review, who="the registry")
        person = joined(
            ledger,
            claimants[0],
            with_numbers(claimants[0].numbers, sent),
            local_ids=application.applicant.local_ids,
            intake=application.intake,
        )
    else:
        person = ledger.put(_new_person(application, PROVISIONAL, application.provisional_id, tuple(sent)),
                            registered=True, trace=application.intake.traceparent)  # fmt: skip
        claim_local_ids(ledger, person, application.intake)
    for number in sent:
        if number.hash not in ledger.owners:
            ledger.own(number, person)
    ledger.settle(application.intake, "provisional", person)
    return Outcome("provisional", person)


def grouped(proofs: Sequence[Proof], owner: Person | None) -> _Group:
    """Which numbers are one person's: the first proof's, and those whose answer meets them or the owner's."""
    first, *others = proofs
    numbers = with_numbers([first.number], first.forms)
    met = {number.hash for number in numbers} | {number.hash for number in (owner.numbers if owner else ())}
    unlinked: list[Number] = []
    for proof in others:
        forms = with_numbers([proof.number], proof.forms)
        if proof.usable and met & {number.hash for number in forms}:
            numbers = with_numbers(numbers, forms)
            met |= {number.hash for number in forms}
        else:
            unlinked.append(proof.number)
    return _Group(numbers, tuple(unlinked))


def _proven(ledger: Ledger, application: Application, usable: list[Proof]) -> Outcome:
    said = application.applicant.demographics
    ordered = [*usable, *(p for p in application.proofs if not p.usable)]
    owners = ledger.owners_of([usable[0].number.hash])
    group = grouped(ordered, owners[0] if owners else None)
    sent = [number.hash for number in group.numbers if number.senders]
    if any(ledger.is_shared(hash_) for hash_ in sent):
        sharing = [p for hash_ in sent for p in ledger.sharing(hash_)]
        review = ledger.review("shared-form", sharing, application.intake, sent=_side(said))
        return conflict_over((), review, who="the registry")
    direct = ledger.owners_of(sent)
    if direct:
        person = direct[0]
        differing = differences(person.demographics, said)
        if differing:
            review = ledger.review("demographics-differ", [person], application.intake, sent=_side(said))
            return conflict_over(differing, review, who="the registry")
        if len(direct) > 1:
            ledger.review("same-person", direct, application.intake)
        return _existing(ledger, application, person, group)
    if application.applicant.uhid is not None and not _is_hers(ledger, application, group):
        return _not_issued()
    return _settled_by_proof(ledger, group, said, application)


def _is_hers(ledger: Ledger, application: Application, group: _Group) -> bool:
    person = ledger.current(application.applicant.uhid or "")
    return person is not None and person in ledger.owners_of(number.hash for number in group.numbers)


def _settled_by_proof(ledger: Ledger, group: _Group, said: Demographics, application: Application) -> Outcome:
    """Numbers that nobody registered as such: a longer form of a known one, a provisional person's, or new."""
    derived = ledger.owners_of(number.hash for number in group.numbers)
    same = [p for p in derived if compatible(p, group.numbers) and not differences(p.demographics, said)]
    if len(same) == 1:
        return _existing(ledger, application, same[0], group)
    claimants = ledger.claimants_of(number.hash for number in group.numbers if number.senders)
    agreeing = next((p for p in claimants if not differences(p.demographics, said)), None)
    for claimant in claimants:
        if claimant is not agreeing:
            ledger.review("number-proven-by-another", [claimant], application.intake, sent=_side(said))
    if agreeing is not None:
        person = promote(ledger, agreeing, group.numbers, application.intake)
        person = joined(
            ledger,
            person,
            person.numbers,
            local_ids=application.applicant.local_ids,
            intake=application.intake,
        )
    else:
        mine = tuple(number for number in group.numbers if ledger.is_free_for(number, None))
        person = replace(_new_person(application, ACTIVE, ledger.mint(), mine), unlinked=group.unlinked)
        ledger.put(person, registered=True, trace=application.intake.traceparent)
        ledger.issued.append(person)
        claim_local_ids(ledger, person, application.intake)
        take(ledger, person, group.numbers, application.intake)
    _unlinked(ledger, person, group, application.intake)
    ledger.settle(application.intake, "created", person)
    return Outcome("created", person)


def _existing(ledger: Ledger, application: Application, person: Person, group: _Group) -> Outcome:
    uhid = application.applicant.uhid
    if uhid is not None and ((named := ledger.current(uhid)) is None or named.id != person.id):
        return _not_issued()
    ours = {number.hash for number in person.numbers}
    fitting = group.numbers if compatible(person, group.numbers) else [n for n in group.numbers if n.hash in ours]
    if len(fitting) < len(group.numbers):
        ledger.review("number-differs", [person], application.intake)
    free = [n for n in fitting if n.hash in ours or ledger.is_free_for(n, person)]
    person = joined(
        ledger,
        person,
        with_numbers(person.numbers, free),
        local_ids=application.applicant.local_ids,
        intake=application.intake,
        unlinked=group.unlinked,
    )
    take(ledger, person, fitting, application.intake)
    for claimant in ledger.claimants_of(number.hash for number in fitting):
        if not differences(claimant.demographics, person.demographics):
            person = absorb(ledger, claimant, person, application.intake)
    _unlinked(ledger, person, group, application.intake)
    outcome = "existing" if person.is_active else "provisional"
    ledger.settle(application.intake, outcome, person)
    return Outcome(outcome, person)


def _unlinked(ledger: Ledger, person: Person, group: _Group, intake: Intake) -> None:
    """Numbers sent along that nothing ties to her: kept aside, not shown, a review."""
    for number in group.unlinked:
        ledger.review("numbers-unlinked", [person, *ledger.owners_of([number.hash])], intake, number_kind=number.kind)


def _new_person(application: Application, status: str, id_: str, numbers: tuple[Number, ...]) -> Person:
    applicant, intake = application.applicant, application.intake
    pending = None
    if status == PROVISIONAL and application.recheck_at is not None:
        pending = Pending(0, application.recheck_at)
    return Person(
        id=id_,
        key=id_,
        version=1,
        status=status,
        demographics=applicant.demographics,
        patient=applicant.patient,
        first_source=intake.source,
        registered_at=intake.at,
        updated_at=intake.at,
        updated_by=intake.source,
        numbers=numbers,
        local_ids=applicant.local_ids,
        sources=frozenset({intake.source}),
        pending=pending,
    )


def _side(said: Demographics) -> dict[str, Any]:
    return {"names": list(said.names), "gender": said.gender, "birth_date": said.birth_date}
