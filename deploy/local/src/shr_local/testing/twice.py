"""Somebody who was registered twice, and a change that waits: what a registrar has to do, for tests across services."""

from __future__ import annotations

import secrets
from typing import Any

from shr_local.testing.people import NID, People, a_number, until

BRN = "http://dghs.gov.bd/identifier/brn"
BD_CORE = "https://fhir.dghs.gov.bd/core/StructureDefinition/"


def a_known_person(system: str, number: str, *, name: str, name_bn: str, birth_date: str, local: str) -> dict[str, Any]:
    """A BD-Core Patient with names in both scripts, address, phone and parents."""
    forms = [
        {"url": f"{BD_CORE}bd-name-en", "valueString": name},
        {"url": f"{BD_CORE}bd-name-bn", "valueString": name_bn},
    ]
    relation = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
    return {
        "resourceType": "Patient",
        "identifier": [{"system": system, "value": number}, {"type": {"text": "OpenMRS ID"}, "value": local}],
        "name": [{"use": "official", "text": name, "_text": {"extension": forms}}],
        "gender": "female",
        "birthDate": birth_date,
        "telecom": [{"system": "phone", "value": "+8801711000000", "use": "mobile"}],
        "address": [{"use": "home", "line": ["Kazipara"], "district": "3026", "country": "BD"}],
        "contact": [
            {"relationship": [{"coding": [{"system": relation, "code": code}]}], "name": {"text": parent}}
            for code, parent in (("FTH", "Abdul Karim"), ("MTH", "Fatema Begum"))
        ],
    }


async def comes_twice(
    people: People, *, name: str = "Sultana Razia", name_bn: str = "সুলতানা রাজিয়া", other: str | None = None
) -> tuple[str, str, str]:
    """She registers with her NID, then with her birth registration: both Health IDs, and the number of the first.

    ``other``: how her name is spelled the second time.
    """
    born = f"19{60 + secrets.randbelow(40)}-{1 + secrets.randbelow(12):02d}-{1 + secrets.randbelow(28):02d}"
    nid, brn = a_number(), f"{born[:4]}1{secrets.randbelow(10**11):011d}7"
    found = [
        await people.registers(
            a_known_person(
                system, number, name=said, name_bn=name_bn, birth_date=born, local=f"L{secrets.token_hex(3)}"
            )
        )
        for system, number, said in ((NID, nid, name), (BRN, brn, other or name))
    ]
    return found[0], found[1], nid


async def case_about(people: People, *persons: str) -> str:
    """The open case about these people; waits for it."""

    def of_them(cases: list[dict[str, Any]]) -> list[str]:
        return [case["id"] for case in cases if set(persons) <= set(case["persons"])]

    answer = await until(
        lambda: people.client.get(people.stack.url("healthid", "/duplicates?count=50"), headers=people.as_("reviewer")),
        lambda a: a.status_code == 200 and bool(of_them(a.json()["entries"])),
    )
    return of_them(answer.json()["entries"])[0]


async def asks_for_another_name(people: People, health_id: str, *, name: str = "Razia Sultana Begum") -> str:
    """The hospital that registered her sends another name, which waits for a second person; the id of the change."""
    address = people.stack.url("healthid", f"/fhir/Patient/{health_id}")
    patient = (await people.client.get(address, headers=people.hospital())).json()
    patient["name"] = [{"use": "official", "text": name}]
    answer = await people.client.put(address, json=patient, headers=people.hospital())
    assert answer.status_code == 202, answer.text
    return str(answer.headers["Content-Location"]).rpartition("/")[2]
