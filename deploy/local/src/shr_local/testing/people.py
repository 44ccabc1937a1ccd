"""Sentences about people, hospitals and records, for tests across services."""

from __future__ import annotations

import asyncio
import secrets
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from shr_local.testing.stack import Stack

UCUM = "http://unitsofmeasure.org"
NID = "http://dghs.gov.bd/identifier/nid"


def a_number() -> str:
    """A 13-digit NID that the development verification service knows."""
    return f"1{secrets.randbelow(10**11):011d}7"


def a_person(number: str | None = None, *, name: str = "Rahima Khatun", local_id: str | None = None) -> dict[str, Any]:
    """A BD-Core Patient to register."""
    identifiers: list[dict[str, Any]] = [{"system": NID, "value": number or a_number()}]
    if local_id:
        identifiers.append({"type": {"text": "OpenMRS ID"}, "value": local_id})
    return {
        "resourceType": "Patient",
        "identifier": identifiers,
        "name": [{"use": "official", "text": name}],
        "gender": "female",
        "birthDate": "1990-04-12",
    }


def an_observation(health_id: str, *, value: str = "120.50", sender_id: str | None = None) -> dict[str, Any]:
    """A blood pressure reading; the value is text so that its zeros can be told apart."""
    return {
        "resourceType": "Observation",
        "id": sender_id or str(uuid.uuid4()),
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}], "text": "Systolic blood pressure"},
        "subject": {"reference": f"Patient/{health_id}"},
        "effectiveDateTime": "2026-11-20T10:00:00+06:00",
        "valueQuantity": {
            "value": float(value),
            "unit": "mmHg",
            "system": "http://unitsofmeasure.org",
            "code": "mm[Hg]",
        },
    }


def a_bundle(*resources: dict[str, Any], kind: str = "transaction") -> dict[str, Any]:
    """A bundle of resources to create."""
    return {
        "resourceType": "Bundle",
        "type": kind,
        "entry": [
            {
                "fullUrl": f"urn:uuid:{uuid.uuid4()}",
                "resource": resource,
                "request": {"method": "POST", "url": resource["resourceType"]},
            }
            for resource in resources
        ],
    }


class People:
    """Acts as a hospital, a doctor or a citizen on a running system."""

    def __init__(self, stack: Stack, client: httpx.AsyncClient) -> None:
        self.stack = stack
        self.client = client

    def as_(self, role: str, **claims: Any) -> dict[str, str]:
        """The Authorization header of a role."""
        return {"Authorization": f"Bearer {self.stack.token(role, **claims)}"}

    def hospital(self, facility: str = "10000001", source: str = "openmrs") -> dict[str, str]:
        """A source system."""
        return self.as_("source_system", source=source, facility=facility)

    def doctor(self, practitioner: str = "20000002", facility: str = "10000002") -> dict[str, str]:
        """A doctor, who treats."""
        return self.as_("practitioner", practitioner=practitioner, facility=facility) | {"X-Purpose": "CAREMGT"}

    def citizen(self, health_id: str) -> dict[str, str]:
        """A citizen."""
        return self.as_("citizen", health_id=health_id)

    async def registers(self, person: dict[str, Any] | None = None, **hospital: str) -> str:
        """A hospital registers a person; her Health ID."""
        answer = await self.client.post(
            self.stack.url("healthid", "/fhir/Patient"), json=person or a_person(), headers=self.hospital(**hospital)
        )
        assert answer.status_code in (200, 201), answer.text
        return str(answer.json()["id"])

    async def submits(self, bundle: Any, *, key: str | None = None, **hospital: str) -> httpx.Response:
        """A hospital submits a bundle over HTTP."""
        headers = self.hospital(**hospital) | {"Content-Type": "application/fhir+json"}
        if key:
            headers["Idempotency-Key"] = key
        body = {"content": bundle} if isinstance(bundle, bytes) else {"json": bundle}
        return await self.client.post(self.stack.url("records", "/fhir"), headers=headers, **body)

    async def records(self, bundle: Any, *, key: str | None = None, **hospital: str) -> httpx.Response:
        """Submit until it is recorded: a person registered a moment ago may not have arrived there yet."""
        return await until(
            lambda: self.submits(bundle, key=key or str(uuid.uuid4()), **hospital), lambda a: a.status_code == 200
        )

    async def reads(self, health_id: str, caller: dict[str, str]) -> httpx.Response:
        """Somebody reads a profile."""
        return await self.client.get(self.stack.url("gateway", f"/profile/{health_id}"), headers=caller)

    async def asks(self, health_id: str, *, practitioner: str = "20000002", **terms: Any) -> httpx.Response:
        """A doctor asks a citizen for consent."""
        request = {
            "patient": health_id,
            "recipient": {"type": "practitioner", "id": practitioner},
            "purpose": "CAREMGT",
            "record_types": "*",
            "expires_at": "2099-01-01T00:00:00Z",
            "access_mode": "VIEW",
        } | terms
        return await self.client.post(
            self.stack.url("consent", "/consent-requests"), json=request, headers=self.doctor(practitioner)
        )

    async def allows(self, health_id: str, *, practitioner: str = "20000002", **terms: Any) -> str:
        """A citizen allows a doctor to look, on her own initiative; the consent's id."""
        consent = {
            "patient": health_id,
            "recipient": {"type": "practitioner", "id": practitioner},
            "purpose": "CAREMGT",
            "record_types": "*",
            "expires_at": "2099-01-01T00:00:00Z",
            "access_mode": "VIEW",
        } | terms
        answer = await until(
            lambda: self.client.post(
                self.stack.url("consent", "/consents"), json=consent, headers=self.citizen(health_id)
            ),
            lambda a: a.status_code == 201,
        )
        return str(answer.json().get("consent_id") or answer.json()["id"])

    async def withdraws(self, health_id: str, consent_id: str) -> None:
        """She withdraws it."""
        answer = await self.client.post(
            self.stack.url("consent", f"/consents/{consent_id}/revoke"), json={}, headers=self.citizen(health_id)
        )
        assert answer.status_code == 200, answer.text


async def until(
    ask: Callable[[], Awaitable[httpx.Response]], holds: Callable[[httpx.Response], bool], *, within_s: float = 20
) -> httpx.Response:
    """Ask again until the answer is as it should be; fail with the last one after the time."""
    deadline = time.monotonic() + within_s
    while True:
        answer = await ask()
        if holds(answer):
            return answer
        assert time.monotonic() < deadline, f"{answer.status_code}: {answer.text[:500]}"
        await asyncio.sleep(0.05)
