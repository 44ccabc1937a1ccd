"""What a request asks for: Parameters, an Appointment or plain JSON, read strictly."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson
from fastapi import Request as HttpRequest
from shr_common.errors import Category, Issue, ShrError
from shr_common.fhir.json import JsonLimits, parse
from shr_common.identifiers import is_person_id, latin_digits
from shr_common.security import Caller

from shr_appointments.domain.actors import Actor
from shr_appointments.domain.deciding import Request
from shr_appointments.use_cases.book_slot import Wish

TEXT_LIMIT = 500
KEY_LIMIT = 200
ID_LIMIT = 100
Json = dict[str, Any]


def unacceptable(text: str, at: str, *, code: str = "value") -> ShrError:
    """A body that cannot be accepted (422), located."""
    return ShrError(Category.INVALID, Issue(text, expression=at[:200], code=code))


def actor_of(caller: Caller) -> Actor:
    """The caller as the rules see her."""
    return Actor(caller.role, caller.id, caller.facility, caller.health_id)


async def body_of(request: HttpRequest, limits: JsonLimits) -> Json:
    """The JSON object of a body, or an empty one if there is none. Raises malformed (400)."""
    raw = await request.body()
    return parse(raw, limits=limits) if raw.strip() else {}


def request_of(request: HttpRequest, caller: Caller, body: Json) -> Request | None:
    """The ``Idempotency-Key``, of this caller and this address."""
    key = request.headers.get("idempotency-key")
    if not key:
        return None
    if len(key) > KEY_LIMIT:
        raise unacceptable(f"Idempotency-Key is longer than {KEY_LIMIT} characters.", "Idempotency-Key")
    named = "\n".join((caller.role, caller.id, request.url.path, key))
    content = hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()
    return Request(hashlib.sha256(named.encode("utf-8", "replace")).hexdigest(), content)


def wish_of(body: Json, caller: Caller) -> Wish:
    """A booking: ``slot``, ``patient`` (her own for a citizen who says none), ``comment``, ``appointment`` (a hold)."""
    said = _said(body)
    patient = said.get("patient") or caller.health_id
    if patient is None:
        raise unacceptable("patient is needed.", "patient", code="required")
    patient = latin_digits(patient)
    if not is_person_id(patient):
        raise unacceptable("patient must be a Health ID (11 digits) or a provisional id (P-…).", "patient")
    held = said.get("appointment")
    if held is None and said.get("slot") is None:
        raise unacceptable("slot is needed, or the appointment of a hold.", "slot", code="required")
    return Wish(said.get("slot"), patient, said.get("comment"), held)


def slot_asked(body: Json) -> str:
    """The slot that an appointment is moved to."""
    slot = _said(body).get("slot")
    if slot is None:
        raise unacceptable("slot is needed.", "slot", code="required")
    return slot


def reason_asked(body: Json) -> str | None:
    """Why an appointment is cancelled, if that is said."""
    said = _said(body)
    return said.get("reason") or said.get("comment")


def _said(body: Json) -> dict[str, str]:
    kind = body.get("resourceType")
    if kind == "Parameters":
        return _from_parameters(body)
    if kind == "Appointment":
        return _from_appointment(body, "Appointment")
    if kind is not None:
        raise unacceptable("Send Parameters, an Appointment, or slot and patient as JSON.", "resourceType")
    unknown = next((name for name in body if name not in _REFERENCES and name not in ("comment", "reason")), None)
    if unknown is not None:
        raise unacceptable(f"{unknown[:60]} is not known here.", unknown, code="structure")
    return {name: _value(name, value, name) for name, value in body.items() if value is not None}


def _from_parameters(body: Json) -> dict[str, str]:
    said: dict[str, str] = {}
    parameters = body.get("parameter", [])
    if not isinstance(parameters, list):
        raise unacceptable("A list is needed.", "Parameters.parameter", code="structure")
    for number, one in enumerate(parameters):
        at = f"Parameters.parameter[{number}]"
        if not isinstance(one, dict) or not isinstance(one.get("name"), str):
            raise unacceptable("A parameter needs a name.", at, code="structure")
        values = [(key, value) for key, value in one.items() if key.startswith("value") or key == "resource"]
        if len(values) != 1:
            raise unacceptable("A parameter here has exactly one value[x] or resource.", at, code="structure")
        key, value = values[0]
        if key == "resource":
            said |= _from_appointment(value, f"{at}.resource")
        elif one["name"] in _REFERENCES or one["name"] in ("comment", "reason"):
            said[one["name"]] = _value(one["name"], value, f"{at}.{key}")
        else:
            raise unacceptable(f"The parameter {one['name'][:60]} is not known here.", f"{at}.name", code="structure")
    return said


def _from_appointment(resource: Any, at: str) -> dict[str, str]:
    if not isinstance(resource, dict) or resource.get("resourceType") != "Appointment":
        raise unacceptable("An Appointment is needed.", at, code="structure")
    said: dict[str, str] = {}
    slots = resource.get("slot", [])
    if not isinstance(slots, list) or len(slots) != 1:
        raise unacceptable("An appointment here has exactly one slot.", f"{at}.slot", code="structure")
    said["slot"] = _value("slot", slots[0], f"{at}.slot[0]")
    participants = resource.get("participant", [])
    for number, one in enumerate(participants if isinstance(participants, list) else []):
        actor = one.get("actor") if isinstance(one, dict) else None
        reference = actor.get("reference") if isinstance(actor, dict) else None
        if isinstance(reference, str) and "Patient/" in reference:
            said["patient"] = _value("patient", actor, f"{at}.participant[{number}].actor")
    if resource.get("comment") is not None:
        said["comment"] = _value("comment", resource["comment"], f"{at}.comment")
    return said


_REFERENCES = {"slot": "Slot", "patient": "Patient", "appointment": "Appointment"}


def _value(name: str, value: Any, at: str) -> str:
    """Text, or the id that a Reference (relative or absolute) names."""
    if isinstance(value, dict) and name in _REFERENCES:
        value, at = value.get("reference"), f"{at}.reference"
    if not isinstance(value, str) or not value.strip():
        raise unacceptable("Text is needed.", at, code="structure")
    if name not in _REFERENCES:
        if len(value) > TEXT_LIMIT:
            raise unacceptable(f"{name} is longer than {TEXT_LIMIT} characters.", at)
        return value.strip()
    path, _, found = value.strip().rpartition("/")
    if path and path.rsplit("/", 1)[-1] != _REFERENCES[name]:
        raise unacceptable(f"A reference to a {_REFERENCES[name]} is needed.", at)
    if not found or len(found) > ID_LIMIT or "\0" in found:
        raise unacceptable(f"This is no id of a {_REFERENCES[name]}.", at)
    return found
