"""The story of one visit, step by step: what was sent, what came back, and where to look."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from shr_local.demo.forms import words_of
from shr_local.demo.people import FHIR_JSON, Doctor, Hospital, Visitor, form_to
from shr_local.demo.visit import openmrs_visit
from shr_local.failure import StackError
from shr_local.identity_provider.tokens import Signer, Subject
from shr_local.paths import Home
from shr_local.ports import Ports

Say = Callable[[str, str, str], None]
"""Tells one step: what happened, what came back, where to look."""
PADMA, SHAPLA = "10000002", "10000001"
FARHANA, NAZMUL = "20000001", "20000002"
OPENMRS_BUNDLE = "bd.gov.dghs.openmrs.bundle.v1"
PATIENCE_S = 30.0


@dataclass(frozen=True)
class World:
    """Where the stack is, and who may sign tokens for it."""

    home: Home
    ports: Ports
    issuer: str

    def url(self, service: str) -> str:
        """The address of a service."""
        return f"http://127.0.0.1:{self.ports[service]}"

    def token(self, subject: Subject) -> str:
        """A token, as ``shr token`` makes it."""
        return Signer(self.home.keys, self.issuer).access_token(subject)


async def tell(world: World, say: Say) -> None:
    """Play the story. Raises StackError at the first step that does not end as it should."""
    async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
        at_shapla = Subject("source_system", source="openmrs", facility=SHAPLA)
        hospital = Hospital(
            client=client,
            healthid=world.url("healthid"),
            kafka=f"127.0.0.1:{world.ports['kafka']}",
            system="openmrs",
            facility=SHAPLA,
            token=world.token(at_shapla),
        )
        nazmul = Subject("practitioner", practitioner=NAZMUL, facility=PADMA, name="Dr. Nazmul Karim")
        doctor = Doctor(
            client=client, gateway=world.url("gateway"), consent=world.url("consent"), token=world.token(nazmul)
        )
        await _registry_and_codes(client, world, say)
        health_id, local_id = await _registers(hospital, world, say)
        await _visits(hospital, local_id, world, say)
        await _asks(doctor, health_id, world, say)
        citizen = Visitor(world.url("gateway"))
        try:
            await _grants(citizen, health_id, world, say)
            await _reads(doctor, health_id, world, say)
            await _books(client, health_id, world, say)
            await _sees_who_looked(citizen, world, say)
            await _withdraws(citizen, doctor, health_id, world, say)
        finally:
            await citizen.close()


async def _registry_and_codes(client: httpx.AsyncClient, world: World, say: Say) -> None:
    auth = {"Authorization": f"Bearer {world.token(Subject('analyst'))}"}
    where = f"{world.url('registry')}/fhir/Organization/{PADMA}"
    organization = _answered(await client.get(where, headers=auth), 200, "the registry")
    say("registry knows the second hospital", organization["name"], where)
    code = f"{world.url('terminology')}/fhir/CodeSystem/$lookup?system=http://hl7.org/fhir/sid/icd-10&code=E11.9"
    found = _answered(await client.get(code, headers=auth), 200, "terminology")
    display = next((p.get("valueString") for p in found["parameter"] if p["name"] == "display"), "")
    say("terminology knows the diagnosis", f"ICD-10 E11.9: {display}", code)


async def _registers(hospital: Hospital, world: World, say: Say) -> tuple[str, str]:
    number = f"1990{secrets.randbelow(10**8):08d}7"
    local_id = f"100{secrets.token_hex(2).upper()}"
    patient = {
        "resourceType": "Patient",
        "identifier": [
            {"system": "http://dghs.gov.bd/identifier/nid", "value": number},
            {"use": "official", "type": {"text": "OpenMRS ID"}, "value": local_id},
        ],
        "name": [
            {
                "use": "official",
                "text": "Rahima Khatun",
                "_text": {
                    "extension": [
                        {
                            "url": "https://fhir.dghs.gov.bd/core/StructureDefinition/bd-name-en",
                            "valueString": "Rahima Khatun",
                        },
                        {
                            "url": "https://fhir.dghs.gov.bd/core/StructureDefinition/bd-name-bn",
                            "valueString": "রহিমা খাতুন",
                        },
                    ]
                },
            }
        ],
        "gender": "female",
        "birthDate": "1990-04-12",
    }
    person = _answered(await hospital.registers(patient), 201, "healthid")
    where = f"{world.url('healthid')}/fhir/Patient/{person['id']}"
    said = f"NID verified with the national service; Health ID {person['id']}, local id {local_id}"
    say("Shapla hospital registers Rahima Khatun (রহিমা খাতুন)", said, where)
    return person["id"], local_id


async def _visits(hospital: Hospital, local_id: str, world: World, say: Say) -> None:
    submission_id = f"visit-{uuid.uuid4()}"
    visit = openmrs_visit(local_id=local_id, at=datetime.now(UTC))
    place = await hospital.publishes(json.dumps(visit, ensure_ascii=False).encode(), submission_id=submission_id,
                                     ce_type=OPENMRS_BUNDLE)  # fmt: skip
    say(
        "OpenMRS publishes the visit on encounter.submitted",
        f"{len(visit['entry'])} resources, ce_id {submission_id}; {place}",
        f"{world.url('gateway')}/asyncapi",
    )
    answer = await hospital.answer(submission_id)
    if answer["state"] != "recorded":
        answer = await hospital.answer(submission_id, state="recorded")
    where = f"{world.url('records')}/submissions/openmrs%2F{SHAPLA}/{submission_id}"
    say("records answers on submission.answered.openmrs", f"recorded: {len(answer['resources'])} resources", where)


async def _asks(doctor: Doctor, health_id: str, world: World, say: Say) -> None:
    where = f"{world.url('gateway')}/profile/{health_id}"
    refused = await _until(lambda: doctor.reads(health_id), 403, "a read without consent")
    say("Dr. Nazmul Karim at Padma hospital tries to read", f"403: {_first_issue(refused)}", where)
    request = {
        "patient": health_id,
        "recipient": {"type": "practitioner", "id": NAZMUL},
        "purpose": "CAREMGT",
        "record_types": ["Observation", "Condition", "MedicationRequest", "Encounter", "AllergyIntolerance"],
        "expires_at": (datetime.now(UTC) + timedelta(days=30)).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "access_mode": "VIEW",
    }
    asked = _answered(await doctor.asks(request), 201, "consent")
    say("he asks for her consent", f"request {asked['id']}: {asked['status']}", f"{world.url('gateway')}/clinic")


async def _grants(citizen: Visitor, health_id: str, world: World, say: Say) -> None:
    await citizen.signs_in_as_citizen(health_id)
    page = await citizen.sees("/me/permissions?lang=bn", "ডা. নাজমুল করিম")
    link = next(part.split('"')[0] for part in page.text.split('href="')[1:] if part.startswith("/me/permissions/"))
    request = await citizen.opens(link)
    done = await citizen.sends(request, form_to(request, link.split("?")[0]), decision="grant")
    if done.status_code != 200:
        raise StackError(f"the grant was answered {done.status_code}: {words_of(done.text)[:200]}")
    say("Rahima signs in, reads the request and allows it", "হ্যাঁ, অনুমতি দিচ্ছি", f"{world.url('gateway')}{link}")


async def _reads(doctor: Doctor, health_id: str, world: World, say: Say) -> None:
    where = f"{world.url('gateway')}/profile/{health_id}"
    answer = await _until(lambda: doctor.reads(health_id), 200, "the read under consent")
    profile = answer.json()
    counts = ", ".join(f"{len(items)} {name}" for name, items in profile["sections"].items() if items)
    problems = ", ".join(item["display"] for item in profile["sections"]["problems"])
    say("the doctor reads her composed profile", f"{counts}; problems: {problems}", where)


async def _books(client: httpx.AsyncClient, health_id: str, world: World, say: Say) -> None:
    auth = {"Authorization": f"Bearer {world.token(Subject('citizen', health_id=health_id))}"}
    base = world.url("appointments")
    schedules = _answered(await client.get(f"{base}/fhir/Schedule", headers=auth), 200, "appointments")
    schedule = schedules["entry"][0]["resource"]["id"]
    start = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
    free = _answered(
        await client.get(f"{base}/fhir/Slot?schedule={schedule}&start=ge{start}&status=free", headers=auth),
        200,
        "slots",
    )
    slot = free["entry"][0]["resource"]
    booking = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "slot", "valueReference": {"reference": f"Slot/{slot['id']}"}},
            {"name": "patient", "valueReference": {"reference": f"Patient/{health_id}"}},
        ],
    }
    sent = await client.post(f"{base}/fhir/Appointment/$book", json=booking, headers=auth | FHIR_JSON)
    booked = _answered(sent, 201, "the booking")
    where = f"{base}/fhir/Appointment?patient={health_id}"
    appointment = booked if booked["resourceType"] == "Appointment" else booked["entry"][0]["resource"]
    say("she books her next visit", f"{appointment['status']}: {slot['start']}", where)


async def _sees_who_looked(citizen: Visitor, world: World, say: Say) -> None:
    page = await citizen.sees("/me/access?lang=bn", "ডা. নাজমুল করিম চিকিৎসার জন্য আপনার")
    text = words_of(page.text)
    begin = text.index("ডা. নাজমুল করিম চিকিৎসার জন্য আপনার")
    sentence = text[begin : text.index("।", begin) + 1]
    say("she sees in Bangla who looked", sentence, f"{world.url('gateway')}/me/access")


async def _withdraws(citizen: Visitor, doctor: Doctor, health_id: str, world: World, say: Say) -> None:
    page = await citizen.opens("/me/permissions?lang=bn")
    link = next(
        part.split('"')[0] for part in page.text.split('href="')[1:] if part.split('"')[0].endswith("/withdraw")
    )
    confirm = await citizen.opens(link)
    done = await citizen.sends(confirm, form_to(confirm, link))
    if done.status_code != 200:
        raise StackError(f"the withdrawal was answered {done.status_code}: {words_of(done.text)[:200]}")
    began = time.monotonic()
    refused = await _until(lambda: doctor.reads(health_id), 403, "the read after the withdrawal")
    took = time.monotonic() - began
    where = f"{world.url('gateway')}/profile/{health_id}"
    say("she withdraws; the next read is refused", f"403 after {took:.2f} s: {_first_issue(refused)}", where)


async def _until(read: Callable[[], Awaitable[httpx.Response]], status: int, what: str) -> httpx.Response:
    until = time.monotonic() + PATIENCE_S
    while True:
        answer = await read()
        if answer.status_code == status:
            return answer
        if time.monotonic() > until:
            raise StackError(f"{what} was answered {answer.status_code}, not {status}: {answer.text[:300]}")
        await asyncio.sleep(0.1)


def _answered(answer: httpx.Response, status: int, who: str) -> dict[str, Any]:
    if answer.status_code != status:
        raise StackError(f"{who} answered {answer.status_code}, not {status}: {answer.text[:300]}")
    body: dict[str, Any] = answer.json()
    return body


def _first_issue(answer: httpx.Response) -> str:
    issue = answer.json()["issue"][0]
    text: str = issue.get("details", {}).get("text") or issue.get("diagnostics") or issue["code"]
    return text
