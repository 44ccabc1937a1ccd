"""AsyncAPI 3.0 of all topics, generated from the topic list and the event models."""

from __future__ import annotations

from typing import Any

from shr_contracts import topics
from shr_contracts.cloudevents import CONSENT_HEARTBEAT, event_type
from shr_contracts.events import PUBLISHED, ConsentHeartbeat, SubmissionAnswered, Value
from shr_contracts.schemas import schema_of

HEADERS = {
    "type": "object",
    "required": ["ce_id", "ce_source"],
    "properties": {
        name: {"type": "string"}
        for name in ("ce_id", "ce_source", "ce_type", "ce_subject", "ce_time", "ce_specversion", "traceparent")
    },
}
_AS_SUBMITTED = {
    topics.ENCOUNTER_SUBMITTED: "A FHIR R4 Bundle, or the native payload that ce_type names, as the source sent it.",
}
_RECEIVED = {topics.ENCOUNTER_SUBMITTED, topics.PATIENT_SUBMITTED}


def _message(model: type[Value]) -> dict[str, Any]:
    type_ = CONSENT_HEARTBEAT if model is ConsentHeartbeat else event_type(model.topic.rstrip("."))
    schema = schema_of(model)
    return {
        "name": model.__name__,
        "title": (model.__doc__ or "").strip().splitlines()[0],
        "contentType": "application/json",
        "headers": HEADERS | {"x-ce-type": type_},
        "payload": {"schemaFormat": "application/schema+json;version=draft-2020-12", "schema": schema},
    }


def document(*, version: str = "0.1.0") -> dict[str, Any]:
    """The AsyncAPI document as a JSON-ready dictionary."""
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    messages = {model.__name__: _message(model) for model in PUBLISHED}
    for topic, told in _AS_SUBMITTED.items():
        messages[topic] = {"name": topic, "title": told, "headers": HEADERS, "payload": {"type": "object"}}
    for spec in topics.ALL_TOPICS:
        if spec.name.endswith(".dlq"):
            continue
        names = [m.__name__ for m in PUBLISHED if m.topic == spec.name]
        if spec.name.startswith(topics.ANSWER_PREFIX):
            names = [SubmissionAnswered.__name__]
        names = names or [spec.name]
        refs = {name: {"$ref": f"#/components/messages/{name}"} for name in names}
        channels[spec.name] = {
            "address": spec.name,
            "messages": refs,
            "bindings": {"kafka": {"partitions": spec.partitions}},
        }
        action = "receive" if spec.name in _RECEIVED else "send"
        operations[f"{action}.{spec.name}"] = {"action": action, "channel": {"$ref": f"#/channels/{spec.name}"}}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Shared Health Record", "version": version},
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages},
    }
