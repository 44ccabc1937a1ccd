"""One batch, decided in order inside one transaction: what stands already, who is meant, what is written.

Everything that is read is read in a few bulk queries first; then each submission is settled in turn, so that later ones
of the batch see what earlier ones did.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from shr_common.errors import Category, Issue
from shr_common.fhir.bundle import unresolved_references

from shr_records.domain.handing_on import Seal, patients_handed_on
from shr_records.domain.people import Directory, Hash, Named, named_people, uhid_key
from shr_records.domain.reading import Reading
from shr_records.domain.receipt import PARKED, REJECTED, Receipt, same_content
from shr_records.domain.recording import Head, MissingError, StaleError, Version, unverified_codes, versions_of
from shr_records.domain.references import UUID, Part, Plan, Planner, id_of
from shr_records.domain.submission import digest, submission_key
from shr_records.domain.verdict import Verdict, judge, parked
from shr_records.use_cases.ledger import Answer, Changes, Ledger, head_after

Coding = tuple[str, str]


class KnownPeople(Directory, Protocol):
    """The replica of persons, as far as this batch needs it."""

    def waits(self, key: str) -> bool:
        """Whether parked submissions may wait for this key."""

    def is_erased(self, person: str) -> bool:
        """Whether erasure was decided for this person."""


class Transaction(Protocol):
    """Reads and writes of one unit of work."""

    async def receipts(self, keys: Collection[bytes]) -> dict[bytes, Receipt]:
        """What stands under these keys (bodies still sealed)."""

    async def open(self, receipts: Sequence[Receipt]) -> None:
        """Fill in the bodies; one whose key was erased stays without."""

    async def directory(self, keys: Collection[str], people: Collection[str] = ()) -> KnownPeople:
        """Persons by look-up keys, and these persons themselves; added to what was asked before."""

    async def parked_before(self, source: str, keys: Collection[str]) -> bool:
        """Whether a submission of this source waits for one of the keys."""

    async def heads(self, ids: Collection[str]) -> dict[str, Head]:
        """The newest versions of those resources that exist."""

    async def bodies(self, versions: Collection[tuple[str, int]]) -> dict[tuple[str, int], bytes]:
        """Served bodies of versions."""

    async def write(self, changes: Changes) -> None:
        """All of it."""


@dataclass(slots=True)
class _Case:
    """One submission on its way through the batch."""

    reading: Reading
    key: bytes
    named: list[Named] = field(default_factory=list)
    verdict: Verdict = field(default_factory=Verdict)
    plans: list[Plan] = field(default_factory=list)


class BatchSettlement:
    """Settles one batch; made anew for every attempt, since a transaction may run again."""

    def __init__(
        self,
        transaction: Transaction,
        *,
        at: datetime,
        hash_of: Hash,
        known: Callable[[Coding], bool],
        is_registered: Callable[[str], bool],
        seal: Seal,
        healing: bool = False,
        overdue: bool = False,
    ) -> None:
        self._transaction = transaction
        self._at = at
        self._hash = hash_of
        self._known = known
        self._is_registered = is_registered
        self._seal = seal
        self._healing = healing
        self._overdue = overdue
        self._heads: dict[str, Head] = {}
        self._bodies: dict[tuple[str, int], bytes] = {}
        self._directory: KnownPeople
        self._ledger: Ledger

    async def settle(self, readings: Sequence[Reading], keys: Sequence[bytes] | None = None) -> list[Answer]:
        """One answer for each reading, in order; everything is written when this returns."""
        cases = [
            _Case(reading, keys[n] if keys else submission_key(reading.submission.source, reading.id))
            for n, reading in enumerate(readings)
        ]
        standing = await self._transaction.receipts({case.key for case in cases})
        if standing:
            await self._transaction.open([one for one in standing.values() if self._needs_body(one, cases)])
        self._ledger = Ledger(at=self._at, standing=standing, healing=self._healing)
        await self._find_people(cases)
        await self._find_resources(cases)
        answers = [await self._answer(case) for case in cases]
        if self._ledger.changes:
            await self._transaction.write(self._ledger.changes)
        return answers

    def _needs_body(self, standing: Receipt, cases: Sequence[_Case]) -> bool:
        """Bodies are compared where the bytes differ, and kept where a parked one moves to its person's key."""
        sent = (case.reading.submission.body for case in cases if case.key == standing.key)
        return self._healing or any(digest(body) != standing.digest for body in sent)

    async def _find_people(self, cases: Sequence[_Case]) -> None:
        keys: set[str] = set()
        for case in cases:
            if case.reading.refused is None:
                case.named = named_people(case.reading, self._hash)
                keys.update(key for one in case.named for key in one.keys)
                if case.reading.submission.key:
                    keys.add(uhid_key(case.reading.submission.key))
        self._directory = await self._transaction.directory(keys)

    async def _find_resources(self, cases: Sequence[_Case]) -> None:
        ids: set[str] = set()
        for case in cases:
            if case.reading.refused is None:
                case.verdict = judge(case.reading, case.named, self._directory)
                ids |= _ids(case)
        self._heads = await self._transaction.heads(ids)
        for case in cases:
            self._place_deletes(case)
            for part in case.verdict.parts:
                self._own_ids(case.reading, part)
                planner = Planner(case.reading, part, people=case.verdict.people, is_registered=self._is_registered)
                case.plans.append(planner.plan())
        outside = {
            one for case in cases for plan in case.plans for pair in plan.outside.values() for one in pair if one
        }
        if outside - self._heads.keys():
            self._heads |= await self._transaction.heads(outside - self._heads.keys())
        if self._heads:
            self._directory = await self._transaction.directory((), {head.person for head in self._heads.values()})
            await self._find_deleted(cases)

    def _place_deletes(self, case: _Case) -> None:
        """A bundle of deletes alone names nobody: whose it is stands with what it deletes."""
        if case.verdict.parts or case.verdict.waiting or case.verdict.issues or case.reading.refused is not None:
            return
        source = case.reading.submission.source
        parts: dict[str, Part] = {}
        for entry in case.reading.entries:
            candidates = (entry.sender_id or "", id_of(case.reading, entry, ""))
            head = next((h for one in candidates if (h := self._heads.get(one)) and h.source == source), None)
            person = head.person if head else ""
            part = parts.setdefault(person, Part(person, []))
            part.entries.append(entry)
            part.ids[entry.index] = candidates[1]
        case.verdict.parts = list(parts.values())

    def _own_ids(self, reading: Reading, part: Part) -> None:
        """A PUT or DELETE may name a resource by the id that it has here."""
        for entry in part.entries:
            if entry.method == "POST" or entry.sender_id is None:
                continue
            head = self._heads.get(entry.sender_id)
            if head and head.source == reading.submission.source and head.type == entry.type:
                part.ids[entry.index] = entry.sender_id

    async def _find_deleted(self, cases: Sequence[_Case]) -> None:
        wanted = {
            (one, self._heads[one].version)
            for case in cases
            for part in case.verdict.parts
            for entry in part.entries
            if entry.method == "DELETE" and (one := part.ids[entry.index]) in self._heads
        }
        if wanted:
            self._bodies |= await self._transaction.bodies(wanted)

    async def _answer(self, case: _Case) -> Answer:
        answer = await self._one(case)
        if not (answer.repeated or self._healing or answer.receipt.state == REJECTED):
            self._ledger.changes.events += patients_handed_on(
                case.reading, case.named, self._directory, answer.receipt, self._seal
            )
        return answer

    async def _one(self, case: _Case) -> Answer:
        reading = case.reading
        trace = reading.submission.traceparent
        standing = self._ledger.standing.get(case.key)
        if standing is not None and not self._healing:
            answer = await self._seen_before(standing, reading)
            if answer is not None:
                return answer
        if standing is not None and self._healing and standing.state != PARKED:
            return Answer(standing, repeated=True)  # another worker was faster
        receipt = self._ledger.draft(reading, case.key, person=case.verdict.person)
        stored = reading.submission.id is not None
        if reading.refused is not None:
            self._ledger.rejected(receipt, reading.issues, reading.refused, reading.warnings)
            return self._ledger.settle(receipt, stored=stored, traceparent=trace)
        issues, category = self._objections(case)
        if case.verdict.waiting:  # a mistake that its sender can mend is told at once, not when she is registered
            issues += list(unresolved_references(reading.bundle))
        if issues:
            self._ledger.rejected(receipt, issues, category, reading.warnings)
            return self._ledger.settle(receipt, stored=stored, traceparent=trace)
        keys, reason = await self._must_wait(case)
        if keys:
            if standing is not None and self._healing and not self._overdue:
                return Answer(standing, repeated=True)
            if self._overdue:
                receipt.person = None
                self._ledger.rejected(receipt, [_overdue()], (Category.INVALID, None), reading.warnings)
            else:
                self._ledger.waits(receipt, keys, parked(reason), reading.warnings)
            return self._ledger.settle(receipt, traceparent=trace)
        return self._record(case, receipt, stored=stored)

    async def _seen_before(self, standing: Receipt, reading: Reading) -> Answer | None:
        """A repeat, or a twin that must be refused; None for an amendment."""
        body = reading.submission.body
        sent = digest(body)
        trace = reading.submission.traceparent
        if sent == standing.digest or sent in standing.earlier or same_content(standing.body or b"", body):
            versions = [_version_key(one) for one in standing.references if "/_history/" in one]
            bodies = await self._transaction.bodies(versions) if standing.by_topic and versions else {}
            fresh = {(one.id, one.version): one.body for one in self._ledger.changes.versions}
            found = {**fresh, **bodies}
            return self._ledger.repeat(standing, lambda reference: found.get(_version_key(reference)), trace)
        if reading.firm or standing.firm:
            return self._ledger.duplicate(standing, reading, trace)
        return None

    def _objections(self, case: _Case) -> tuple[list[Issue], tuple[Category, str | None]]:
        issues = [*case.verdict.issues, *(issue for plan in case.plans for issue in plan.issues)]
        for part, plan in zip(case.verdict.parts, case.plans, strict=True):
            if part.person and self._directory.is_erased(part.person):
                en = "This person's record was erased at her wish; nothing is recorded for this Health ID."
                issues.append(Issue(en, "Bundle", code="business-rule", rule="erased"))
            issues += self._across(case.reading, part, plan)
        return issues, case.verdict.category

    def _across(self, reading: Reading, part: Part, plan: Plan) -> list[Issue]:
        """References to, and writes over, what stands in another person's record."""
        source = reading.submission.source
        me = self._directory.current(part.person)
        en = "This refers to a resource of another person: references across patients are refused."
        bn = "এটি অন্য ব্যক্তির রেকর্ডের দিকে নির্দেশ করে: গ্রহণযোগ্য নয়।"
        issues = []
        for text, (made, own) in plan.outside.items():
            mine = self._heads.get(own) if own else None
            if mine is not None and mine.source == source:
                plan.served[text] = f"{mine.type}/{own}"
            head = mine if mine is not None and mine.source == source else self._heads.get(made)
            if head is not None and self._directory.current(head.person) != me:
                issues.append(Issue(en, "Bundle", code="business-rule", rule="across-patients", text_bn=bn))
        for entry in part.entries:
            head = self._heads.get(part.ids.get(entry.index, ""))
            if head is not None and self._directory.current(head.person) != me:
                en = "A resource with this id stands in another person's record: withdraw it there first."
                bn = "এই আইডির তথ্য অন্য ব্যক্তির রেকর্ডে আছে: আগে সেখান থেকে প্রত্যাহার করুন।"
                issues.append(Issue(en, entry.at, code="business-rule", rule="across-patients", text_bn=bn))
        return issues

    async def _must_wait(self, case: _Case) -> tuple[Collection[str], str]:
        """The keys to park under: she is unknown, or earlier ones of this source wait for the same key."""
        verdict = case.verdict
        if verdict.waiting:
            return verdict.waiting, verdict.reason
        if self._healing:
            return (), ""
        source = case.reading.submission.source
        flagged = [key for key in verdict.keys if self._directory.waits(key)]
        queued = [key for key in verdict.keys if (source, key) in self._ledger.parked]
        if not queued and flagged and await self._transaction.parked_before(source, flagged):
            queued = flagged
        return queued, "queued"

    def _record(self, case: _Case, receipt: Receipt, *, stored: bool) -> Answer:
        reading, ledger = case.reading, self._ledger
        people: list[tuple[str, list[Version]]] = []
        try:
            for part, plan in zip(case.verdict.parts, case.plans, strict=True):
                versions = versions_of(
                    reading,
                    part,
                    heads=self._heads,
                    references=plan.served,
                    recorded_at=ledger.recorded_at,
                    body_of=self._body_of,
                )
                people.append((part.person, versions))
        except (StaleError, MissingError) as refusal:
            ledger.rejected(receipt, [refusal.issue], refusal.category, reading.warnings)
            return ledger.settle(receipt, stored=stored, traceparent=reading.submission.traceparent)
        for _, versions in people:
            for version in versions:
                self._heads[version.id] = head_after(version, self._heads.get(version.id))
                self._bodies[version.id, version.version] = version.body
        receipt.person = people[0][0] if len(people) == 1 else None
        receipt.people = [person for person, _ in people] if len(people) > 1 else []
        receipt.unverified = unverified_codes(reading.entries, self._known)
        ledger.recorded(receipt, people, len(reading.entries), reading.submission.traceparent)
        for place, entry in enumerate(reading.entries):
            if not receipt.references[place]:
                person = case.verdict.people.get(f"Patient/{entry.sender_id}", receipt.person)
                receipt.references[place] = f"Patient/{person}"
        return ledger.settle(receipt, traceparent=reading.submission.traceparent)

    def _body_of(self, id: str) -> bytes | None:
        head = self._heads.get(id)
        return self._bodies.get((id, head.version)) if head else None


def _ids(case: _Case) -> set[str]:
    ids: set[str] = set()
    for part in case.verdict.parts:
        part.ids = {e.index: id_of(case.reading, e, part.person) for e in part.entries if e.type != "Patient"}
        ids.update(part.ids.values())
    for entry in case.reading.entries:
        if entry.method != "POST" and entry.sender_id:
            if UUID.fullmatch(entry.sender_id):
                ids.add(entry.sender_id)
            ids.add(id_of(case.reading, entry, ""))
    return ids


def _version_key(reference: str) -> tuple[str, int]:
    path, _, version = reference.partition("/_history/")
    return path.rpartition("/")[2], int(version)


def _overdue() -> Issue:
    en = "The patient was not registered in time. Register her, then send this again under a new id."
    bn = "রোগী সময়মতো নিবন্ধিত হননি। নিবন্ধন করে নতুন আইডিতে আবার পাঠান।"
    return Issue(en, "Bundle", code="not-found", rule="patient-unknown", text_bn=bn)
