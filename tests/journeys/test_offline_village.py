"""Registered without signal: visits come before their patient, cards before their registration, and all is hers."""

from __future__ import annotations

import uuid
from typing import Any

from shr_local.testing.people import NID, People, a_bundle, a_number, a_person, an_observation, until

UHID = "http://dghs.gov.bd/identifier/uhid"
VILLAGE = {"source": "emis", "facility": "10000005"}


async def a_block(people: People) -> list[str]:
    """The Health IDs of a new block of the village's."""
    by, asked = people.hospital(**VILLAGE), people.stack.url("healthid", "/id-blocks")
    block = (await people.client.post(asked, json={"size": 20}, headers=by)).json()
    listed = await people.client.get(f"{asked}/{block['id']}/health-ids", headers=by)
    return listed.text.split()


def carrying(uhid: str, person: dict[str, Any]) -> dict[str, Any]:
    return {**person, "identifier": [{"system": UHID, "value": uhid}, *person["identifier"]]}


async def becomes(people: People, submission: str, state: str) -> dict[str, Any]:
    path = f"/submissions/emis%2F10000005/{submission}"
    answer = await until(
        lambda: people.client.get(people.stack.url("records", path), headers=people.hospital(**VILLAGE)),
        lambda a: a.status_code == 200 and a.json()["state"] == state,
    )
    found: dict[str, Any] = answer.json()
    return found


async def sees(people: People, health_id: str) -> None:
    """The citizen finds the visit in her own record."""
    await until(lambda: people.reads(health_id, people.citizen(health_id)), lambda a: "8480-6" in a.text)


async def test_visits_under_a_health_id_of_a_block_are_hers_when_she_is_uploaded(people: People) -> None:
    uhid, visit = (await a_block(people))[0], str(uuid.uuid4())
    sent = await people.submits(a_bundle(an_observation(uhid)), key=visit, **VILLAGE)
    assert sent.status_code == 202

    assert await people.registers(carrying(uhid, a_person()), **VILLAGE) == uhid

    await becomes(people, visit, "recorded")
    await sees(people, uhid)


async def test_visits_under_a_second_health_id_are_hers_under_the_first(people: People) -> None:
    number = a_number()
    known = await people.registers(a_person(number))
    uhid, visit = (await a_block(people))[1], str(uuid.uuid4())
    assert (await people.submits(a_bundle(an_observation(uhid)), key=visit, **VILLAGE)).status_code == 202

    assert await people.registers(carrying(uhid, a_person(number)), **VILLAGE) == known

    await becomes(people, visit, "recorded")
    await sees(people, known)


async def test_a_patient_alone_in_a_bundle_is_registered_and_her_number_travels_sealed(people: People) -> None:
    number, visit = a_number(), str(uuid.uuid4())
    patient = a_person(number, local_id="V-7")
    sent = await people.submits(a_bundle(patient), key=visit, **VILLAGE)
    assert sent.status_code == 202, sent.text

    found = await until(
        lambda: people.client.post(
            people.stack.url("healthid", "/fhir/Patient/_search"),
            data={"identifier": f"{NID}|{number}"},
            headers=people.as_("registrar"),
        ),
        lambda a: a.status_code == 200 and a.json()["total"] == 1,
    )

    assert found.json()["entry"][0]["resource"]["name"][0]["text"] == "Rahima Khatun"
    await becomes(people, visit, "recorded")
