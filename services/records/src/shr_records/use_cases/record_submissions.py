"""The story of a batch, whichever way it came: parse and validate → who is my patient → what do my codes mean →
accept, reject or park → one unit of work.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from shr_records.domain.handing_on import Seal
from shr_records.domain.people import Hash
from shr_records.domain.reading import Limits, Reading, read
from shr_records.domain.receipt import Receipt
from shr_records.domain.references import REGISTRY_TYPES
from shr_records.domain.submission import Submission
from shr_records.use_cases.ledger import Answer
from shr_records.use_cases.settle_batch import BatchSettlement, Transaction

T = TypeVar("T")
Coding = tuple[str, str]


class Store(Protocol):
    """Where submissions and resources are kept."""

    async def run(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run in one transaction; again when the store calls the failure transient."""


class Codes(Protocol):
    """The local replica of the terminology."""

    async def known(self, codings: Collection[Coding]) -> Callable[[Coding], bool]:
        """A test for which of these codings exist (structural ones of HL7 count as known)."""


class Registry(Protocol):
    """The local replica of facilities and practitioners."""

    async def known(self, references: Collection[str]) -> Callable[[str], bool]:
        """A test for which of these references (``Practitioner/…``) the registry holds."""


class RecordSubmissions:
    """Records, parks or rejects submissions, and heals parked ones: the same decision at both times."""

    def __init__(
        self,
        store: Store,
        *,
        codes: Codes,
        registry: Registry,
        hash_of: Hash,
        seal: Seal,
        limits: Limits,
        strict_sources: Collection[str] = (),
        settled: Callable[[Iterable[Answer]], None] = lambda _answers: None,
    ) -> None:
        """``seal`` is for healthid; ``settled`` is told of each committed batch (metrics, waking the relay)."""
        self._store = store
        self._codes = codes
        self._registry = registry
        self._hash = hash_of
        self._seal = seal
        self._limits = limits
        self._strict = frozenset(strict_sources)
        self._settled = settled

    async def __call__(self, submissions: Sequence[Submission], *, at: datetime) -> list[Answer]:
        """One answer for each submission, in order. Raises busy, unavailable, fault: then nothing was written."""
        readings = [self.read(submission) for submission in submissions]
        return await self._settle(readings, at, healing=False)

    async def heal(self, receipts: Sequence[Receipt], *, at: datetime, overdue: bool = False) -> list[Answer]:
        """Decide again about parked submissions, in this order; ``overdue`` ones that still wait are rejected."""
        readings = [self.read(receipt.submission()) for receipt in receipts]
        for reading, receipt in zip(readings, receipts, strict=True):
            reading.id, reading.firm = receipt.id, receipt.firm
        return await self._settle(readings, at, healing=True, overdue=overdue, keys=[one.key for one in receipts])

    def read(self, submission: Submission) -> Reading:
        """Parse and validate one submission under this service's limits."""
        strict = submission.source in self._strict or submission.system in self._strict
        return read(submission, limits=self._limits, strict=strict)

    async def _settle(
        self,
        readings: Sequence[Reading],
        at: datetime,
        *,
        healing: bool,
        overdue: bool = False,
        keys: Sequence[bytes] | None = None,
    ) -> list[Answer]:
        known = await self._codes.known(_codings(readings))
        registered = await self._registry.known(_registry_references(readings))

        async def work(transaction: Transaction) -> list[Answer]:
            batch = BatchSettlement(
                transaction,
                at=at,
                hash_of=self._hash,
                known=known,
                is_registered=registered,
                seal=self._seal,
                healing=healing,
                overdue=overdue,
            )
            return await batch.settle(readings, keys)

        answers = await self._store.run(work)
        self._settled(answers)
        return answers


def _codings(readings: Sequence[Reading]) -> set[Coding]:
    return {coding for reading in readings for entry in reading.entries for coding in entry.facts.codings}


def _registry_references(readings: Sequence[Reading]) -> set[str]:
    return {
        text
        for reading in readings
        for entry in reading.entries
        for node in entry.facts.references
        if (text := node["reference"]).partition("/")[0] in REGISTRY_TYPES
    }
