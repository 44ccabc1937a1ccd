"""Register persons that came by topic, and tell each source what became of its submission."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol

from shr_common.errors import Issue, ShrError
from shr_common.outcomes import operation_outcome, outcome_of
from shr_contracts.cloudevents import Event

from shr_healthid.domain.answers import Asked, Refusal, registered, rejected
from shr_healthid.domain.ledger import Intake
from shr_healthid.domain.outcomes import Outcome
from shr_healthid.use_cases.register_person import RegisterPerson, Submission

DUPLICATE = Issue(
    "This id (ce_id) was used for another registration. Use a new one.",
    code="duplicate",
    rule="duplicate",
    text_bn="এই আইডি (ce_id) অন্য নিবন্ধনে ব্যবহৃত হয়েছে। নতুন আইডি ব্যবহার করুন।",
)


class Answers(Protocol):
    """Where answers are published from."""

    async def add(self, events: Sequence[Event]) -> None:
        """Publish, durably."""


class Refusals(Protocol):
    """Refused submissions, kept so that a repeat is answered with the first answer."""

    async def of(self, intake_id: str) -> Refusal | None:
        """The refusal of an intake."""

    async def keep(self, intake: Intake, outcome: Mapping[str, Any]) -> Refusal:
        """Keep a refusal; the first one stays, and is answered."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """One record: how to read it (raises ShrError), its bytes, how its sender names it (``id``) and is answered.

    ``key`` is the record's own key, by which the order of one person's records is kept.
    """

    id: str
    answer_as: str
    source: str
    key: str | None
    body: bytes = field(repr=False)
    read: Callable[[], Submission] = field(repr=False)
    at: datetime
    traceparent: str | None = None


class AnswerSubmittedPersons:
    """A batch in the order of each key. Safe to run again: the sender's id makes repeats harmless."""

    def __init__(self, register: RegisterPerson, answers: Answers, refusals: Refusals) -> None:
        self._register = register
        self._answers = answers
        self._refusals = refusals

    async def __call__(self, arrived: Sequence[Arrived]) -> None:
        """Raises busy, unavailable: nothing of that record was decided."""
        in_order: dict[str, list[Arrived]] = {}
        for one in arrived:
            in_order.setdefault(one.key or f"{one.source}|{one.id}", []).append(one)
        answered = await asyncio.gather(*(self._in_order(ones) for ones in in_order.values()))
        await self._answers.add([event for some in answered for event in some])

    async def _in_order(self, arrived: Sequence[Arrived]) -> list[Event]:
        return [event for one in arrived for event in await self._answer(one)]

    async def _answer(self, one: Arrived) -> list[Event]:
        asked = Asked(one.source, one.answer_as, one.at, key=one.key, traceparent=one.traceparent)
        submission: Submission | None = None
        error: ShrError | None = None
        try:
            submission = one.read()
        except ShrError as unreadable:
            error = unreadable
        intake = self._intake(one, submission)
        first = await self._refusals.of(intake.id)
        if first is not None:
            return self._again(asked, first, intake)
        if submission is not None:
            try:
                return _well(asked, await self._register(submission))
            except ShrError as refused:
                error = refused
        assert error is not None  # noqa: S101 (what has no outcome was refused)
        if error.temporary:
            raise error
        if any(issue.code == "duplicate" and issue.rule == "duplicate" for issue in error.issues):
            return self._duplicate(asked, intake)  # of one that was registered: that stays the first answer
        return self._again(asked, await self._refusals.keep(intake, outcome_of(error)), intake)

    def _intake(self, one: Arrived, submission: Submission | None) -> Intake:
        if submission is None:  # nothing could be read: the bytes are all that tells it from another
            nothing = Submission({}, one.body, one.body.hex(), one.source, None, "topic", one.at, one.at.date(), one.id)
            return self._register.intake_of(nothing)
        return self._register.intake_of(submission)

    def _again(self, asked: Asked, first: Refusal, intake: Intake) -> list[Event]:
        if first.digest != intake.digest:
            return self._duplicate(asked, intake)
        return rejected(asked, first.outcome)

    def _duplicate(self, asked: Asked, intake: Intake) -> list[Event]:
        return rejected(replace(asked, content=intake.digest), operation_outcome([DUPLICATE]))


def _well(asked: Asked, outcome: Outcome) -> list[Event]:
    assert outcome.person is not None  # noqa: S101 (refusals are errors)
    return registered(asked, outcome.person, operation_outcome([REGISTERED, *outcome.warnings]))


REGISTERED = Issue("Registered.", code="informational", severity="information", text_bn="নিবন্ধিত হয়েছে।")
