"""Booking over HTTP: nobody is booked twice, everything is told on appointment.changed."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any
from uuid import uuid4

import pytest
from shr_common.testing import eventually

Clinic = Any  # conftest.Clinic: test modules cannot import each other
HOSPITAL = "10000002"
SCHEDULE = "20000002-10000002-medicine"


async def test_a_citizen_finds_a_free_slot_books_it_and_it_is_told(clinic: Clinic) -> None:
    rahima, slot = clinic.new_health_id(), await clinic.a_free_slot()
    answer = await clinic.books(rahima, slot, comment="বুকে ব্যথা")
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert answer.headers["Location"] == f"/fhir/Appointment/{made['id']}"
    assert (made["status"], made["comment"], made["slot"][0]["reference"]) == ("booked", "বুকে ব্যথা", f"Slot/{slot}")
    assert slot not in await clinic.free_slots()
    [event] = await clinic.topics.read("appointment.changed", where=lambda r: r.key == rahima)
    told = json.loads(event.value)
    assert (told["status"], told["version"], told["facility"]) == ("booked", 1, HOSPITAL)
    assert told["practitioner"] == "20000002"
    assert "ব্যথা" not in event.value.decode()
    [message] = await clinic.topics.read("notification.requested", where=lambda r: r.key == rahima)
    assert json.loads(message.value)["template"] == "appointment-booked"


async def test_of_a_hundred_who_want_one_slot_at_once_exactly_one_gets_it(clinic: Clinic) -> None:
    slot = await clinic.a_free_slot()
    people = [clinic.new_health_id() for _ in range(100)]
    answers = await asyncio.gather(*(clinic.books(person, slot) for person in people))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 99}
    winner = next(answer.json() for answer in answers if answer.status_code == 201)
    patient = winner["participant"][0]["actor"]["reference"].removeprefix("Patient/")
    own = (await clinic.sees(clinic.citizen(patient))).json()
    assert own["total"] == 1
    losers = [person for person in people if person != patient]
    assert (await clinic.sees(clinic.citizen(losers[0]))).json()["total"] == 0


async def test_a_repeat_under_one_idempotency_key_is_one_booking(clinic: Clinic) -> None:
    person, slot = clinic.new_health_id(), await clinic.a_free_slot()
    key = {"Idempotency-Key": uuid4().hex}
    answers = await asyncio.gather(*(clinic.books(person, slot, headers=key) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    other = await clinic.books(person, await clinic.a_free_slot(), headers=key)
    assert (other.status_code, other.json()["issue"][0]["code"]) == (409, "duplicate")


async def test_booking_with_parameters_and_with_an_appointment(clinic: Clinic) -> None:
    person, slot = clinic.new_health_id(), await clinic.a_free_slot()
    parameters = [
        {"name": "slot", "valueReference": {"reference": f"http://x.test/fhir/Slot/{slot}"}},
        {"name": "patient", "valueReference": {"reference": f"Patient/{person}"}},
    ]
    body: dict[str, Any] = {"resourceType": "Parameters", "parameter": parameters}
    answer = await clinic.client.post("/fhir/Appointment/$book", json=body, headers=clinic.citizen(person))
    assert answer.status_code == 201, answer.text
    slot = await clinic.a_free_slot()
    resource = {
        "resourceType": "Appointment",
        "status": "proposed",
        "slot": [{"reference": f"Slot/{slot}"}],
        "participant": [{"actor": {"reference": f"Patient/{person}"}, "status": "accepted"}],
    }
    answer = await clinic.client.post("/fhir/Appointment/$book", json=resource, headers=clinic.citizen(person))
    assert answer.status_code == 201, answer.text


async def test_a_hold_keeps_the_slot_until_it_is_booked(clinic: Clinic) -> None:
    person, slot = clinic.new_health_id(), await clinic.a_free_slot()
    wanted = {"slot": slot, "patient": person}
    held = await clinic.client.post("/fhir/Appointment/$hold", json=wanted, headers=clinic.citizen(person))
    assert (held.status_code, held.json()["status"]) == (201, "pending")
    assert (await clinic.books(clinic.new_health_id(), slot)).status_code == 409
    tentative = await clinic.client.get(f"/fhir/Slot/{slot}", headers=clinic.desk)
    assert tentative.json()["status"] == "busy-tentative"
    confirm = {"appointment": held.json()["id"], "patient": person}
    stranger = await clinic.client.post(
        "/fhir/Appointment/$book", json=confirm, headers=clinic.citizen(clinic.new_health_id())
    )
    assert stranger.status_code == 422
    booked = await clinic.client.post("/fhir/Appointment/$book", json=confirm, headers=clinic.citizen(person))
    assert (booked.status_code, booked.json()["status"]) == (201, "booked")
    assert booked.json()["id"] == held.json()["id"]
    assert (await clinic.client.get(f"/fhir/Slot/{slot}", headers=clinic.desk)).json()["status"] == "busy"


async def test_cancelling_frees_the_slot_and_is_told(clinic: Clinic) -> None:
    person, slot = clinic.new_health_id(), await clinic.a_free_slot()
    made = (await clinic.books(person, slot)).json()["id"]
    for _ in range(2):
        gone = await clinic.acts("cancel", made, clinic.citizen(person), reason="ill")
        assert (gone.status_code, gone.json()["status"]) == (200, "cancelled")
    assert slot in await clinic.free_slots()
    assert (await clinic.books(clinic.new_health_id(), slot)).status_code == 201
    events = await clinic.topics.read("appointment.changed", where=lambda r: r.key == person, count=2)
    assert [json.loads(event.value)["status"] for event in events] == ["booked", "cancelled"]


async def test_moving_takes_the_new_slot_and_frees_the_old_or_does_neither(clinic: Clinic) -> None:
    person, slots = clinic.new_health_id(), await clinic.free_slots()
    first, second, third = slots[-1], slots[-2], slots[-3]
    made = (await clinic.books(person, first)).json()["id"]
    assert (await clinic.books(clinic.new_health_id(), second)).status_code == 201
    assert (await clinic.acts("reschedule", made, clinic.citizen(person), slot=second)).status_code == 409
    moved = await clinic.acts("reschedule", made, clinic.citizen(person), slot=third)
    assert (moved.status_code, moved.json()["slot"][0]["reference"]) == (200, f"Slot/{third}")
    free = await clinic.free_slots()
    assert (first in free, third in free) == (True, False)


async def test_two_who_swap_at_once_end_with_one_slot_each(clinic: Clinic) -> None:
    one, two = clinic.new_health_id(), clinic.new_health_id()
    slots = (await clinic.free_slots())[20:23]
    first = (await clinic.books(one, slots[0])).json()["id"]
    second = (await clinic.books(two, slots[1])).json()["id"]
    answers = await asyncio.gather(
        clinic.acts("reschedule", first, clinic.citizen(one), slot=slots[2]),
        clinic.acts("reschedule", second, clinic.citizen(two), slot=slots[2]),
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]


async def test_check_in_gives_a_number_and_the_queue_shows_it(clinic: Clinic) -> None:
    person = clinic.new_health_id()
    slot = await clinic.always_open("open-queue")
    made = (await clinic.books(person, slot)).json()["id"]
    arrived = await clinic.acts("check-in", made, clinic.desk)
    if arrived.status_code == 409 and "on that day" in arrived.text:
        pytest.skip("the next slot is after midnight")
    assert (arrived.status_code, arrived.json()["status"]) == (200, "arrived")
    again = await clinic.acts("check-in", made, clinic.desk)
    assert again.json()["identifier"] == arrived.json()["identifier"]
    queue = (await clinic.client.get(f"/queues/{HOSPITAL}/emergency", headers=clinic.doctor)).json()
    assert [entry["appointment"] for entry in queue["entries"]] == [made]
    looks = await clinic.topics.read("record.accessed", where=lambda r: r.key == person, count=1)
    assert json.loads(looks[0].value)["actor"]["facility"] == HOSPITAL
    tomorrow = await clinic.a_free_slot()
    later = (await clinic.books(person, tomorrow)).json()["id"]
    assert (await clinic.acts("check-in", later, clinic.desk)).status_code == 409


async def test_a_recorded_visit_fulfils_the_appointment_of_that_day(clinic: Clinic) -> None:
    person = clinic.new_health_id()
    made = (await clinic.books(person, await clinic.a_free_slot())).json()
    encounter = {"resourceType": "Encounter", "id": "e", "period": {"start": made["start"]}}
    value = {
        "source": f"openmrs/{HOSPITAL}",
        "submission_id": "x",
        "health_id": person,
        "resources": [{"type": "Encounter", "id": "e", "version": 1, "resource": encounter}],
        "recorded_at": made["start"],
    }
    await clinic.topics.publish("encounter.recorded", value, key=person, headers={"ce_facility": HOSPITAL})

    async def fulfilled() -> bool:
        found = (await clinic.sees(clinic.citizen(person))).json()
        return bool(found["entry"][0]["resource"]["status"] == "fulfilled")

    await eventually(fulfilled, what="the kept appointment")


async def test_a_closed_facility_offers_nothing_and_takes_no_booking(clinic: Clinic) -> None:
    person, facility = clinic.new_health_id(), f"4{uuid4().int % 10_000_000:07d}"
    slot = await clinic.always_open(f"closing-{facility}", facility=facility)
    closed = {"resource_type": "Organization", "id": facility, "version": 2, "active": False}
    await clinic.topics.event("registry.changed", closed | {"at": "2026-01-01T00:00:00Z"}, key=facility)
    older = closed | {"version": 1, "active": True, "at": "2026-01-01T00:00:00Z"}
    await clinic.topics.event("registry.changed", older, key=facility)

    async def refused() -> bool:
        return (await clinic.books(person, slot)).status_code == 409

    await eventually(refused, what="the closed facility")
    assert await clinic.free_slots(f"closing-{facility}") == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"[]", 400),
        (b'{"slot": NaN}', 400),
        (b'{"slot": "\\ud800"}', 400),
        (b'{"slot": "a", "slot": "b"}', 400),
        (b'{"a":' * 100 + b"1" + b"}" * 100, 400),
        (b"", 422),
        (b'{"$where": "1"}', 422),
        (b'{"slot": {"$ne": 1}}', 422),
        (b'{"slot": "nothing"}', 422),
        (b'{"slot": "Patient/x"}', 422),
        (b'{"slot": "none.20990101T0900"}', 422),
        (b'{"slot": "x", "patient": "98000173950"}', 422),
        (b'{"slot": "x", "comment": 3}', 422),
        (b'{"resourceType": "Bundle"}', 422),
        (b'{"resourceType": "Parameters", "parameter": [{"name": "slot"}]}', 422),
        (b'{"resourceType": "Parameters", "parameter": {"name": "slot"}}', 422),
        (b'{"resourceType": "Parameters", "parameter": [{"name": "colour", "valueCode": "red"}]}', 422),
        (b'{"resourceType": "Appointment", "slot": [1], "participant": [{"actor": 3}]}', 422),
        (f'{{"slot": "{SCHEDULE}.20200101T0900"}}'.encode(), 409),
        (f'{{"slot": "{SCHEDULE}.20990101T0900"}}'.encode(), 409),
    ],
)
@pytest.mark.parametrize("operation", ["$book", "$hold"])
async def test_a_booking_that_cannot_be_is_refused_and_located(
    clinic: Clinic, operation: str, body: bytes, status: int
) -> None:
    who = clinic.citizen("98000173958")
    answer = await clinic.client.post(f"/fhir/Appointment/{operation}", content=body, headers=who)
    assert answer.status_code == status, answer.text
    issue = answer.json()["issue"][0]
    assert status == 409 or issue.get("expression") or issue.get("diagnostics")
