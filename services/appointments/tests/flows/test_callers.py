"""Who may do what, and who sees whom; looks are audited."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from fastapi.routing import APIRoute
from shr_common.security import ROLES, allowed_roles
from shr_common.testing import eventually

Clinic = Any  # conftest.Clinic: test modules cannot import each other
HOSPITAL = "10000002"
SCHEDULE = "20000002-10000002-medicine"

ALL_DAY: dict[str, Any] = {"facility": "10000001", "department": "eye", "weekdays": ["mon"], "times": ["09:00-10:00"]}


async def test_a_citizen_books_for_herself_and_her_wards_only(clinic: Clinic) -> None:
    mother, child, stranger = (clinic.new_health_id() for _ in range(3))
    await clinic.registers(child, guardians=(mother,))
    await clinic.registers(stranger)
    assert (await clinic.books(child, await clinic.a_free_slot(), clinic.citizen(mother))).status_code == 201
    assert (await clinic.books(stranger, await clinic.a_free_slot(), clinic.citizen(mother))).status_code == 403
    assert (await clinic.sees(clinic.citizen(mother), patient=child)).json()["total"] == 1
    # a claim in the token alone makes nobody a guardian
    claimed = clinic.issuer.as_("citizen", health_id=mother, guardian_of=[stranger])
    assert (await clinic.sees(claimed, patient=stranger)).status_code == 403
    [refused] = await clinic.topics.read("record.accessed", where=lambda r: r.key == stranger)
    assert json.loads(refused.value)["decision"] == "deny"


async def test_staff_book_at_their_own_facility_for_persons_who_are_known(clinic: Clinic) -> None:
    person = clinic.new_health_id()
    slot = await clinic.a_free_slot()
    unknown = await clinic.books(person, slot, clinic.desk)
    assert (unknown.status_code, unknown.json()["issue"][0]["expression"]) == (422, ["patient"])
    await clinic.registers(person)
    assert (await clinic.books(person, slot, clinic.elsewhere)).status_code == 403
    made = await clinic.books(person, slot, clinic.doctor)
    assert made.status_code == 201, made.text
    path = f"/fhir/Appointment/{made.json()['id']}"
    assert (await clinic.client.get(path, headers=clinic.desk)).status_code == 200
    assert (await clinic.client.get(path, headers=clinic.elsewhere)).status_code == 404
    assert (await clinic.acts("cancel", made.json()["id"], clinic.elsewhere)).status_code == 404
    assert (await clinic.sees(clinic.elsewhere, patient=person)).json()["total"] == 0
    assert (await clinic.sees(clinic.desk, patient=person)).json()["total"] == 1
    looks = await clinic.topics.read("record.accessed", where=lambda r: r.key == person, count=3)
    assert {json.loads(look.value)["decision"] for look in looks} == {"permit", "deny"}


async def test_a_newborns_appointments_follow_her_to_her_health_id(clinic: Clinic) -> None:
    provisional, person = f"P-{uuid4()}", clinic.new_health_id()
    await clinic.registers(provisional)
    made = await clinic.books(provisional, await clinic.a_free_slot(), clinic.desk)
    assert made.status_code == 201, made.text
    await clinic.registers(person, replaces=(provisional,))
    found = (await clinic.sees(clinic.citizen(person))).json()
    assert [entry["resource"]["id"] for entry in found["entry"]] == [made.json()["id"]]
    assert found["entry"][0]["resource"]["participant"][0]["actor"]["reference"] == f"Patient/{provisional}"


async def test_merging_joins_what_each_had_and_undoing_parts_it(clinic: Clinic) -> None:
    survivor, retired = clinic.new_health_id(), clinic.new_health_id()
    await clinic.registers(survivor)
    await clinic.registers(retired)
    for person in (survivor, retired):
        assert (await clinic.books(person, await clinic.a_free_slot())).status_code == 201

    async def merged(version: int, *, undone: bool) -> None:
        said = {"survivor": survivor, "retired": retired, "undone": undone, "version": version}
        await clinic.topics.event("patient.merged", said | {"at": "2026-01-01T00:00:00Z"}, key=survivor)

    async def total() -> int:
        return int((await clinic.sees(clinic.citizen(survivor))).json()["total"])

    assert await total() == 1
    await merged(2, undone=False)

    async def joined() -> bool:
        return await total() == 2

    await eventually(joined, what="the joined appointments")
    await merged(3, undone=True)

    async def parted() -> bool:
        return await total() == 1

    await eventually(parted, what="the parted appointments")


async def test_a_practitioner_whose_posting_ended_is_refused(clinic: Clinic) -> None:
    number = f"2{uuid4().int % 10_000_000:07d}"
    doctor = clinic.issuer.as_("practitioner", practitioner=number, facility=HOSPITAL)
    assert (await clinic.sees(doctor)).status_code == 200
    role = {"resource_type": "PractitionerRole", "id": number, "version": 1, "practitioner": number}
    role |= {"facility": HOSPITAL, "period": {"end": "2020-01-01"}, "at": "2026-01-01T00:00:00Z"}
    await clinic.topics.event("registry.changed", role, key=number)

    async def refused() -> bool:
        return (await clinic.sees(doctor)).status_code == 403

    await eventually(refused, what="the end of the posting")


async def test_erasure_forgets_appointments_and_frees_slots(clinic: Clinic) -> None:
    person, slot = clinic.new_health_id(), await clinic.a_free_slot()
    assert (await clinic.books(person, slot)).status_code == 201
    await clinic.topics.event("patient.erased", {"health_id": person, "at": "2026-01-01T00:00:00Z"}, key=person)

    async def forgotten() -> bool:
        return (await clinic.sees(clinic.citizen(person))).json()["total"] == 0

    await eventually(forgotten, what="the erasure")
    assert slot in await clinic.free_slots()


async def test_schedules_are_read_by_anyone_and_kept_by_their_facility(clinic: Clinic) -> None:
    analyst = clinic.issuer.as_("analyst")
    found = (await clinic.client.get("/fhir/Schedule?actor=Practitioner/20000002", headers=analyst)).json()
    assert [entry["resource"]["id"] for entry in found["entry"]] == [SCHEDULE]
    assert found["entry"][0]["resource"]["comment"].startswith("Dr. Nazmul Karim")
    assert (await clinic.client.get(f"/fhir/Schedule/{SCHEDULE}", headers=analyst)).status_code == 200
    for who, status in ((clinic.desk, 403), (clinic.elsewhere, 201), (clinic.elsewhere, 200), (analyst, 403)):
        answer = await clinic.client.put("/schedules/eye-1", json=ALL_DAY, headers=who)
        assert answer.status_code == status, answer.text


@pytest.mark.parametrize(
    ("change", "at"),
    [
        ({"times": ["9-10"]}, "times[0]"),
        ({"times": ["09:00-10:00", "09:30-11:00"]}, "times"),
        ({"times": [3]}, "times[0]"),
        ({"weekdays": ["someday"]}, "weekdays"),
        ({"weekdays": [{"$ne": 1}]}, "weekdays"),
        ({"slot_minutes": True}, "slot_minutes"),
        ({"facility": {"$gt": ""}}, "facility"),
        ({"$where": "1"}, "$where"),
    ],
)
async def test_a_schedule_that_cannot_be_is_refused_and_located(
    clinic: Clinic, change: dict[str, Any], at: str
) -> None:
    admin = clinic.issuer.as_("administrator")
    answer = await clinic.client.put("/schedules/bad", json=ALL_DAY | change, headers=admin)
    assert (answer.status_code, answer.json()["issues"][0]["expression"]) == (422, at)


@pytest.mark.parametrize(
    "path",
    [
        "/fhir/Slot",
        f"/fhir/Slot?schedule={SCHEDULE}&start=soon",
        f"/fhir/Slot?schedule={SCHEDULE}&status=maybe",
        f"/fhir/Slot?schedule={SCHEDULE}&_count=x",
        "/fhir/Schedule?colour=red",
        "/fhir/Appointment?date=ge",
        "/fhir/Appointment?status=maybe",
        "/fhir/Appointment?patient=1&patient=2",
    ],
)
async def test_a_search_that_cannot_be_is_refused_and_located(clinic: Clinic, path: str) -> None:
    answer = await clinic.client.get(path, headers=clinic.desk)
    assert answer.status_code == 400, answer.text
    assert answer.json()["issue"][0]["expression"]


async def test_the_role_table(clinic: Clinic) -> None:
    table = {
        (method, route.path): allowed_roles(route)
        for router in clinic.app.state.assembly.routers
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods
    }
    staff = {"practitioner", "facility"}
    assert table.pop(("GET", "/fhir/metadata")) is None
    assert table.pop(("PUT", "/schedules/{id}")) == {"administrator", "facility"}
    assert table.pop(("GET", "/queues/{facility}/{department}")) == staff
    for path in [key for key in table if key[1].startswith("/fhir/Appointment")]:
        assert table.pop(path) == staff | {"citizen"}
    assert len(table) == 4
    assert all(roles == ROLES for roles in table.values())


@pytest.mark.parametrize("role", sorted(ROLES - {"citizen", "practitioner", "facility"}))
async def test_other_roles_and_strangers_see_no_appointments(clinic: Clinic, role: str) -> None:
    who = clinic.issuer.as_(role, source="openmrs", facility=HOSPITAL)
    assert (await clinic.sees(who)).status_code == 403
    assert (await clinic.books("98000173958", "x", who)).status_code == 403
    assert (await clinic.client.get(f"/queues/{HOSPITAL}/medicine", headers=who)).status_code == 403
    assert (await clinic.client.get("/fhir/Appointment")).status_code == 401
    assert (await clinic.client.get("/queues/10000001/medicine", headers=clinic.desk)).status_code == 403
