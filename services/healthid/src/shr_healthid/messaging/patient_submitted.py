"""``patient.submitted``: a Patient as for ``POST /fhir/Patient``, by the same rules."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

from shr_common.errors import invalid
from shr_common.fhir.json import JsonLimits
from shr_common.fhir.times import DHAKA
from shr_common.kafka import Record
from shr_common.keys import Envelope
from shr_common.messages import PREFIX, with_numbers_opened

from shr_healthid.domain.body import Body, parse
from shr_healthid.use_cases.answer_submitted_persons import AnswerSubmittedPersons, Arrived
from shr_healthid.use_cases.register_person import Submission

NAME_CHARACTERS_LIMIT = 200
FORWARDED_BY = "ce_forwardedby"
_SEALED = f'"{PREFIX}'.encode()


def handler(
    answer: AnswerSubmittedPersons, limits: JsonLimits, messages: Envelope
) -> Callable[[Sequence[Record]], Awaitable[None]]:
    """A batch of records; one without ``ce_id`` and ``ce_source`` has nobody to answer: a dead letter."""

    async def handle(records: Sequence[Record]) -> None:
        await answer([_arrived(record, limits, messages) for record in records])

    return handle


def _arrived(record: Record, limits: JsonLimits, messages: Envelope) -> Arrived:
    id_, source = record.id, record.source
    if not id_ or not source or max(len(id_), len(source)) > NAME_CHARACTERS_LIMIT:
        raise invalid("The record names no source (ce_source) and id (ce_id) to answer to.")
    source = source if "/" in source else f"{source}/unknown"
    at = datetime.fromtimestamp(record.timestamp_ms / 1000, UTC)

    def read() -> Submission:
        body = _opened(parse(record.value, limits), messages)
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
            answer_as=_answer_as(record, id_),
        )

    return Arrived(
        id=id_,
        answer_as=_answer_as(record, id_),
        source=source,
        key=record.key,
        body=record.value,
        read=read,
        at=at,
        traceparent=record.traceparent,
    )


def _answer_as(record: Record, id_: str) -> str:
    """The source's own id; of a Patient out of a submission to records that submission's, and ours behind it."""
    subject = record.headers.get("ce_subject")
    if record.headers.get(FORWARDED_BY) and subject:
        return f"{subject[:NAME_CHARACTERS_LIMIT]}#{id_}"
    return id_


def _opened(body: Body, messages: Envelope) -> Body:
    """The body with the numbers open that records sealed for healthid. Raises invalid for another's seal."""
    if _SEALED not in body.raw:
        return body
    try:
        tree, as_sent = with_numbers_opened(messages, body.tree), with_numbers_opened(messages, body.as_sent)
    except ValueError:
        raise invalid("A sealed number of this Patient was not sealed for healthid.", expression="Patient.identifier",
                      code="security", text_bn="এই রোগীর একটি সিল করা নম্বর খোলা যায় না।") from None  # fmt: skip
    return Body(body.raw, tree, as_sent)
