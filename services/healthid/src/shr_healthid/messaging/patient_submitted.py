"""``patient.submitted``: a Patient as for ``POST /fhir/Patient``, by the same rules."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

from shr_common.errors import invalid
from shr_common.fhir.json import JsonLimits
from shr_common.fhir.times import DHAKA
from shr_common.kafka import Record

from shr_healthid.domain.body import parse
from shr_healthid.use_cases.answer_submitted_persons import AnswerSubmittedPersons, Arrived
from shr_healthid.use_cases.register_person import Submission

NAME_CHARACTERS_LIMIT = 200


def handler(answer: AnswerSubmittedPersons, limits: JsonLimits) -> Callable[[Sequence[Record]], Awaitable[None]]:
    """A batch of records; one without ``ce_id`` and ``ce_source`` has nobody to answer: a dead letter."""

    async def handle(records: Sequence[Record]) -> None:
        await answer([_arrived(record, limits) for record in records])

    return handle


def _arrived(record: Record, limits: JsonLimits) -> Arrived:
    id_, source = record.id, record.source
    if not id_ or not source or max(len(id_), len(source)) > NAME_CHARACTERS_LIMIT:
        raise invalid("The record names no source (ce_source) and id (ce_id) to answer to.")
    source = source if "/" in source else f"{source}/unknown"
    at = datetime.fromtimestamp(record.timestamp_ms / 1000, UTC)

    def read() -> Submission:
        body = parse(record.value, limits)
        facility = source.partition("/")[2]
        return Submission(
            patient=body.tree,
            body=body.raw,
            digest_of=body.canonical(),
            source=source,
            facility=None if facility == "unknown" else facility,
            channel="topic",
            at=at,
            today=at.astimezone(DHAKA).date(),
            key=id_,
            as_sent=body.as_sent,
            traceparent=record.traceparent,
        )

    return Arrived(
        submission_id=id_, source=source, key=record.key or id_, read=read, at=at, traceparent=record.traceparent
    )
