"""Register a person: read what was sent, prove the numbers, decide in one unit of work with others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, Protocol, TypeVar

from shr_common.errors import Category, Issue, ShrError, conflict, not_found

from shr_healthid.domain.applicant import Applicant, read_applicant
from shr_healthid.domain.application import KNOWN, UNKNOWN, VERIFIED, Application, Proof
from shr_healthid.domain.blocks import is_offline_id
from shr_healthid.domain.evidence import known
from shr_healthid.domain.ledger import Intake, Ledger, Wanted
from shr_healthid.domain.outcomes import Outcome
from shr_healthid.domain.person import Demographics, Number, Person
from shr_healthid.domain.registration import register
from shr_healthid.use_cases.prove_numbers import Hasher, ProveNumbers
from shr_healthid.use_cases.screen_newcomers import ScreenNewcomers, also

T = TypeVar("T")
LONGEST = 17
_OTHER = {"nid": "brn", "brn": "nid"}
Decide = Callable[[Ledger], T]


class Registry(Protocol):
    """The stored registry."""

    async def proven(self, hashes: Sequence[str]) -> frozenset[str]:
        """Which of these numbers are somebody's by proof."""

    async def change(self, wanted: Wanted, decide: Decide[T], *, fresh: int = 0) -> T:
        """Load, decide, and store what the ledger says, with its events, in one unit of work.

        ``decide`` is pure and may run again; ``fresh`` is how many Health IDs it may mint.
        """


@dataclass(frozen=True, slots=True)
class Submission:
    """A registration as it came in. ``key`` is the sender's own name for it, ``answer_as`` that of answers by topic;
    ``today`` the date in Dhaka; ``as_sent`` the Patient with exact decimals, if it has any.
    """

    patient: dict[str, Any] = field(repr=False)
    body: bytes = field(repr=False)
    digest_of: str = field(repr=False)
    source: str
    facility: str | None
    channel: str
    at: datetime
    today: date
    key: str | None = None
    as_sent: dict[str, Any] | None = field(default=None, repr=False)
    traceparent: str | None = None
    answer_as: str | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """Settings of registration."""

    newborn_days: int = 90
    recheck_first: timedelta = timedelta(seconds=1)


class RegisterPerson:
    """One registration. ``settle`` joins the batch that is forming; ``new_id`` makes a provisional id."""

    def __init__(
        self,
        prove: ProveNumbers,
        hasher: Hasher,
        *,
        proven: Callable[[Sequence[str]], Awaitable[frozenset[str]]],
        settle: Callable[[Application], Awaitable[Outcome]],
        new_id: Callable[[], str],
        rules: Rules,
    ) -> None:
        """``proven``: which of these numbers (keyed hashes) are somebody's by proof; asked together with others."""
        self._proven = proven
        self._prove = prove
        self._hasher = hasher
        self._settle = settle
        self._new_id = new_id
        self._rules = rules

    async def __call__(self, submission: Submission) -> Outcome:
        """Outcome created, existing or provisional. Raises invalid (422), conflict (409), busy, unavailable."""
        applicant = read_applicant(
            submission.patient,
            source=submission.source,
            today=submission.today,
            newborn_days=self._rules.newborn_days,
            as_sent=submission.as_sent,
        )
        proofs = await self._proofs(applicant, submission.source)
        refuse_unknown(applicant, proofs)
        outcome = await self._settle(
            Application(
                applicant=without_numbers_as_local_ids(applicant, proofs),
                intake=self.intake_of(submission),
                proofs=tuple(proofs),
                provisional_id=self._new_id(),
                recheck_at=submission.at + self._rules.recheck_first,
            )
        )
        raise_refusal(outcome)
        return outcome

    async def _proofs(self, applicant: Applicant, source: str) -> list[Proof]:
        """Known numbers first, since they decide whose registration this is; then NIDs, the longest first."""
        numbers = [
            Number(c.kind, c.value, self._hasher.hash(c.kind, c.value), senders=frozenset({source}))
            for c in sorted(applicant.numbers, key=lambda c: (c.kind != "nid", -len(c.value)))
        ]
        if not numbers:
            return []
        # a number of 17 digits may be the other kind's, put in the wrong field
        other_kind = {self._hasher.hash(_OTHER[n.kind], n.value): n for n in numbers if len(n.value) == LONGEST}
        proven = await self._proven([*(number.hash for number in numbers), *other_kind])
        refuse_mistaken(applicant, [number for hash_, number in other_kind.items() if hash_ in proven])
        settled = [known(number) for number in numbers if number.hash in proven]
        asked = [number for number in numbers if number.hash not in proven]
        return [*settled, *await self._prove(asked, applicant.demographics)]

    def intake_of(self, submission: Submission) -> Intake:
        """The provenance of a submission; its id is the same for every repeat."""
        digest = self._hasher.hash("registration", submission.digest_of)
        named = f"{submission.source}\n{'key' if submission.key else 'content'}\n{submission.key or digest}"
        return Intake(
            id=self._hasher.hash("intake", named),
            digest=digest,
            source=submission.source,
            facility=submission.facility,
            channel=submission.channel,
            at=submission.at,
            keyed=submission.key is not None,
            body=submission.body,
            traceparent=submission.traceparent,
            answer_as=submission.answer_as,
        )


class SettleRegistrations:
    """The unit of work of a batch of registrations: each sees what those before it changed."""

    def __init__(self, registry: Registry, screening: ScreenNewcomers) -> None:
        self._registry = registry
        self._screening = screening

    async def __call__(self, applications: Sequence[Application]) -> list[Outcome]:
        """One outcome for each, in order; all committed together."""
        suspects = await self._screening.suspects([_newcomer(application) for application in applications])

        def decide(ledger: Ledger) -> list[Outcome]:
            outcomes = [register(ledger, application) for application in applications]
            settled = [(o.person, a.intake) for o, a in zip(outcomes, applications, strict=True)]
            self._screening.ask(ledger, settled, suspects)
            return outcomes

        wanted = also(wanted_by(applications), suspects.wanted)
        return await self._registry.change(wanted, decide, fresh=len(applications))


def _newcomer(application: Application) -> Demographics | None:
    """Who is described, if this registration may give a Health ID: a number is proven, and nobody has it yet."""
    states = {proof.state for proof in application.proofs}
    return application.applicant.demographics if VERIFIED in states and KNOWN not in states else None


def wanted_by(applications: Sequence[Application]) -> Wanted:
    """What a batch needs to see of the registry."""
    applicants = [application.applicant for application in applications]
    return Wanted(
        intakes=frozenset(application.intake.id for application in applications),
        numbers=frozenset(hash_ for application in applications for hash_ in hashes_in(application.proofs)),
        persons=frozenset(
            id_ for one in applicants for id_ in (one.uhid, one.mother, *(f.value for f in one.formers)) if id_
        ),
        local_ids=frozenset(local_id for one in applicants for local_id in one.local_ids),
        newborns=frozenset(
            (one.mother, one.demographics.birth_date)
            for one in applicants
            if one.mother and one.demographics.birth_date
        ),
        offline=frozenset(one.uhid for one in applicants if one.uhid and is_offline_id(one.uhid)),
    )


def hashes_in(proofs: Sequence[Proof]) -> set[str]:
    """Every number that proofs speak of."""
    return {number.hash for proof in proofs for number in (proof.number, *proof.forms)}


def wanted_for(person: Person, proofs: Sequence[Proof]) -> Wanted:
    """What settling one person's numbers needs to see."""
    return Wanted(
        persons=frozenset({person.id}),
        numbers=frozenset(hashes_in(proofs) | {number.hash for number in person.numbers}),
        local_ids=frozenset(person.local_ids),
    )


def refuse_mistaken(applicant: Applicant, numbers: Sequence[Number]) -> None:
    """Raise invalid for numbers that the registry knows to be of the other kind."""
    places = {(claimed.kind, claimed.value): claimed.expression for claimed in applicant.numbers}
    issues = [
        Issue(
            f"This is known as an {other}, not as a {number.kind.upper()}. Send it with the system that it has.",
            expression=places.get((number.kind, number.value), "Patient.identifier"),
            code="business-rule",
            text_bn=f"এটি {other} হিসেবে নিবন্ধিত, {number.kind.upper()} নয়। সঠিক সিস্টেম দিয়ে পাঠান।",
        )
        for number in numbers
        for other in (_OTHER[number.kind].upper(),)
    ]
    if issues:
        raise ShrError(Category.INVALID, issues)


def refuse_unknown(applicant: Applicant, proofs: Sequence[Proof]) -> None:
    """Raise invalid for numbers that the national service does not know, where they stand."""
    places = {(claimed.kind, claimed.value): claimed.expression for claimed in applicant.numbers}
    issues = [
        Issue(
            f"The national service knows no such {proof.number.kind.upper()}. Check the number.",
            expression=places.get((proof.number.kind, proof.number.value), "Patient.identifier"),
            code="not-found",
            text_bn=f"জাতীয় তথ্যভান্ডারে এই {proof.number.kind.upper()} নেই। নম্বরটি মিলিয়ে দেখুন।",
        )
        for proof in proofs
        if proof.state == UNKNOWN
    ]
    if issues:
        raise ShrError(Category.INVALID, issues)


def without_numbers_as_local_ids(applicant: Applicant, proofs: Sequence[Proof]) -> Applicant:
    """A hospital that uses the NID as its own number: not a local id, since those stand in events."""
    national = {number.value for proof in proofs for number in (proof.number, *proof.forms)}
    kept = tuple(one for one in applicant.local_ids if one.value not in national)
    return applicant if len(kept) == len(applicant.local_ids) else replace(applicant, local_ids=kept)


def raise_refusal(outcome: Outcome) -> None:
    """Turn a refused outcome into its category."""
    if outcome.kind == "unknown":
        raise not_found("There is no such person, or you may not see her.")
    if outcome.issue is None:
        return
    if outcome.kind == "invalid":
        raise ShrError(Category.INVALID, outcome.issue)
    if outcome.kind == "stale":
        raise ShrError(Category.CONFLICT, outcome.issue, detail="stale")
    if outcome.kind == "conflict":
        raise ShrError(Category.CONFLICT, outcome.issue)
    if outcome.kind == "forbidden":
        raise ShrError(Category.FORBIDDEN, outcome.issue)
    raise conflict(outcome.issue.text)
