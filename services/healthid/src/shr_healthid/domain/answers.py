"""What a source that sent a registration by topic is told, and the services with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shr_common.identifiers import is_person_id
from shr_contracts import events, topics
from shr_contracts.cloudevents import Event, event_id, event_type

from shr_healthid.domain.events import SERVICE
from shr_healthid.domain.person import Person

VERIFIED_LATER: Mapping[str, Any] = {
    "resourceType": "OperationOutcome",
    "issue": [{"severity": "information", "code": "informational", "details": {"text": "Verified and registered."}}],
}
_ANSWERED = event_type(topics.ANSWER_PREFIX.rstrip("."))


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom an answer goes to. ``version`` 1 is the first answer to this content, 2 that of a later verification.

    ``content``: what tells other content under the same id apart (a keyed hash); empty for the first.
    """

    source: str
    submission_id: str
    at: datetime
    key: str | None = None
    content: str = ""
    version: int = 1
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """The first answer to a submission that was refused. ``digest``: of its content."""

    digest: str
    outcome: Mapping[str, Any] = field(repr=False)


def registered(asked: Asked, person: Person, outcome: Mapping[str, Any]) -> list[Event]:
    """``submission.answered.<system>``: registered, or provisional until her number is verified."""
    return [_answered(asked, "registered" if person.is_active else "provisional", outcome, f"Patient/{person.id}")]


def rejected(asked: Asked, outcome: Mapping[str, Any]) -> list[Event]:
    """``patient.rejected``, and the same to the source."""
    value = events.PatientRejected(
        source=asked.source, submission_id=asked.submission_id, outcome=dict(outcome), rejected_at=asked.at
    )
    # a source's own key may be a number of hers: only a Health ID is handed on
    key = asked.key if asked.key and is_person_id(asked.key) else asked.submission_id
    told = _event(asked, topics.PATIENT_REJECTED, event_type(topics.PATIENT_REJECTED), value, key=key)
    return [told, _answered(asked, "rejected", outcome)]


def _answered(asked: Asked, state: str, outcome: Mapping[str, Any], *resources: str) -> Event:
    value = events.SubmissionAnswered.model_validate(
        {
            "source": asked.source,
            "submission_id": asked.submission_id,
            "state": state,
            "outcome": outcome,
            "resources": list(resources),
            "at": asked.at,
            "version": asked.version,
        }
    )
    topic = topics.answer_topic(asked.source.partition("/")[0])
    return _event(asked, topic, _ANSWERED, value, key=asked.submission_id)


def _event(asked: Asked, topic: str, kind: str, value: events.Value, *, key: str) -> Event:
    aggregate = "|".join(part for part in (asked.source, asked.submission_id, asked.content) if part)
    return Event(
        topic=topic,
        key=key,
        id=event_id(aggregate=aggregate, version=asked.version, type=kind),
        type=kind,
        source=SERVICE,
        subject=asked.submission_id,
        time=asked.at,
        value=value.model_dump_json(by_alias=True).encode(),
        traceparent=asked.traceparent,
    )
