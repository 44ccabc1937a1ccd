"""Every route for every kind of caller; and the bad input that each refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fastapi.routing import APIRoute
from shr_common.security import ROLES, allowed_roles, is_public

ROUTES = {
    ("POST", "/consent-requests"): {"practitioner", "facility"},
    ("GET", "/consent-requests"): {"citizen", "practitioner", "facility"},
    ("GET", "/consent-requests/{id}"): {"citizen", "practitioner", "facility"},
    ("POST", "/consent-requests/{id}/confirm"): {"practitioner", "facility"},
    ("PUT", "/pin"): {"citizen"},
    ("GET", "/consents/{id}"): {"citizen", "practitioner", "facility"},
    ("POST", "/consent-requests/{id}/grant"): {"citizen"},
    ("POST", "/consent-requests/{id}/deny"): {"citizen"},
    ("POST", "/consents"): {"citizen"},
    ("GET", "/consents"): {"citizen", "practitioner", "facility"},
    ("POST", "/consents/{id}/revoke"): {"citizen"},
    ("POST", "/restrictions"): {"citizen"},
    ("DELETE", "/restrictions/{id}"): {"citizen"},
    ("POST", "/break-glass"): {"practitioner"},
    ("POST", "/decisions"): set(ROLES),
    ("GET", "/access-log"): {"citizen", "administrator"},
    ("GET", "/access-log/proof"): {"citizen", "administrator"},
    ("GET", "/fhir/Consent"): {"citizen", "practitioner", "facility"},
    ("GET", "/fhir/Consent/{id}"): {"citizen", "practitioner", "facility"},
}
CLAIMS: dict[str, dict[str, Any]] = {
    "citizen": {"health_id": "98000173958"},
    "practitioner": {"practitioner": "20000002", "facility": "10000002"},
    "facility": {"facility": "10000002"},
    "source_system": {"source": "openmrs", "facility": "10000001"},
}


def routes_of(service: Any) -> dict[tuple[str, str], set[str] | None]:
    found = {}
    for route in service.app.routes:
        for one in getattr(getattr(route, "original_router", None), "routes", [route]):
            if isinstance(one, APIRoute):
                for method in one.methods:
                    found[method, one.path] = allowed_roles(one)
    return found


async def test_every_route_declares_who_may_call_it(service: Any) -> None:
    declared = {way: roles for way, roles in routes_of(service).items() if not is_public(way[1])}
    assert {way: set(roles or ()) for way, roles in declared.items()} == ROUTES


@pytest.mark.parametrize("way", ROUTES, ids=lambda way: " ".join(way))
async def test_each_route_refuses_the_others(service: Any, way: tuple[str, str]) -> None:
    method, path = way[0], way[1].replace("{id}", "none")
    anonymous = await service.client.request(method, path)
    assert anonymous.status_code == 401
    assert anonymous.headers["WWW-Authenticate"].startswith("Bearer")
    wrong = service.issuer.as_("citizen", health_id="98000173958", aud="other")
    assert (await service.client.request(method, path, headers=wrong)).status_code == 401
    expired = service.issuer.as_("citizen", health_id="98000173958", ttl_s=-60)
    assert (await service.client.request(method, path, headers=expired)).status_code == 401
    for role in ROLES - ROUTES[way]:
        headers = service.issuer.as_(role, **CLAIMS.get(role, {}))
        answer = await service.client.request(method, path, headers=headers, content=b"{")
        assert answer.status_code == 403, f"{role} {method} {path}"


async def test_a_token_that_does_not_say_who_is_refused(service: Any, person: str) -> None:
    assert (await service.other("citizen").gets("/consents")).status_code == 403
    assert (await service.other("practitioner").gets("/consents", patient=person)).status_code == 403


async def test_another_citizens_things_are_forbidden(service: Any, person: str, persons: Any) -> None:
    stranger, doctor = service.citizen(persons()), service.doctor()
    asked = await doctor.asks(person)
    for way in ("grant", "deny"):
        assert (await stranger.posts(f"/consent-requests/{asked['id']}/{way}")).status_code == 403
    assert (await stranger.gets("/consent-requests", patient=person)).status_code == 403
    assert (await stranger.gets("/consents", patient=person)).status_code == 403
    assert (await stranger.gets("/fhir/Consent", patient=person)).status_code == 403
    assert (await stranger.gets("/access-log", patient=person)).status_code == 403
    assert (await stranger.gets("/access-log/proof", patient=person)).status_code == 403
    assert (await stranger.posts(f"/consents/{asked['id']}/revoke")).status_code == 403
    mine = {"patient": person, "decision": "deny"}
    assert (await stranger.posts("/consents", mine)).status_code == 403
    assert (await stranger.posts("/restrictions", {"patient": person, "reference": "Encounter/1"})).status_code == 403
    claimed = service.other("citizen", health_id=persons(), guardian_of=person)
    assert (await claimed.gets("/consents", patient=person)).status_code == 403, "a claim alone makes no guardian"
    closed = await service.citizen(person).posts("/restrictions", {"patient": person, "reference": "Encounter/1"})
    assert (await stranger.deletes(f"/restrictions/{closed.json()['id']}")).status_code == 403
    for unknown in ("none", "019a-%00", "0" * 300):
        assert (await stranger.posts(f"/consent-requests/{unknown}/grant")).status_code == 404


async def test_decisions_are_asked_about_oneself(service: Any, person: str) -> None:
    doctor = service.doctor()
    other = {"role": "practitioner", "id": "20000001", "facility": "10000001"}
    question = {"patient": person, "purpose": "CAREMGT", "resource_type": "*", "action": "read"}
    assert (await doctor.posts("/decisions", {"actor": other, **question})).status_code == 403
    elsewhere = {**doctor.as_actor(), "facility": "10000001"}
    assert (await doctor.posts("/decisions", {"actor": elsewhere, **question})).status_code == 403
    assert (await service.administrator().posts("/decisions", {"actor": other, **question})).status_code == 200
    citizen = await service.citizen(person).may_read(person, purpose="PATRQT")
    assert (citizen["decision"], citizen["whole"]) == ("permit", True)
    for role in sorted(ROLES - {"citizen", "practitioner", "facility"}):
        answer = await service.other(role, **CLAIMS.get(role, {})).posts("/decisions", question)
        assert (answer.status_code, answer.json()["decision"]) == (200, "deny"), role


async def test_an_unknown_person_answers_like_one_who_permits_nothing(service: Any, person: str, persons: Any) -> None:
    await service.topics.event("patient.registered", registered(person), key=person)
    known, unknown = await service.doctor().may_read(person), await service.doctor().may_read(persons())
    assert known == unknown


def registered(person: str, version: int = 1, **more: Any) -> dict[str, Any]:
    base = {"health_id": person, "version": version, "status": "active", "at": "2026-11-23T00:00:00Z"}
    return base | more


@pytest.mark.parametrize(
    ("change", "at"),
    [
        ({"patient": "98000173959"}, "patient"),
        ({"patient": None}, "patient"),
        ({"patient": {"$ne": None}}, "patient"),
        ({"purpose": "CURIOSITY"}, "purpose"),
        ({"purpose": None}, "purpose"),
        ({"recipient": None}, "recipient"),
        ({"recipient": {"type": "cousin", "id": "1"}}, "recipient.type"),
        ({"recipient": {"type": "practitioner", "id": {"$gt": ""}}}, "recipient.id"),
        ({"recipient": {"type": "practitioner", "id": "20000002", "$where": "1"}}, "recipient.$where"),
        ({"recipient": {"type": "practitioner", "id": "20000001"}}, "recipient"),
        ({"record_types": []}, "record_types"),
        ({"record_types": "Observation"}, "record_types"),
        ({"record_types": ["Observation", "Nonsense"]}, "record_types[1]"),
        ({"record_types": [{"$gt": ""}]}, "record_types[0]"),
        ({"record_period": {"start": "2026-02-30"}}, "record_period.start"),
        ({"record_period": {"start": "2026-02-01", "end": "2026-01-01"}}, "record_period.end"),
        ({"record_period": "2026"}, "record_period"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "tomorrow"}, "expires_at"),
        ({"expires_at": 5}, "expires_at"),
        ({"access_mode": "STORE"}, "erase_at"),
        ({"access_mode": "STORE", "erase_at": "2020-01-01"}, "erase_at"),
        ({"access_mode": "LOOK"}, "access_mode"),
        ({"frequency": {"count": 0, "period": "PT1H"}}, "frequency.count"),
        ({"frequency": {"count": True, "period": "PT1H"}}, "frequency.count"),
        ({"frequency": {"count": 1, "period": "P1M"}}, "frequency.period"),
        ({"sensitive": ["SECRET"]}, "sensitive[0]"),
        ({"sensitive": "HIV"}, "sensitive"),
        ({"$where": "1"}, "$where"),
        ({"decision": "deny"}, "decision"),
    ],
)
async def test_a_request_that_cannot_be_is_refused_where_it_is_wrong(
    service: Any, person: str, change: dict[str, Any], at: str
) -> None:
    doctor = service.doctor()
    body = {
        "patient": person,
        "recipient": {"type": "practitioner", "id": "20000002"},
        "purpose": "CAREMGT",
        "record_types": ["Observation"],
        **change,
    }
    answer = await doctor.posts("/consent-requests", body)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert at in [issue.get("expression") for issue in answer.json()["issues"]], answer.text
    assert not (await doctor.gets("/consent-requests", patient=person)).json()["entries"]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b'{"patient": NaN}',
        b'{"patient": "\\ud800"}',
        b'{"a": 1, "a": 2}',
        b"\xff\xfe",
        b'{"a":' * 200 + b"1" + b"}" * 200,
    ],
)
async def test_what_is_not_one_json_object_is_malformed(service: Any, raw: bytes) -> None:
    for path in ("/consent-requests", "/break-glass", "/decisions"):
        answer = await service.doctor().posts(path, content=raw, headers={"content-type": "application/json"})
        assert answer.status_code == 400, answer.text


async def test_other_media_and_too_much_are_refused(service: Any, person: str) -> None:
    doctor = service.doctor()
    text = await doctor.posts("/consent-requests", content=b"<a/>", headers={"content-type": "application/xml"})
    assert text.status_code == 415
    huge = json.dumps({"patient": person, "reason": "x" * (6 << 20)}).encode()
    assert (await doctor.posts("/break-glass", content=huge)).status_code == 413


@pytest.mark.parametrize(
    ("change", "at"),
    [
        ({"reason": " "}, "reason"),
        ({"reason": None}, "reason"),
        ({"kind": 5}, "kind"),
        ({"kind": " "}, "kind"),
        ({"hours": 0}, "hours"),
        ({"hours": 25}, "hours"),
        ({"hours": True}, "hours"),
        ({"hours": "2"}, "hours"),
        ({"patient": "1"}, "patient"),
        ({"more": 1}, "more"),
    ],
)
async def test_an_emergency_needs_its_reason_kind_and_hours(
    service: Any, person: str, change: dict[str, Any], at: str
) -> None:
    body = {"patient": person, "reason": "unconscious", "kind": "trauma", "hours": 1, **change}
    answer = await service.doctor("20000077").posts("/break-glass", body)
    assert (answer.status_code, answer.json()["issues"][0]["expression"]) == (422, at)


@pytest.mark.parametrize(
    ("change", "at"),
    [
        ({"purpose": "X"}, "purpose"),
        ({"action": "steal"}, "action"),
        ({"resource_type": "Nonsense"}, "resource_type"),
        ({"resource_type": {"$ne": 1}}, "resource_type"),
        ({"patient": "98000173950"}, "patient"),
        ({"actor": {"role": "king", "id": "1"}}, "actor.role"),
        ({"actor": []}, "actor"),
        ({"extra": []}, "extra"),
    ],
)
async def test_a_question_that_cannot_be_is_refused(service: Any, person: str, change: dict[str, Any], at: str) -> None:
    body = {"patient": person, "purpose": "CAREMGT", "resource_type": "*", "action": "read", **change}
    answer = await service.doctor().posts("/decisions", body)
    assert (answer.status_code, answer.json()["issues"][0]["expression"]) == (422, at)


@pytest.mark.parametrize(
    "query",
    [
        {"patient": "1"},
        {"status": "maybe"},
        {"limit": "0"},
        {"limit": "x"},
        {"after": "$ne"},
        {"kind": "x"},
    ],
)
async def test_a_query_that_cannot_be_is_refused(service: Any, query: dict[str, str]) -> None:
    answer = await service.doctor().gets("/consents", **query)
    assert answer.status_code == 422


async def test_restrictions_name_one_thing(service: Any, person: str) -> None:
    citizen = service.citizen(person)
    for reference in ("Encounter", "Nonsense/1", "http://x/Encounter/1", {"$ne": ""}, None, "Encounter/" + "x" * 65):
        answer = await citizen.posts("/restrictions", {"patient": person, "reference": reference})
        assert (answer.status_code, answer.json()["issues"][0]["expression"]) == (422, "reference")
    named = {"patient": person, "reference": "Encounter/1", "except": [{"type": "practitioner"}]}
    answer = await citizen.posts("/restrictions", named)
    assert answer.json()["issues"][0]["expression"] == "except[0].id"


async def test_requests_have_a_limit(service: Any, person: str) -> None:
    doctor = service.doctor("20000055")
    for _ in range(service.settings.pending_limit):
        await doctor.asks(person)
    answer = await doctor.posts("/consent-requests", {**asked_for(person), "recipient": practitioner("20000055")})
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0


def asked_for(person: str) -> dict[str, Any]:
    return {"patient": person, "purpose": "CAREMGT", "record_types": "*"}


def practitioner(number: str) -> dict[str, str]:
    return {"type": "practitioner", "id": number}
