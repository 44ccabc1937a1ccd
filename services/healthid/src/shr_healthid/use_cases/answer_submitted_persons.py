"""Register persons that came by topic, and tell each source what became of its submission."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from shr_common.errors import Issue, ShrError
from shr_common.outcomes import operation_outcome, outcome_of
from shr_contracts import events, topics
from shr_contracts.cloudevents import Event, event_id, event_type

from shr_healthid.domain.events import SERVICE
from shr_healthid.domain.outcomes import Outcome
from shr_healthid.use_cases.register_person import RegisterPerson, Submission

STATES = {"created": "registered", "existing": "registered", "provisional": "provisional"}


class Answers(Protocol):
    """Where answers are published from."""

    async def add(self, events: Sequence[Event]) -> None:
        """Publish, durably."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """One record: how to read it (raises ShrError), and how its sender names it."""

    submission_id: str
    source: str
    key: str
    read: Callable[[], Submission] = field(repr=False)
    at: datetime
    traceparent: str | None = None


class AnswerSubmittedPersons:
    """A batch in the order of each key. Safe to run again: the sender's id makes repeats harmless."""

    def __init__(self, register: RegisterPerson, answers: Answers) -> None:
        self._register = register
        self._answers = answers

    async def __call__(self, arrived: Sequence[Arrived]) -> None:
        """Raises busy, unavailable: nothing of that record was decided."""
        by_key: dict[str, list[Arrived]] = {}
        for one in arrived:
            by_key.setdefault(one.key, []).append(one)
        answered = await asyncio.gather(*(self._in_order(ones) for ones in by_key.values()))
        await self._answers.add([event for some in answered for event in some])

    async def _in_order(self, arrived: Sequence[Arrived]) -> list[Event]:
        return [event for one in arrived for event in await self._answer(one)]

    async def _answer(self, one: Arrived) -> list[Event]:
        try:
            outcome = await self._register(one.read())
        except ShrError as error:
            if error.temporary:
                raise
            return _rejection(one, outcome_of(error))
        return [_answered(one, STATES[outcome.kind], _all_well(), outcome)]


def _all_well() -> dict[str, Any]:
    return operation_outcome([Issue("Registered.", code="informational", severity="information",
                                    text_bn="নিবন্ধিত হয়েছে।")])  # fmt: skip


def _rejection(one: Arrived, outcome: Mapping[str, Any]) -> list[Event]:
    value = events.PatientRejected(
        source=one.source, submission_id=one.submission_id, outcome=dict(outcome), rejected_at=one.at
    )
    rejected = _event(topics.PATIENT_REJECTED, one, value.model_dump_json(by_alias=True).encode(), key=one.key)
    return [rejected, _answered(one, "rejected", outcome, None)]


def _answered(one: Arrived, state: str, outcome: Mapping[str, Any], registered: Outcome | None) -> Event:
    person = registered.person if registered else None
    value = events.SubmissionAnswered.model_validate(
        {
            "source": one.source,
            "submission_id": one.submission_id,
            "state": state,
            "outcome": outcome,
            "resources": [f"Patient/{person.id}"] if person else [],
            "at": one.at,
        }
    )
    topic = topics.answer_topic(one.source.partition("/")[0])
    return _event(topic, one, value.model_dump_json(by_alias=True).encode(), key=one.submission_id)


def _event(topic: str, one: Arrived, value: bytes, *, key: str) -> Event:
    kind = event_type(topics.ANSWER_PREFIX.rstrip(".") if topic.startswith(topics.ANSWER_PREFIX) else topic)
    return Event(
        topic=topic,
        key=key,
        id=event_id(aggregate=f"{one.source}|{one.submission_id}", version=1, type=kind),
        type=kind,
        source=SERVICE,
        subject=one.submission_id,
        time=one.at,
        value=value,
        traceparent=one.traceparent,
    )
