"""What intake publishes: values put together from the served bytes, never parsed again."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import orjson
from shr_common.identifiers import masked
from shr_contracts.cloudevents import Event, event_id, event_type, rfc3339
from shr_contracts.topics import ENCOUNTER_RECORDED, ENCOUNTER_REJECTED, answer_topic

from shr_records.domain.receipt import Receipt

SERVICE = "records"
_RECORDED_TYPE = event_type(ENCOUNTER_RECORDED)
_REJECTED_TYPE = event_type(ENCOUNTER_REJECTED)
_ANSWERED_TYPE = event_type("submission.answered")
# the two bytes are ০ to ৯ in UTF-8
_UUID_OR_NUMBER = re.compile(
    rb"(?P<uuid>[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})|(?:\d|\xe0\xa7[\xa6-\xaf]){10,}"
)
_QUOTED = re.compile("“[^”]*”".encode())


def without_numbers(outcome: bytes) -> bytes:
    """An outcome in which whatever looks like an identity number, in whatever digits, shows its last ones only."""
    return _UUID_OR_NUMBER.sub(
        lambda found: found.group(0) if found["uuid"] else masked(found.group(0).decode()).encode(), outcome
    )


def without_values(outcome: bytes) -> bytes:
    """An outcome that repeats nothing of what was sent (findings quote values in “…”)."""
    return _QUOTED.sub("“…”".encode(), outcome)


def resource_value(type: str, id: str, version: int, served: bytes) -> bytes:
    """One element of ``encounter.recorded``'s resources."""
    return b'{"type":"%b","id":"%b","version":%d,"resource":%b}' % (type.encode(), id.encode(), version, served)


def recorded(receipt: Receipt, person: str, resources: Iterable[bytes], traceparent: str | None) -> Event:
    """``encounter.recorded`` of one person's part."""
    value = {
        "source": receipt.source,
        "submission_id": receipt.id,
        "health_id": person,
        "resources": orjson.Fragment(b"[" + b",".join(resources) + b"]"),
        "unverified_codes": receipt.unverified,
        "recorded_at": rfc3339(receipt.decided_at),
        "version": receipt.version,
    }
    aggregate = f"{receipt.source}\n{receipt.id}\n{person}"
    return _event(receipt, ENCOUNTER_RECORDED, _RECORDED_TYPE, person, aggregate, receipt.version, value, traceparent)


def rejected(receipt: Receipt, outcome: bytes, traceparent: str | None) -> Event:
    """``encounter.rejected``. The digest keeps a refused twin apart from the submission whose id it took."""
    value = {
        "source": receipt.source,
        "submission_id": receipt.id,
        "health_id": receipt.person,
        "outcome": orjson.Fragment(outcome),
        "rejected_at": rfc3339(receipt.decided_at),
        "version": receipt.version,
    }
    aggregate = f"{receipt.source}\n{receipt.id}\n{receipt.digest.hex()}"
    key = receipt.person or receipt.key.hex()
    return _event(receipt, ENCOUNTER_REJECTED, _REJECTED_TYPE, key, aggregate, receipt.version, value, traceparent)


def answered(receipt: Receipt, outcome: bytes, traceparent: str | None) -> Event:
    """``submission.answered.<system>``, without clinical content."""
    value = {
        "source": receipt.source,
        "submission_id": receipt.id,
        "state": receipt.state,
        "outcome": orjson.Fragment(without_values(outcome)),
        "resources": receipt.references,
        "at": rfc3339(receipt.decided_at),
        "version": receipt.answers,
    }
    aggregate = f"{receipt.source}\n{receipt.id}\n{receipt.digest.hex()}"
    topic = answer_topic(receipt.system)
    return _event(receipt, topic, _ANSWERED_TYPE, receipt.key.hex(), aggregate, receipt.answers, value, traceparent)


def _event(
    receipt: Receipt,
    topic: str,
    kind: str,
    key: str,
    aggregate: str,
    version: int,
    value: Mapping[str, object],
    traceparent: str | None,
) -> Event:
    return Event(
        topic=topic,
        key=key,
        id=event_id(aggregate=aggregate, version=version, type=kind),
        type=kind,
        source=SERVICE,
        subject=receipt.id,
        time=receipt.decided_at,
        value=orjson.dumps(value),
        traceparent=traceparent,
        extensions=_extensions(receipt),
    )


def _extensions(receipt: Receipt) -> tuple[tuple[str, str], ...]:
    system, _, facility = receipt.source.partition("/")
    return (("ce_sourcesystem", system), ("ce_facility", facility)) if facility != "unknown" else (
        ("ce_sourcesystem", system),
    )  # fmt: skip
