"""Edges that a careful outsider tried: each was wrong once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from shr_common.testing import eventually


def soon(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


@pytest.mark.parametrize("narrowed", [{"start": "2025-01-01"}, {"end": "2019-01-01"}])
async def test_a_narrowed_period_that_ends_before_it_starts_is_refused(
    service: Any, person: str, narrowed: dict[str, str]
) -> None:
    asked = await service.doctor().asks(person, record_period={"start": "2020-01-01", "end": "2024-12-31"})
    citizen = service.citizen(person)
    answer = await citizen.posts(f"/consent-requests/{asked['id']}/grant", {"record_period": narrowed})
    assert (answer.status_code, answer.json()["issues"][0]["expression"]) == (422, "record_period.end")
    assert (await citizen.gets("/consent-requests")).status_code == 200


async def test_what_is_past_its_time_reads_as_expired_before_it_is_published(service: Any, person: str) -> None:
    citizen = service.citizen(person)
    asked = await service.doctor().asks(person, expires_at=soon(0.4))
    granted = await citizen.posts(f"/consent-requests/{asked['id']}/grant")
    assert granted.status_code == 200
    await asyncio.sleep(0.5)
    statuses = [one["status"] for one in (await citizen.gets("/consents")).json()["entries"]]
    assert statuses == ["expired"]
    assert not (await citizen.gets("/consents", status="granted")).json()["entries"]
    assert len((await citizen.gets("/consents", status="expired")).json()["entries"]) == 1
    assert (await citizen.gets("/fhir/Consent", status="active")).json()["total"] == 0
    assert (await citizen.gets(f"/consents/{asked['id']}")).json()["status"] == "expired"
    assert (await citizen.gets(f"/fhir/Consent/{asked['id']}")).json()["status"] == "inactive"


async def test_from_erase_at_on_nothing_may_be_downloaded(service: Any, person: str) -> None:
    terms = {
        "patient": person,
        "recipient": {"type": "practitioner", "id": "20000002"},
        "purpose": "CAREMGT",
        "record_types": "*",
        "access_mode": "STORE",
        "erase_at": soon(0.6),
    }
    await service.citizen(person).posts("/consents", terms)
    doctor = service.doctor()
    assert (await doctor.may_read(person, action="download"))["decision"] == "permit"
    await asyncio.sleep(0.7)
    assert (await doctor.may_read(person, action="download"))["decision"] == "deny"
    assert (await doctor.may_read(person))["decision"] == "permit"


async def test_withdrawing_a_part_of_what_is_withdrawn_changes_nothing(service: Any, person: str) -> None:
    citizen = service.citizen(person)
    asked = await service.doctor().asks(person)
    await citizen.posts(f"/consent-requests/{asked['id']}/grant")
    part = {"record_types": ["Observation", "Condition"]}
    for _ in range(2):
        answer = await citizen.posts(f"/consents/{asked['id']}/revoke", part)
        assert (answer.status_code, answer.json()["status"], answer.json()["version"]) == (200, "revoked", 3)


async def test_who_asks_for_more_than_fits_gets_a_full_page(service: Any, person: str) -> None:
    citizen = service.citizen(person)
    for _ in range(3):
        await service.doctor().asks(person)
    assert len((await citizen.gets("/consent-requests", limit=5000)).json()["entries"]) == 3
    for query in ({"_count": "5000"}, {"_count": "1"}, {"_count": "0"}, {"status": "proposed,active"}):
        assert (await citizen.gets("/fhir/Consent", **query)).json()["total"] == 3
    assert "entry" not in (await citizen.gets("/fhir/Consent", _count="0")).json()
    refused = await citizen.gets("/fhir/Consent", _count="-1")
    assert (refused.status_code, refused.json()["issue"][0]["expression"]) == (422, ["_count"])


async def test_the_location_of_what_was_made_answers(service: Any, person: str) -> None:
    doctor, citizen = service.doctor(), service.citizen(person)
    body = {"patient": person, "recipient": {"type": "practitioner", "id": "20000002"}, "purpose": "CAREMGT"}
    asked = await doctor.posts("/consent-requests", body | {"record_types": "*"})
    assert (await doctor.gets(asked.headers["Location"])).json() == asked.json()
    assert (await citizen.gets(asked.headers["Location"])).status_code == 200
    assert (await service.doctor("20000009", "10000009").gets(asked.headers["Location"])).status_code == 404
    assert (await citizen.gets(f"/consents/{asked.json()['id']}")).status_code == 404, "not granted yet"
    stated = await citizen.posts("/consents", body | {"record_types": "*"})
    assert (await citizen.gets(stated.headers["Location"])).json() == stated.json()
    assert (await citizen.gets(f"/consent-requests/{stated.json()['id']}")).status_code == 404


async def test_a_health_id_in_bangla_digits_is_one(service: Any, person: str) -> None:
    bangla = person.translate(str.maketrans("0123456789", "০১২৩৪৫৬৭৮৯"))
    asked = await service.doctor().asks(bangla)
    assert asked["patient"] == person


async def test_prying_is_refused_and_shown_to_her(service: Any, persons: Any) -> None:
    person, stranger = persons(), persons()
    question = {"actor": service.doctor().as_actor(), "patient": person, "purpose": "CAREMGT"}
    assert (await service.doctor("20000001", "10000001").posts("/decisions", question)).status_code == 403
    assert (await service.citizen(stranger).gets("/access-log", patient=person)).status_code == 403

    async def both() -> Any:
        entries = (await service.citizen(person).gets("/access-log")).json()["entries"]
        return entries if len(entries) == 2 else None

    entries = await eventually(both)
    assert {(one["actor"]["id"], one["decision"]) for one in entries} == {("20000001", "deny"), (stranger, "deny")}
    assert not any(one["own"] for one in entries), "another citizen's look is not her own"


async def test_unknown_resource_types_are_no_address(service: Any, person: str) -> None:
    assert (await service.citizen(person).gets("/fhir/Nonsense")).status_code == 404
