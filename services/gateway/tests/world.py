"""What tests say: a hospital records, a citizen grants, a doctor reads."""

from __future__ import annotations

import asyncio
import contextlib
import random
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
from fastapi import FastAPI
from shr_common.identifiers import health_id, is_issuable_base
from shr_common.kafka import Producer
from shr_common.kafka.producer import Message
from shr_common.testing import Issuer, Topics, eventually
from shr_contracts.cloudevents import CONSENT_HEARTBEAT, rfc3339
from shr_gateway.settings import Settings

DHAKA_MEDICAL, RAJSHAHI = "10000001", "10000002"
FARHANA, NAZMUL = "20000001", "20000002"
LOINC = "http://loinc.org"
ALL_PARTITIONS = range(8)
ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"


def now() -> str:
    """The wall clock."""
    return rfc3339(datetime.now(UTC))


def later(seconds: float) -> str:
    """A moment to come."""
    return rfc3339(datetime.now(UTC) + timedelta(seconds=seconds))


def new_health_id() -> str:
    """A well-formed Health ID that nobody has."""
    while True:
        base = f"98{random.randrange(10**8):08d}"
        if is_issuable_base(base):
            return health_id(base)


def observation(code: str = "8480-6", value: Any = 128, *, date: str = "2026-11-20", **more: Any) -> dict[str, Any]:
    """A result."""
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": LOINC, "code": code, "display": f"Test {code}"}]},
        "effectiveDateTime": date,
        "valueQuantity": {"value": value, "unit": "mmHg"},
        **more,
    }


def condition(text: str = "Hypertension", *, date: str = "2026-11-20", **more: Any) -> dict[str, Any]:
    """A problem."""
    coding = {"system": "http://hl7.org/fhir/sid/icd-10", "code": "I10", "display": text}
    return {"resourceType": "Condition", "code": {"coding": [coding]}, "recordedDate": date, **more}


def sensitive(resource: dict[str, Any], label: str = "HIV") -> dict[str, Any]:
    """The same with a label."""
    return {**resource, "meta": {"security": [{"system": ACT_CODE, "code": label}]}}


class Beats:
    """Consent's relay: a beat on every partition each 100 ms, until paused."""

    def __init__(self, bootstrap: str) -> None:
        self._producer = Producer(bootstrap, client_id="beats")
        self._task: asyncio.Task[None] | None = None
        self._seq = 0
        self.ahead = timedelta(0)

    async def start(self) -> None:
        """Begin."""
        await self._producer.start()
        self.resume()

    def resume(self, partitions: range = ALL_PARTITIONS) -> None:
        """Beat, on these partitions."""
        self._task = asyncio.create_task(self._run(partitions))

    async def pause(self) -> None:
        """Fall silent."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def stop(self) -> None:
        """End."""
        await self.pause()
        await self._producer.stop()

    async def once(self, partitions: range = ALL_PARTITIONS) -> None:
        """One beat on each of these partitions."""
        self._seq += 1
        value = orjson.dumps({"at": rfc3339(datetime.now(UTC) + self.ahead), "seq": self._seq})
        headers = [("ce_type", CONSENT_HEARTBEAT.encode()), ("ce_id", str(uuid.uuid4()).encode())]
        await self._producer.send(
            Message("consent.changed", None, value, headers, partition=partition) for partition in partitions
        )

    async def _run(self, partitions: range) -> None:
        while True:
            await self.once(partitions)
            await asyncio.sleep(0.1)


@dataclass
class World:
    """A gateway and everybody around it."""

    client: httpx.AsyncClient
    issuer: Issuer
    topics: Topics
    beats: Beats
    settings: Settings
    app: FastAPI

    async def registers(self, health_id: str | None = None, **more: Any) -> str:
        """healthid has a person."""
        person = health_id or new_health_id()
        told = {"status": "active", "name": "Rahima Khatun", "name_bn": "রহিমা খাতুন", "gender": "female",
                "birth_date": "1980-03-12", "district": "Dhaka", "via": "openmrs"}  # fmt: skip
        value = {"health_id": person, "version": 1, "at": now(), **told, **more}
        await self.topics.event("patient.registered", value, key=person)
        return person

    async def updates(self, health_id: str, version: int, **more: Any) -> None:
        """healthid knows better."""
        value = {"health_id": health_id, "version": version, "status": "active", "name": "Rahima Khatun", "at": now()}
        await self.topics.event("patient.updated", {**value, **more}, key=health_id)

    async def merges(self, *, retired: str, survivor: str, version: int = 1, undone: bool = False) -> None:
        """healthid found two to be one, or not to be."""
        value = {"survivor": survivor, "retired": retired, "undone": undone, "version": version, "at": now()}
        for key in (survivor, retired):
            await self.topics.event("patient.merged", value, key=key)

    async def records(
        self, person: str, *resources: dict[str, Any], source: str = f"openmrs/{DHAKA_MEDICAL}", version: int = 1
    ) -> list[str]:
        """A hospital's visit is recorded; returns the references."""
        entries = []
        for resource in resources:
            id_ = resource.get("id") or str(uuid.uuid4())
            meta = {"versionId": str(version), "lastUpdated": now(), **resource.get("meta", {})}
            served = {**resource, "id": id_, "meta": meta, "subject": {"reference": f"Patient/{person}"}}
            entries.append({"type": resource["resourceType"], "id": id_, "version": version, "resource": served})
        value = {"source": source, "submission_id": str(uuid.uuid4()), "health_id": person, "resources": entries,
                 "unverified_codes": [], "recorded_at": now(), "version": version}  # fmt: skip
        await self.topics.event("encounter.recorded", value, key=person)
        return [f"{entry['type']}/{entry['id']}" for entry in entries]

    async def grants(
        self, person: str, *, to: tuple[str, str] = ("practitioner", NAZMUL), version: int = 1, **terms: Any
    ) -> str:
        """The citizen grants; returns the consent's id."""
        consent_id = terms.pop("consent_id", None) or str(uuid.uuid4())
        value = {"consent_id": consent_id, "patient": person, "version": version, "status": "granted",
                 "recipient": {"type": to[0], "id": to[1]}, "purpose": "CAREMGT", "record_types": "*",
                 "expires_at": later(3600), "access_mode": "VIEW", "sensitive": [], "decision": "permit",
                 "kind": "consent", "at": now(), **terms}  # fmt: skip
        await self.topics.event("consent.changed", value, key=person)
        return consent_id

    async def revokes(self, person: str, consent_id: str, *, version: int = 2) -> None:
        """The citizen takes it back."""
        await self.grants(person, consent_id=consent_id, version=version, status="revoked")

    def doctor(
        self, practitioner: str = NAZMUL, facility: str = RAJSHAHI, purpose: str | None = "CAREMGT"
    ) -> dict[str, str]:
        """The headers of a doctor."""
        headers = self.issuer.as_("practitioner", practitioner=practitioner, facility=facility)
        return headers | ({"X-Purpose": purpose} if purpose else {})

    def citizen(self, person: str) -> dict[str, str]:
        """The headers of a citizen."""
        return self.issuer.as_("citizen", health_id=person)

    async def reads(self, person: str, headers: dict[str, str], **params: str) -> httpx.Response:
        """``GET /profile``."""
        return await self.client.get(f"/profile/{person}", headers=headers, params=params)

    async def sees(
        self, person: str, headers: dict[str, str], *references: str, within_s: float = 40
    ) -> dict[str, Any]:
        """Wait until exactly these stand in the profile that somebody reads."""

        async def shown() -> dict[str, Any] | None:
            answer = await self.reads(person, headers)
            if answer.status_code != 200:
                return None
            body: dict[str, Any] = answer.json()
            return body if {item["reference"] for item in body["timeline"]} == set(references) else None

        found: dict[str, Any] = await eventually(shown, within_s=within_s, what=f"seeing {references}")
        return found

    async def answers(self, person: str, headers: dict[str, str], status: int, *, within_s: float = 30) -> None:
        """Wait until a profile is answered with this status."""

        async def as_said() -> bool:
            return (await self.reads(person, headers)).status_code == status

        await eventually(as_said, within_s=within_s, what=f"the answer {status}")

    async def notices_silence(self, person: str) -> None:
        """Wait until consent's last beat is too old for the gateway: it shows her not even her own record."""
        await self.answers(person, self.citizen(person), 503)

    async def knows(self, person: str) -> None:
        """Wait until the gateway has heard who this is."""

        async def named() -> bool:
            answer = await self.reads(person, self.citizen(person))
            return answer.status_code == 200 and answer.json()["identity"]["name"] is not None

        await eventually(named, within_s=40, what="knowing the person")

    async def audited(
        self, person: str, *, decision: str, actor: str, count: int = 1, showing: bool = False
    ) -> list[dict[str, Any]]:
        """The entries about a person that went out; ``showing``: only of looks at which something was shown."""

        def about(record: Any) -> bool:
            if record.key != person:
                return False
            value = orjson.loads(record.value)
            if showing and not value["what"]:
                return False
            return bool(value["decision"] == decision and value["actor"]["id"] == actor)

        found = await self.topics.read("record.accessed", where=about, count=count)
        return [orjson.loads(record.value) for record in found]
