"""Ask the national service about numbers, each at the same time as the others."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from shr_common.errors import ShrError

from shr_healthid.domain.application import Proof
from shr_healthid.domain.evidence import Finding, Question, proof_of, question_of
from shr_healthid.domain.person import Demographics, Number


class NationalService(Protocol):
    """The national verification service."""

    async def ask(self, question: Question) -> Finding:
        """Its answer. Raises unavailable when it gives none in time."""


class Hasher(Protocol):
    """Keyed hashes of numbers."""

    def hash(self, kind: str, number: str) -> str:
        """The keyed hash of a number of a kind."""


class ProveNumbers:
    """Numbers in, proofs out, in the same order; a service that does not answer is a proof of nothing."""

    def __init__(self, service: NationalService, hasher: Hasher) -> None:
        self._service = service
        self._hasher = hasher

    async def __call__(self, numbers: Sequence[Number], said: Demographics) -> list[Proof]:
        """What is proven about each number, given what the person says of herself."""
        return list(await asyncio.gather(*(self._prove(number, said) for number in numbers)))

    async def _prove(self, number: Number, said: Demographics) -> Proof:
        finding: Finding | None = None
        try:
            finding = await self._service.ask(question_of(number, said))
        except ShrError as error:
            if not error.temporary:
                raise
        return proof_of(number, said, finding, self._hasher.hash)
