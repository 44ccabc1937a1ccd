"""What one batch writes, built up submission by submission: each lands in exactly one of recorded, rejected, parked."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache

import orjson
from shr_common.errors import Category, Issue
from shr_common.outcomes import operation_outcome
from shr_contracts.cloudevents import Event, rfc3339

from shr_records.domain import events
from shr_records.domain.reading import Reading
from shr_records.domain.receipt import EARLIER_LIMIT, PARKED, RECORDED, REJECTED, Receipt
from shr_records.domain.recording import Head, Version
from shr_records.domain.submission import digest

REMEMBERED_ISSUES = 20
ALL_OK = orjson.dumps(operation_outcome(()))


@dataclass(slots=True)
class Changes:
    """What one unit of work writes. ``archived`` are former states of amended submissions."""

    new: list[Receipt] = field(default_factory=list)
    changed: list[Receipt] = field(default_factory=list)
    archived: list[Receipt] = field(default_factory=list)
    versions: list[Version] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    parked_keys: set[str] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.new or self.changed or self.versions or self.events)


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a submission. ``stored`` is False for a refusal that left nothing behind."""

    receipt: Receipt
    repeated: bool = False
    stored: bool = True


class Ledger:
    """The growing changes of one attempt at a batch."""

    def __init__(self, *, at: datetime, standing: dict[bytes, Receipt], healing: bool) -> None:
        self.at = at
        self.recorded_at = rfc3339(at)
        self.changes = Changes()
        self.standing = standing
        self.parked: set[tuple[str, str]] = set()
        self._healing = healing
        self._count = 0

    def draft(self, reading: Reading, key: bytes, *, person: str | None) -> Receipt:
        """The receipt of a submission, its state still open. One that stands already is amended, or decided again."""
        submission = reading.submission
        before = self.standing.get(key)
        self._count += 1
        receipt = Receipt(
            key=key,
            source=submission.source,
            id=reading.id,
            format=submission.format,
            state=RECORDED,
            digest=digest(submission.body),
            received_at=submission.received_at,
            decided_at=self.at,
            arrival=int(self.at.timestamp() * 1_000_000) * 1000 + self._count,
            firm=reading.firm,
            by_topic=submission.by_topic,
            bundle_type=reading.bundle_type,
            person=person,
            routing_key=submission.key,
            interaction=submission.interaction,
            body=submission.body if submission.whole else None,
            outcome=_rendered(reading.warnings) if reading.warnings else None,
        )
        if before is None:
            return receipt
        receipt.answers = before.answers + 1
        receipt.version = before.version
        if self._healing:
            receipt.arrival, receipt.earlier = before.arrival, before.earlier
            # what only queued lies under its person's own key already, which seals all of her record
            receipt.former_key = None if before.person else before.vault_key
        else:
            receipt.version += 1
            receipt.earlier = [*before.earlier, before.digest][-EARLIER_LIMIT:]
        return receipt

    def settle(self, receipt: Receipt, *, stored: bool = True, traceparent: str | None = None) -> Answer:
        """Note the final state of a receipt and tell its source, if it listens on the topics."""
        if not stored:
            return Answer(receipt, stored=False)
        before = self.standing.get(receipt.key)
        place = next((n for n, one in enumerate(self.changes.new) if one is before), None)
        if before is None:
            self.changes.new.append(receipt)
        elif place is not None:
            self.changes.new[place] = receipt
        else:
            self.changes.changed.append(receipt)
        if before is not None and not self._healing:
            self.changes.archived.append(before)
        self.standing[receipt.key] = receipt
        self._tell(receipt, traceparent)
        return Answer(receipt)

    def _tell(self, receipt: Receipt, traceparent: str | None) -> None:
        outcome = receipt.outcome or ALL_OK
        if receipt.state == REJECTED:
            self.changes.events.append(events.rejected(receipt, outcome, traceparent))
        if receipt.by_topic or self._healing:
            self.changes.events.append(events.answered(receipt, outcome, traceparent))

    def rejected(
        self, receipt: Receipt, issues: Collection[Issue], category: tuple[Category, str | None], warnings: list[Issue]
    ) -> Receipt:
        """Refused, with reasons."""
        receipt.state = REJECTED
        receipt.references, receipt.unverified = [], []
        receipt.cause = cause_of(issues)
        receipt.category, receipt.detail = str(category[0]), category[1]
        receipt.outcome = _rendered([*issues, *warnings])
        return receipt

    def waits(self, receipt: Receipt, keys: Collection[str], issue: Issue, warnings: list[Issue]) -> Receipt:
        """Parked under look-up keys until the registry knows them."""
        receipt.state = PARKED
        receipt.waiting = sorted(set(keys))
        receipt.cause = issue.rule
        receipt.outcome = _rendered([issue, *warnings])
        self.changes.parked_keys.update(receipt.waiting)
        self.parked.update((receipt.source, key) for key in receipt.waiting)
        return receipt

    def recorded(
        self, receipt: Receipt, people: Collection[tuple[str, list[Version]]], count: int, traceparent: str | None
    ) -> Receipt:
        """Recorded: versions of each person, and ``encounter.recorded`` for each. ``count``: entries of the bundle."""
        references = [""] * count
        for person, versions in people:
            self.changes.versions += versions
            resources = []
            for version in versions:
                references[version.index] = version.reference
                if not version.late:
                    resources.append(events.resource_value(version.type, version.id, version.version, version.body))
            self.changes.events.append(events.recorded(receipt, person, resources, traceparent))
        receipt.references = references
        return receipt

    def repeat(self, receipt: Receipt, bodies: Callable[[str], bytes | None], traceparent: str | None) -> Answer:
        """The first answer once more; on the topics too, under the same event ids."""
        if receipt.by_topic:
            if receipt.state == RECORDED:
                for person in receipt.people or ([receipt.person] if receipt.person else []):
                    resources = list(_republished(receipt.references, bodies))
                    self.changes.events.append(events.recorded(receipt, person, resources, traceparent))
            self._tell(receipt, traceparent)
        return Answer(receipt, repeated=True)

    def duplicate(self, standing: Receipt, reading: Reading, traceparent: str | None) -> Answer:
        """Other content under an id that is taken: refused, and the first stays as it is."""
        en = "This id was used before with other content. The first stays; send other content under another id."
        bn = "এই আইডি আগে অন্য তথ্যের জন্য ব্যবহৃত হয়েছে। প্রথমটি থাকবে; নতুন তথ্য নতুন আইডিতে পাঠান।"
        issue = Issue(en, code="duplicate", rule="duplicate", text_bn=bn)
        twin = replace(
            standing,
            digest=digest(reading.submission.body),
            decided_at=self.at,
            by_topic=reading.submission.by_topic,
            answers=1,
            person=None,
            body=None,
        )
        self.rejected(twin, [issue], (Category.CONFLICT, None), [])
        if reading.submission.by_topic:
            self._tell(twin, traceparent)
        return Answer(twin, stored=False)


def head_after(version: Version, before: Head | None) -> Head:
    """A resource's head once a version was added."""
    if version.late and before is not None:
        return replace(before, last=version.version)
    return Head(version.version, version.version, version.source, version.type, version.person, version.stamp)


def cause_of(issues: Collection[Issue]) -> str:
    """What a rejection is grouped by: the first broken rule, never a value."""
    first = next(iter(issues), None)
    return "unknown" if first is None else first.rule or first.code or "invalid"


def _rendered(issues: Collection[Issue]) -> bytes:
    return _remembered(tuple(issues)) if len(issues) <= REMEMBERED_ISSUES else _outcome(issues)


@lru_cache(maxsize=1024)
def _remembered(issues: tuple[Issue, ...]) -> bytes:
    """Most bundles of a source earn the same few warnings at the same places."""
    return _outcome(issues)


def _outcome(issues: Collection[Issue]) -> bytes:
    return events.without_numbers(orjson.dumps(operation_outcome(issues)))


def _republished(references: Iterable[str], bodies: Callable[[str], bytes | None]) -> Iterable[bytes]:
    for reference in references:
        path, _, version = reference.partition("/_history/")
        body = bodies(reference) if version else None
        if body is not None:
            kind, _, resource = path.partition("/")
            yield events.resource_value(kind, resource, int(version), body)
