"""What would become of a payload: the same rules, and nothing is left behind."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from shr_common.errors import Issue
from shr_common.fhir.bundle import unresolved_references

from shr_records.domain.people import Directory, Hash, named_people
from shr_records.domain.reading import Limits, Reading, read
from shr_records.domain.references import Planner, id_of
from shr_records.domain.submission import Submission
from shr_records.domain.verdict import Verdict, judge, parked


class People(Protocol):
    """The replica of persons."""

    async def directory(self, keys: Collection[str]) -> Directory:
        """Who is found under these keys."""


@dataclass(frozen=True, slots=True)
class Checked:
    """The verdict (recorded | parked | rejected), its findings, whose it would be, and the canonical bundle."""

    verdict: str
    issues: tuple[Issue, ...]
    health_id: str | None
    bundle: bytes | None


class Nobody:
    """A replica that knows nobody, for checks without a database."""

    def claimants(self, key: str) -> tuple[str, ...]:
        """A Health ID names itself; nothing else is known."""
        kind, _, value = key.partition(":")
        return (value,) if kind == "uhid" else ()

    def current(self, person: str) -> str:
        """Herself."""
        return person


def check_offline(submission: Submission, *, limits: Limits) -> Checked:
    """The verdict without a database: a person named by a Health ID counts as known, others as not yet known."""
    return _checked(read(submission, limits=limits), Nobody(), _no_hash)


class CheckSubmission:
    """The verdict against the replica of persons."""

    def __init__(self, people: People, *, hash_of: Hash, limits: Limits) -> None:
        self._people = people
        self._hash = hash_of
        self._limits = limits

    async def __call__(self, submission: Submission) -> Checked:
        """Never raises for what a source may send."""
        reading = read(submission, limits=self._limits)
        if reading.refused is not None:
            return _checked(reading, Nobody(), self._hash)
        keys = {key for one in named_people(reading, self._hash) for key in one.keys}
        return _checked(reading, await self._people.directory(keys), self._hash)


def _checked(reading: Reading, directory: Directory, hash_of: Hash) -> Checked:
    bundle = reading.adapted or (None if reading.refused else reading.submission.body)
    if reading.refused is not None:
        return Checked("rejected", (*reading.issues, *reading.warnings), None, bundle)
    verdict = judge(reading, named_people(reading, hash_of), directory)
    issues = [*verdict.issues, *_reference_issues(reading, verdict)]
    if issues:
        return Checked("rejected", (*issues, *reading.warnings), verdict.person, bundle)
    if verdict.waiting:
        return Checked("parked", (parked(verdict.reason), *reading.warnings), None, bundle)
    return Checked("recorded", tuple(reading.warnings), verdict.person, bundle)


def _reference_issues(reading: Reading, verdict: Verdict) -> list[Issue]:
    if verdict.waiting:
        return list(unresolved_references(reading.bundle))
    issues: list[Issue] = []
    for part in verdict.parts:
        part.ids = {e.index: id_of(reading, e, part.person) for e in part.entries if e.type != "Patient"}
        planner = Planner(reading, part, people=verdict.people, is_registered=lambda _reference: True)
        issues += planner.plan().issues
    return issues


def _no_hash(kind: str, text: str) -> str:
    """Offline there is no look-up key: equal texts still give equal keys within one check."""
    return f"{kind}-{text}"
