"""Register the lines of a file: each has its own answer, and a bad one never harms its neighbours."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from shr_common.errors import Category, ShrError

from shr_healthid.domain.outcomes import Outcome
from shr_healthid.domain.relations import names_in
from shr_healthid.use_cases.register_person import RegisterPerson, Submission


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a file: its number from 1 on, and how to read it (raises ShrError)."""

    number: int
    read: Callable[[], Submission] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Settled:
    """How a line ended: with an outcome, or with what was wrong."""

    number: int
    outcome: Outcome | None = None
    error: ShrError | None = None


class RegisterMany:
    """Lines run at the same time and join the same units of work; those about one person run in their order."""

    def __init__(self, register: RegisterPerson, *, at_once: int) -> None:
        self._register = register
        self._at_once = at_once

    async def __call__(self, lines: Sequence[Line]) -> list[Settled]:
        """One result for each line, in order."""
        gate = asyncio.Semaphore(self._at_once)
        latest: dict[str, asyncio.Task[Settled]] = {}
        tasks: list[asyncio.Task[Settled]] = []
        for line in lines:
            submission: Submission | ShrError
            try:
                submission = line.read()
            except ShrError as error:
                submission = error
            names = _names(submission)
            earlier = {latest[name] for name in names if name in latest}
            task = asyncio.create_task(self._settle(line, submission, earlier, gate))
            latest |= dict.fromkeys(names, task)
            tasks.append(task)
        return list(await asyncio.gather(*tasks))

    async def _settle(
        self, line: Line, submission: Submission | ShrError, earlier: set[asyncio.Task[Any]], gate: asyncio.Semaphore
    ) -> Settled:
        if isinstance(submission, ShrError):
            return Settled(line.number, error=submission)
        if earlier:
            await asyncio.wait(earlier)
        async with gate:
            try:
                return Settled(line.number, await self._register(submission))
            except ShrError as error:
                return Settled(line.number, error=error)
            except Exception as error:
                fault = ShrError(Category.FAULT, "This line could not be registered; the fault is on our side.")
                fault.__cause__ = error
                return Settled(line.number, error=fault)


def _names(submission: Submission | ShrError) -> frozenset[str]:
    return frozenset() if isinstance(submission, ShrError) else names_in(submission.patient)
