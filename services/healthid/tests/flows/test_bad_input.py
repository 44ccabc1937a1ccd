"""Bad input: each gets a located answer, nothing is half-written, never a 500."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fastapi.routing import APIRoute
from shr_common.security import ROLES, allowed_roles
from shr_healthid.main import create_app


async def post(registry: Any, raw: bytes, kind: str = "application/fhir+json") -> Any:
    headers = {**registry.as_source(), "content-type": kind}
    return await registry.client.post("/fhir/Patient", content=raw, headers=headers)


def deep(levels: int) -> bytes:
    return b'{"resourceType":"Patient","extension":' + b'[{"extension":' * levels + b"[]" + b"}]" * levels + b"}"


UNREADABLE = {
    "not json": b"{not json",
    "empty": b"",
    "a list": b"[]",
    "duplicate keys": b'{"resourceType":"Patient","gender":"male","gender":"female"}',
    "NaN": b'{"resourceType":"Patient","multipleBirthInteger":NaN}',
    "infinity": b'{"resourceType":"Patient","multipleBirthInteger":1e999}',
    "lone surrogate": b'{"resourceType":"Patient","name":[{"text":"\\ud800"}]}',
    "not utf-8": b'{"resourceType":"Patient","name":[{"text":"\xff"}]}',
    "too deep": deep(100),
    "much too deep": deep(3000),
}


@pytest.mark.parametrize("what", UNREADABLE)
async def test_what_cannot_be_read_is_a_400_with_its_place(what: str, registry: Any) -> None:
    answer = await post(registry, UNREADABLE[what])
    assert answer.status_code == 400, answer.text
    found = answer.json()["issue"][0]
    assert "line" in found["diagnostics"]
    assert "column" in found["diagnostics"]


async def test_too_many_bytes_are_a_413(registry: Any) -> None:
    answer = await post(registry, b'{"resourceType":"Patient","id":"' + b"a" * 20_000_000 + b'"}')
    assert answer.status_code == 413


async def test_another_media_type_is_a_415(registry: Any) -> None:
    assert (await post(registry, b"<Patient/>", "application/fhir+xml")).status_code == 415


def changed(**changes: Any) -> Any:
    return lambda patient: {**patient, **changes}


def identified(system: str, value: Any) -> Any:
    return lambda patient: {**patient, "identifier": [{"system": system, "value": value}]}


NID = "http://dghs.gov.bd/identifier/nid"
BRN = "http://dghs.gov.bd/identifier/brn"
UHID = "http://dghs.gov.bd/identifier/uhid"
UNACCEPTABLE: dict[str, tuple[Any, str]] = {
    "another type": (lambda p: {"resourceType": "Observation", "status": "final"}, "resourceType"),
    "no such type": (changed(resourceType="Nonsense"), "resourceType"),
    "operator as a name": (lambda p: {**p, "$where": "sleep(1000)"}, "$where"),
    "operator as a value": (changed(gender={"$ne": None}), "Patient.gender"),
    "impossible date": (changed(birthDate="1985-02-30"), "Patient.birthDate"),
    "future date": (changed(birthDate="2985-02-20"), "Patient.birthDate"),
    "ancient date": (changed(birthDate="1750-02-20"), "Patient.birthDate"),
    "no date": (lambda p: {k: v for k, v in p.items() if k != "birthDate"}, "Patient.birthDate"),
    "death before birth": (changed(deceasedDateTime="1984-01-01"), "Patient.deceasedDateTime"),
    "no name": (lambda p: {k: v for k, v in p.items() if k != "name"}, "Patient.name"),
    "endless name": (changed(name=[{"text": "ক" * 10_000}]), "Patient.name"),
    "gender of no code": (changed(gender="F"), "Patient.gender"),
    "cardinality": (changed(gender=["female"]), "Patient.gender"),
    "no number": (changed(identifier=[]), "Patient.identifier"),
    "bangla digits": (identified(NID, "১৯৮৫১২৩৪৫৬৭৮৯০১২৩"), "Patient.identifier[0].value"),
    "spaces": (identified(NID, "1985 1234 5678 90123"), "Patient.identifier[0].value"),
    "twelve digits": (identified(NID, "123456789012"), "Patient.identifier[0].value"),
    "letters": (identified(BRN, "1985123456789012X"), "Patient.identifier[0].value"),
    "short brn": (identified(BRN, "1234567890"), "Patient.identifier[0].value"),
    "a number as a number": (identified(NID, 1234567890), "Patient.identifier[0].value"),
    "wrong check digit": (identified(UHID, "98000173959"), "Patient.identifier[0].value"),
    "a health id of nobody": (identified(UHID, "98000173958"), "Patient.identifier"),
}


@pytest.mark.parametrize("what", UNACCEPTABLE)
async def test_what_is_not_acceptable_is_a_422_with_its_place(
    what: str, registry: Any, citizen: Any, number: Any
) -> None:
    change, place = UNACCEPTABLE[what]
    before = await registry.database.persons.count_documents({})
    answer = await post(registry, json.dumps(change(citizen(nid=number(17)))).encode())
    assert answer.status_code == 422, answer.text
    places = [e for i in answer.json()["issue"] for e in i.get("expression", ())]
    assert any(place in found for found in places), answer.text
    assert await registry.database.persons.count_documents({}) == before


async def test_bangla_digits_are_explained_in_bangla(registry: Any, citizen: Any) -> None:
    answer = await registry.register(citizen(nid="১৯৮৫১২৩৪৫৬৭৮৯০১২৩"))
    assert "ইংরেজি অঙ্কে" in answer.text
    assert "Latin digits" in answer.text
    assert "১৯৮৫১২৩৪৫৬৭৮৯০১২৩" not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "content"),
    [
        ("PUT", "/fhir/Patient/98000173958", UNREADABLE["lone surrogate"]),
        ("POST", "/fhir/Patient/_search", UNREADABLE["duplicate keys"]),
        ("POST", "/fhir/Patient/98000173958/$link-birth-registration", UNREADABLE["NaN"]),
        ("POST", "/fhir/Patient/98000173958/$guardian", UNREADABLE["much too deep"]),
        ("POST", "/fhir/Patient/_search", b'{"resourceType":"Parameters","parameter":[{"name":"identifier"}]}'),
        ("POST", "/fhir/Patient/_search", b'{"resourceType":"Parameters","parameter":[7]}'),
        ("POST", "/fhir/Patient/98000173958/$guardian", b'{"guardian":{"$ne":1}}'),
        ("POST", "/fhir/Patient/98000173958/$link-birth-registration", b'{"resourceType":"Parameters"}'),
        ("GET", "/fhir/Patient/$where", b""),
        ("GET", "/fhir/Patient/..%2f..%2f", b""),
        ("GET", "/fhir/Patient?birthdate=ge1985", b""),
        ("GET", "/fhir/Patient?_count=-1&name=ab", b""),
        ("GET", "/fhir/Patient?name=%5E.*%24&birthdate=1985-01-01", b""),
    ],
)
async def test_no_route_fails_of_bad_input(method: str, path: str, content: bytes, registry: Any) -> None:
    headers = {**registry.issuer.as_("registrar"), "content-type": "application/fhir+json"}
    answer = await registry.client.request(method, path, content=content, headers=headers)
    assert answer.status_code < 500, answer.text


async def test_every_route_refuses_whom_it_does_not_name(registry: Any) -> None:
    app = create_app(registry.settings)
    public = {"/counters", "/fhir/metadata", "/dev/inbox", "/metrics", "/docs", "/openapi.json", "/cards/verify"}
    checked = 0
    for route in (r for r in app.routes if isinstance(r, APIRoute)):
        if route.path in public or route.path.startswith(("/health/", "/.well-known/")):
            continue
        allowed = allowed_roles(route)
        assert allowed, f"{route.path} names no caller"
        path = route.path.replace("{id}", "98000173958")
        for method in route.methods:
            anonymous = await registry.client.request(method, path, content=b"{bad")
            assert anonymous.status_code == 401
            assert "www-authenticate" in anonymous.headers
            for claims in ({"aud": "other"}, {"exp": 1}, {"iss": "x"}):
                by = registry.issuer.as_("registrar", **claims)
                assert (await registry.client.request(method, path, headers=by)).status_code == 401
            for role in ROLES - allowed:
                by = registry.issuer.as_(role, health_id="98000173958")
                refused = await registry.client.request(method, path, content=b"{}", headers=by)
                assert refused.status_code == 403, (role, path)
            checked += 1
    assert checked >= 8


async def test_the_inbox_is_absent_in_production(registry: Any) -> None:
    app = create_app(registry.settings.model_copy(update={"environment": "production"}))
    assert "/dev/inbox" not in {getattr(route, "path", "") for route in app.routes}
