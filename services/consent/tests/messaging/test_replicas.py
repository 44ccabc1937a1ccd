"""What the service learns from topics: guardians, merges, the registry, who wrote where, who looked."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any
from uuid import uuid4

from shr_cli.main import run as shr
from shr_common.testing import eventually

AT = "2026-01-23T00:00:00Z"


async def registers(
    service: Any, person: str, version: int = 1, *, topic: str = "patient.registered", **more: Any
) -> None:
    value = {"health_id": person, "version": version, "status": "active", "at": AT, **more}
    await service.topics.event(topic, value, key=person)


async def becomes(service: Any, who: Any, patient: str, decision: str, **question: Any) -> dict[str, Any]:
    async def so() -> Any:
        found = await who.may_read(patient, **question)
        return found if found["decision"] == decision else None

    return await eventually(so, what=f"the decision {decision}")


async def test_a_guardian_speaks_for_a_minor_until_she_is_of_age(service: Any, persons: Any) -> None:
    child, mother = persons(), persons()
    asked = await service.doctor().asks(child)
    way = f"/consent-requests/{asked['id']}/grant"
    assert (await service.citizen(mother).posts(way)).status_code == 403
    await registers(service, child, guardians=[mother], birth_date="2020-01-01")
    await becomes(service, service.citizen(mother), child, "permit", purpose="PATRQT")
    assert [
        one["id"] for one in (await service.citizen(mother).gets("/consent-requests", patient=child)).json()["entries"]
    ] == [asked["id"]]
    granted = await service.citizen(mother).posts(way)
    assert (granted.status_code, granted.json()["granted_by"]) == (200, mother)

    await registers(service, child, 2, topic="patient.updated", guardians=[mother], birth_date="2008-01-01")
    await becomes(service, service.citizen(mother), child, "deny", purpose="PATRQT")
    assert (await service.citizen(mother).gets("/consents", patient=child)).status_code == 403


async def test_what_a_guardian_granted_ends_with_the_wards_majority(service: Any, persons: Any) -> None:
    child, mother, doctor = persons(), persons(), service.doctor()
    await registers(service, child, guardians=[mother], birth_date="2012-06-15")
    await becomes(service, service.citizen(mother), child, "permit", purpose="PATRQT")
    asked = await doctor.asks(child)
    granted = (await service.citizen(mother).posts(f"/consent-requests/{asked['id']}/grant")).json()
    assert granted["expires_at"] == "2030-06-14T18:00:00.000Z", "midnight in Dhaka, not the 2035 asked for"
    terms = {name: asked[name] for name in ("patient", "recipient", "purpose", "record_types")}
    stated = (await service.citizen(mother).posts("/consents", terms)).json()
    assert stated["expires_at"] == "2030-06-14T18:00:00.000Z"
    refused = (await service.citizen(mother).posts("/consents", {"patient": child, "decision": "deny"})).json()
    assert refused["expires_at"] is None, "a refusal opens nothing, so it may stay"
    await service.citizen(mother).posts(f"/consents/{refused['id']}/revoke")

    own = await service.citizen(child).posts("/consents", {**terms, "record_types": ["Immunization"]})
    assert own.json()["expires_at"] is None
    await registers(service, child, 2, topic="patient.updated", guardians=[mother], birth_date="2008-01-01")
    await becomes(service, doctor, child, "deny")
    assert (await doctor.may_read(child, resource_type="Immunization"))["decision"] == "permit"


async def test_codes_of_a_ward_go_to_her_guardian_too(service: Any, persons: Any) -> None:
    child, mother = persons(), persons()
    await registers(service, child, guardians=[mother], birth_date="2020-01-01")
    await becomes(service, service.citizen(mother), child, "permit", purpose="PATRQT")
    asked = await service.doctor().asks(child)
    told = await service.topics.read(
        "notification.requested", where=lambda r: r.headers.get("ce_subject") == asked["id"], count=2
    )
    assert {record.key for record in told} == {child, mother}


async def test_an_ended_guardianship_ends_and_old_news_changes_nothing(service: Any, persons: Any) -> None:
    child, mother = persons(), persons()
    await registers(service, child, 2, guardians=[mother], birth_date="2020-01-01")
    await becomes(service, service.citizen(mother), child, "permit", purpose="PATRQT")
    await registers(service, child, 3, topic="patient.updated", guardians=[], birth_date="2020-01-01")
    await becomes(service, service.citizen(mother), child, "deny", purpose="PATRQT")
    await registers(service, child, 1, guardians=[mother], birth_date="2020-01-01")
    await asyncio.sleep(0.5)
    assert (await service.citizen(mother).may_read(child, purpose="PATRQT"))["decision"] == "deny"


async def test_a_provisional_persons_grants_are_hers_under_her_health_id(service: Any, persons: Any) -> None:
    former, current = f"P-{uuid4()}", persons()
    doctor = service.doctor()
    asked = await doctor.asks(former)
    await registers(service, current, replaces=[former])
    await becomes(service, service.citizen(current), former, "permit", purpose="PATRQT")
    assert (await service.citizen(current).posts(f"/consent-requests/{asked['id']}/grant")).status_code == 200
    assert (await doctor.may_read(current))["decision"] == "permit"
    assert (await doctor.may_read(former))["decision"] == "permit"


async def test_a_merge_joins_and_an_unmerge_parts_again(service: Any, persons: Any) -> None:
    survivor, retired = persons(), persons()
    doctor = service.doctor()
    asked = await doctor.asks(retired)
    await service.citizen(retired).posts(f"/consent-requests/{asked['id']}/grant")
    merge = {"survivor": survivor, "retired": retired, "undone": False, "version": 1, "at": AT}
    await service.topics.event("patient.merged", merge, key=survivor)
    await becomes(service, doctor, survivor, "permit")
    assert (await service.citizen(survivor).gets("/consents", patient=retired)).status_code == 200
    await service.topics.event("patient.merged", {**merge, "undone": True, "version": 2}, key=survivor)
    await becomes(service, doctor, survivor, "deny")
    assert (await doctor.may_read(retired))["decision"] == "permit"


async def test_a_facility_may_see_what_it_wrote(service: Any, person: str) -> None:
    author = service.doctor("20000001", "10000001")
    assert (await author.may_read(person))["decision"] == "deny"
    headers = {"ce_id": str(uuid4()), "ce_source": "records", "ce_facility": "10000001"}
    await service.topics.publish("encounter.recorded", {"health_id": person}, key=person, headers=headers)
    decided = await becomes(service, author, person, "permit")
    assert decided["own_facility"] is True
    assert decided["filters"] == []
    assert (await service.doctor("20000002", "10000002").may_read(person))["decision"] == "deny"
    assert (await author.may_read(person, purpose="HRESCH"))["decision"] == "deny"


async def test_a_posting_that_ended_ends_what_came_through_it(service: Any, person: str) -> None:
    number, facility = f"3{uuid4().int % 10**7:07d}", f"4{uuid4().int % 10**7:07d}"
    doctor = service.doctor(number, facility)
    asked = await doctor.asks(person, recipient={"type": "facility", "id": facility})
    await service.citizen(person).posts(f"/consent-requests/{asked['id']}/grant")
    assert (await doctor.may_read(person))["decision"] == "permit", "whom the registry never named is taken at the word"

    posting = {"resource_type": "PractitionerRole", "id": uuid4().hex, "practitioner": number, "facility": facility}
    value = {**posting, "version": 1, "active": True, "period": {"start": "2020-01-01"}, "at": AT}
    await service.topics.event("registry.changed", value, key=number)
    await asyncio.sleep(0.5)
    assert (await doctor.may_read(person))["decision"] == "permit"
    ended = {**value, "version": 2, "period": {"start": "2020-01-01", "end": "2021-01-01"}}
    await service.topics.event("registry.changed", ended, key=number)
    await becomes(service, doctor, person, "deny")
    asks = {"patient": person, "recipient": {"type": "practitioner", "id": number}, "purpose": "CAREMGT"}
    assert (await doctor.posts("/consent-requests", {**asks, "record_types": "*"})).status_code == 403
    declares = {"patient": person, "reason": "x", "kind": "y", "hours": 1}
    assert (await doctor.posts("/break-glass", declares)).status_code == 403


async def test_an_expired_licence_and_a_closed_facility_deny(service: Any, persons: Any) -> None:
    for value in (
        {"resource_type": "Organization", "active": False},
        {
            "resource_type": "Practitioner",
            "active": True,
            "resource": {"qualification": [{"period": {"end": "2020-01-01"}}]},
        },
    ):
        person, number, facility = persons(), f"3{uuid4().int % 10**7:07d}", f"4{uuid4().int % 10**7:07d}"
        doctor = service.doctor(number, facility)
        asked = await doctor.asks(person)
        await service.citizen(person).posts(f"/consent-requests/{asked['id']}/grant")
        assert (await doctor.may_read(person))["decision"] == "permit"
        identifier = facility if value["resource_type"] == "Organization" else number
        await service.topics.event(
            "registry.changed", {**value, "id": identifier, "version": 1, "at": AT}, key=identifier
        )
        await becomes(service, doctor, person, "deny")


def looked(patient: str, **more: Any) -> dict[str, Any]:
    return {
        "id": str(uuid4()),
        "patient": patient,
        "actor": {"role": "practitioner", "id": "20000002", "facility": "10000002", "name": "Dr. Nazmul Karim"},
        "purpose": "CAREMGT",
        "decision": "permit",
        "consent_id": "c-1",
        "what": [{"type": "Observation", "count": 3}],
        "at": "2026-01-23T05:00:00.000Z",
        "version": 1,
        **more,
    }


async def entries_of(service: Any, who: Any, patient: str, count: int) -> list[dict[str, Any]]:
    async def there() -> Any:
        found = (await who.gets("/access-log", patient=patient)).json()["entries"]
        return found if len(found) >= count else None

    return await eventually(there, what=f"{count} entries")


async def test_every_look_is_shown_to_the_citizen_once(service: Any, person: str) -> None:
    citizen = service.citizen(person)
    first = looked(person)
    own = looked(
        person, actor={"role": "citizen", "id": person}, purpose="PATRQT", at="2026-01-23T06:00:00Z", consent_id=None
    )
    emergency = looked(person, purpose="BTG", at="2026-01-23T07:00:00Z", break_glass={"id": "b-1", "reason": "coma"})
    for value in (first, own, emergency, first):
        await service.topics.event("record.accessed", value, key=person)
    found = await entries_of(service, citizen, person, 3)
    await asyncio.sleep(0.3)
    assert len(found) == 3
    assert [(one["purpose"], one["own"], one["break_glass"]) for one in found] == [
        ("BTG", False, True),
        ("PATRQT", True, False),
        ("CAREMGT", False, False),
    ]
    assert found[2]["what"] == [{"type": "Observation", "count": 3}]
    assert found[2]["actor"]["name"] == "Dr. Nazmul Karim"
    assert (found[2]["consent_id"], found[2]["at"]) == ("c-1", "2026-01-23T05:00:00.000Z")


async def test_a_citizen_proves_her_entries_offline(service: Any, person: str, tmp_path: Path, capsys: Any) -> None:
    for number in range(3):
        await service.topics.event("record.accessed", looked(person, at=f"2026-01-23T0{number}:00:00Z"), key=person)
    await entries_of(service, service.citizen(person), person, 3)
    proof = (await service.citizen(person).gets("/access-log/proof", patient=person)).json()
    assert {"entries", "root", "signature"} <= set(proof)
    assert {"seq", "hash", "previous", "path"} <= set(proof["entries"][0])
    keys = await service.client.get("/.well-known/jwks.json")
    (tmp_path / "keys.json").write_bytes(keys.content)
    (tmp_path / "proof.json").write_text(json.dumps(proof))
    verify = ["audit", "verify", str(tmp_path / "proof.json"), "--keys", str(tmp_path / "keys.json")]
    assert await asyncio.to_thread(shr, verify) == 0
    assert capsys.readouterr().out == "audit: 3 entries, 1 shards, ok\n"
    published = (await service.client.get("/.well-known/audit-checkpoint")).json()
    assert published["root"] == proof["root"]


async def test_an_administrators_look_at_the_log_is_in_the_log(service: Any, person: str) -> None:
    await service.topics.event("record.accessed", looked(person), key=person)
    await entries_of(service, service.citizen(person), person, 1)
    administrator = service.administrator()
    seen = (await administrator.gets("/access-log", patient=person)).json()["entries"]
    assert len(seen) == 1
    await administrator.posts(
        "/decisions", {"actor": service.doctor().as_actor(), "patient": person, "purpose": "CAREMGT"}
    )
    found = await entries_of(service, service.citizen(person), person, 3)
    assert [(one["actor"]["role"], one["what"][0]["type"]) for one in found[:2]] == [
        ("administrator", "Consent"),
        ("administrator", "AuditEvent"),
    ]
    assert (await administrator.gets("/access-log")).status_code == 422


async def test_a_poison_record_is_buried_and_its_neighbours_are_not(service: Any, person: str) -> None:
    await service.topics.event("record.accessed", looked(person), key=person)
    await service.topics.publish("record.accessed", b"\xff not json", key=person, headers={"x": b"\xff"})
    await service.topics.event("record.accessed", looked(person), key=person)
    await entries_of(service, service.citizen(person), person, 2)
    letters = await service.topics.read("record.accessed.dlq", count=1)
    assert letters[0].headers["dlq_category"] == "invalid"
    assert b"not json" not in letters[0].value


async def test_erasure_leaves_nothing_but_the_access_log(service: Any, person: str) -> None:
    doctor = service.doctor()
    asked = await doctor.asks(person)
    await service.citizen(person).posts(f"/consent-requests/{asked['id']}/grant")
    await service.topics.event("patient.erased", {"health_id": person, "at": AT}, key=person)
    await becomes(service, doctor, person, "deny")
    assert await service.database["statements"].count_documents({"patient": person}) == 0
