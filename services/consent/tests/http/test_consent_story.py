"""Ask, grant, read, withdraw: what the doctor and the citizen see, on the real broker and database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from shr_common.testing import eventually
from shr_contracts.cloudevents import CONSENT_HEARTBEAT
from shr_contracts.topics import CONSENT_CHANGED


async def events_of(service: Any, consent_id: str, count: int) -> list[dict[str, Any]]:
    records = await service.topics.read(
        CONSENT_CHANGED, where=lambda r: r.headers.get("ce_subject") == consent_id, count=count
    )
    return [orjson.loads(record.value) for record in records]


async def test_a_granted_request_permits_and_a_revocation_denies_at_once(service: Any, person: str) -> None:
    doctor, citizen = service.doctor(), service.citizen(person)
    assert (await doctor.may_read(person))["decision"] == "deny"

    asked = await doctor.asks(person)
    assert (asked["status"], asked["version"], "consent_id" in asked) == ("requested", 1, False)
    assert (await doctor.may_read(person))["decision"] == "deny"
    pending = (await citizen.gets("/consent-requests", patient=person, status="requested")).json()["entries"]
    assert [one["id"] for one in pending] == [asked["id"]]

    granted = (await citizen.posts(f"/consent-requests/{asked['id']}/grant")).json()
    assert (granted["status"], granted["version"]) == ("granted", 2)
    decided = await doctor.may_read(person)
    assert decided["decision"] == "permit"
    assert decided["own_facility"] is False
    assert decided["filters"][0] == {
        "consent_id": granted["consent_id"],
        "record_types": ["Condition", "Observation"],
        "record_period": None,
        "sensitive": [],
        "emergency": False,
    }
    assert (await doctor.may_read(person, resource_type="MedicationRequest"))["decision"] == "deny"
    assert (await doctor.may_read(person, action="download"))["decision"] == "deny"
    assert (await doctor.may_read(person, purpose="HRESCH"))["decision"] == "deny"
    assert (await service.doctor("20000009").may_read(person))["decision"] == "deny"

    revoked = await citizen.posts(f"/consents/{granted['consent_id']}/revoke")
    assert (revoked.status_code, revoked.json()["status"]) == (200, "revoked")
    assert (await doctor.may_read(person))["decision"] == "deny"
    assert (await citizen.posts(f"/consents/{granted['consent_id']}/revoke")).status_code == 200

    events = await events_of(service, asked["id"], 3)
    assert [(one["status"], one["version"]) for one in events] == [("requested", 1), ("granted", 2), ("revoked", 3)]
    assert all(one["patient"] == person and one["kind"] == "consent" for one in events)


async def test_a_facility_grant_reaches_its_practitioners_and_nobody_elses(service: Any, person: str) -> None:
    asked = await service.desk("10000002").asks(person)
    await service.citizen(person).posts(f"/consent-requests/{asked['id']}/grant", {})
    assert (await service.doctor("20000002", "10000002").may_read(person))["decision"] == "permit"
    assert (await service.doctor("20000001", "10000001").may_read(person))["decision"] == "deny"


async def test_the_citizen_narrows_what_was_asked(service: Any, person: str) -> None:
    doctor, citizen = service.doctor(), service.citizen(person)
    asked = await doctor.asks(
        person, record_types="*", access_mode="STORE", erase_at="2034-01-01T00:00:00Z", sensitive=["HIV", "PSY"]
    )
    narrowed = {
        "record_types": ["Observation"],
        "record_period": {"start": "2026-01-01", "end": "2026-06-30"},
        "access_mode": "VIEW",
        "sensitive": [],
        "expires_at": "2030-01-01",
    }
    granted = (await citizen.posts(f"/consent-requests/{asked['id']}/grant", narrowed)).json()
    assert granted["record_types"] == ["Observation"]
    assert granted["asked"]["record_types"] == "*"
    assert granted["expires_at"] == "2029-12-31T18:00:00.000Z", "a date without a zone is Dhaka's"
    decided = await doctor.may_read(person)
    assert decided["filters"][0]["record_period"] == {"start": "2026-01-01", "end": "2026-06-30"}
    assert (await doctor.may_read(person, action="download"))["decision"] == "deny"


@pytest.mark.parametrize(
    ("wider", "at"),
    [
        ({"record_types": "*"}, "record_types"),
        ({"record_types": ["Observation", "MedicationRequest"]}, "record_types"),
        ({"access_mode": "STORE", "erase_at": "2030-01-01"}, "access_mode"),
        ({"access_mode": "STREAM"}, "access_mode"),
        ({"expires_at": "2036-01-01"}, "expires_at"),
        ({"expires_at": None}, "expires_at"),
        ({"record_period": {"start": "2019-01-01"}}, "record_period"),
        ({"record_period": None}, "record_period"),
        ({"record_period": {"end": None}}, "record_period"),
        ({"sensitive": ["HIV"]}, "sensitive"),
        ({"frequency": None}, "frequency"),
        ({"frequency": {"count": 4, "period": "PT1H"}}, "frequency"),
        ({"frequency": {"count": 3, "period": "PT1M"}}, "frequency"),
        ({"purpose": "HRESCH"}, "purpose"),
        ({"recipient": {"type": "facility", "id": "10000002"}}, "recipient"),
        ({"patient": "98000173958"}, "patient"),
        ({"surprise": True}, "surprise"),
    ],
)
async def test_a_wider_grant_is_refused_where_it_is_wider(
    service: Any, person: str, wider: dict[str, Any], at: str
) -> None:
    asked = await service.doctor().asks(
        person,
        record_period={"start": "2020-01-01", "end": "2026-12-31"},
        frequency={"count": 3, "period": "PT1H"},
    )
    answer = await service.citizen(person).posts(f"/consent-requests/{asked['id']}/grant", wider)
    assert answer.status_code == 422
    assert at in [issue.get("expression") for issue in answer.json()["issues"]], answer.text
    assert (await service.doctor().may_read(person))["decision"] == "deny"


async def test_of_two_answers_at_once_exactly_one_wins(service: Any, persons: Callable[[], str]) -> None:
    for _ in range(5):
        person = persons()
        citizen = service.citizen(person)
        asked = await service.doctor().asks(person)
        way = f"/consent-requests/{asked['id']}"
        answers = await asyncio.gather(
            citizen.posts(f"{way}/grant"), citizen.posts(f"{way}/deny"), citizen.posts(f"{way}/grant")
        )
        assert sorted(one.status_code for one in answers) == [200, 409, 409]
        won = next(one.json()["status"] for one in answers if one.status_code == 200)
        assert (await service.doctor().may_read(person))["decision"] == ("permit" if won == "granted" else "deny")
        assert [one["version"] for one in await events_of(service, asked["id"], 2)] == [1, 2]


async def test_a_part_is_withdrawn_and_the_rest_stays(service: Any, person: str) -> None:
    doctor, citizen = service.doctor(), service.citizen(person)
    asked = await doctor.asks(person)
    await citizen.posts(f"/consent-requests/{asked['id']}/grant")
    part = await citizen.posts(f"/consents/{asked['id']}/revoke", {"record_types": ["Observation"]})
    assert (part.json()["status"], part.json()["record_types"]) == ("granted", ["Condition"])
    assert (await doctor.may_read(person))["decision"] == "deny"
    assert (await doctor.may_read(person, resource_type="Condition"))["decision"] == "permit"
    strange = await citizen.posts(f"/consents/{asked['id']}/revoke", {"record_types": ["Observation"]})
    assert (strange.status_code, strange.json()["issues"][0]["expression"]) == (422, "record_types")
    rest = await citizen.posts(f"/consents/{asked['id']}/revoke", {"record_types": ["Condition"]})
    assert rest.json()["status"] == "revoked"


async def test_a_part_of_everything_is_withdrawn(service: Any, person: str) -> None:
    doctor, citizen = service.doctor(), service.citizen(person)
    asked = await doctor.asks(person, record_types="*")
    await citizen.posts(f"/consent-requests/{asked['id']}/grant")
    await citizen.posts(f"/consents/{asked['id']}/revoke", {"record_types": ["Observation"]})
    assert (await doctor.may_read(person))["decision"] == "deny"
    assert (await doctor.may_read(person, resource_type="Immunization"))["decision"] == "permit"


async def test_a_standing_refusal_wins_over_a_grant(service: Any, person: str) -> None:
    doctor, citizen = service.doctor(), service.citizen(person)
    grant = {**(await doctor.asks(person)), "decision": "permit"}
    terms = {name: grant[name] for name in ("patient", "recipient", "purpose", "record_types", "decision")}
    stated = await citizen.posts("/consents", terms)
    assert (stated.status_code, stated.json()["status"], stated.json()["version"]) == (201, "granted", 1)
    assert (await doctor.may_read(person))["decision"] == "permit"
    refusal = await citizen.posts(
        "/consents", {"patient": person, "recipient": {"type": "facility", "id": "10000002"}, "decision": "deny"}
    )
    assert refusal.status_code == 201, refusal.text
    assert (await doctor.may_read(person))["decision"] == "deny"
    await citizen.posts(f"/consents/{refusal.json()['id']}/revoke")
    assert (await doctor.may_read(person))["decision"] == "permit"


async def test_an_emergency_opens_for_hours_and_for_its_purpose_only(service: Any, person: str) -> None:
    doctor = service.doctor()
    declared = await doctor.posts(
        "/break-glass", {"patient": person, "reason": "unconscious after accident", "kind": "trauma", "hours": 2}
    )
    assert declared.status_code == 201, declared.text
    assert {"id", "expires_at"} <= set(declared.json())
    assert (await doctor.may_read(person))["decision"] == "deny"
    decided = await doctor.may_read(person, purpose="BTG")
    assert decided["decision"] == "permit"
    assert decided["filters"][0]["record_types"] == "*"
    assert "V" not in decided["filters"][0]["sensitive"]
    assert (await service.doctor("20000001").may_read(person, purpose="BTG"))["decision"] == "deny"
    shown = (await service.citizen(person).gets("/consents", patient=person, kind="break-glass")).json()["entries"]
    assert shown[0]["reason"] == "unconscious after accident"


async def test_a_restriction_is_published_and_lifted(service: Any, person: str) -> None:
    citizen = service.citizen(person)
    closed = await citizen.posts(
        "/restrictions",
        {"patient": person, "reference": "Encounter/abc-1", "except": [{"type": "practitioner", "id": "20000001"}]},
    )
    assert closed.status_code == 201, closed.text
    assert (await citizen.deletes(f"/restrictions/{closed.json()['id']}")).status_code == 204
    events = await events_of(service, closed.json()["id"], 2)
    assert [(one["kind"], one["status"], one["reference"]) for one in events] == [
        ("restriction", "granted", "Encounter/abc-1"),
        ("restriction", "revoked", "Encounter/abc-1"),
    ]
    assert events[0]["except"] == [{"type": "practitioner", "id": "20000001"}]


async def test_what_is_past_its_time_is_published_as_expired(service: Any, person: str) -> None:
    from datetime import UTC, datetime, timedelta

    soon = (datetime.now(UTC) + timedelta(seconds=1.5)).isoformat()
    doctor = service.doctor()
    asked = await doctor.asks(person, expires_at=soon)
    await service.citizen(person).posts(f"/consent-requests/{asked['id']}/grant")
    assert (await doctor.may_read(person))["decision"] == "permit"
    events = await events_of(service, asked["id"], 3)
    assert events[-1]["status"] == "expired"
    assert (await doctor.may_read(person))["decision"] == "deny"
    late = await service.citizen(person).posts(f"/consents/{asked['id']}/revoke")
    assert late.status_code == 409


async def test_a_requester_sees_its_own_requests_and_no_others(service: Any, person: str) -> None:
    mine = await service.doctor("20000002", "10000002").asks(person)
    theirs = await service.doctor("20000001", "10000001").asks(person)
    seen = (await service.doctor("20000002", "10000002").gets("/consent-requests", patient=person)).json()["entries"]
    assert [one["id"] for one in seen] == [mine["id"]]
    everything = (await service.citizen(person).gets("/consent-requests")).json()["entries"]
    assert [one["id"] for one in everything] == [theirs["id"], mine["id"]]


async def test_pages_follow_one_another(service: Any, person: str) -> None:
    ids = [(await service.doctor().asks(person))["id"] for _ in range(5)]
    citizen = service.citizen(person)
    found, address = [], "/consent-requests?limit=2"
    while address:
        page = (await citizen.gets(address.replace("http://service.test", ""))).json()
        found += [one["id"] for one in page["entries"]]
        address = page["next"]
    assert found == ids[::-1]


async def test_fhir_consents_are_valid_r4(service: Any, person: str) -> None:
    from shr_common.fhir.validate import validate

    doctor, citizen = service.doctor(), service.citizen(person)
    asked = await doctor.asks(person, sensitive=["HIV", "V"], record_period={"start": "2020-01-01"})
    await citizen.posts(f"/consent-requests/{asked['id']}/grant")
    await citizen.posts("/consents", {"patient": person, "decision": "deny"})
    await citizen.posts("/restrictions", {"patient": person, "reference": "Observation/1", "except": []})
    found = await citizen.gets("/fhir/Consent", patient=person)
    assert found.headers["content-type"].startswith("application/fhir+json")
    bundle = found.json()
    assert (bundle["type"], bundle["total"], len(bundle["entry"])) == ("searchset", 3, 3)
    for issue in validate(bundle):
        pytest.fail(f"{issue.expression}: {issue.text}")
    one = await citizen.gets(f"/fhir/Consent/{asked['id']}")
    assert (one.status_code, one.json()["status"]) == (200, "active")
    assert (await service.citizen("98000173958").gets(f"/fhir/Consent/{asked['id']}")).status_code == 404
    assert not validate((await citizen.gets("/fhir/metadata")).json())


async def test_heartbeats_reach_every_partition_and_rise(service: Any) -> None:
    beats = await service.topics.read(CONSENT_CHANGED, where=lambda r: r.type == CONSENT_HEARTBEAT, count=24)
    assert {record.partition for record in beats} == set(range(8))
    by_partition: dict[int, list[dict[str, Any]]] = {}
    for record in beats:
        by_partition.setdefault(record.partition, []).append(orjson.loads(record.value))
    for values in by_partition.values():
        assert [one["seq"] for one in values] == sorted({one["seq"] for one in values})
        assert [one["at"] for one in values] == sorted(one["at"] for one in values)


async def test_readiness_tells(service: Any) -> None:
    async def ready() -> bool:
        return (await service.client.get("/health/ready")).status_code == 200

    await eventually(ready)
