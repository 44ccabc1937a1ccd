"""A busy day at the registry: everything that numbers and phones are sent for, the good, the bad and the unanswered."""

from __future__ import annotations

import base64
import json
import random
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from shr_common.keys import Envelope
from shr_common.testing import Topics, eventually

NID, BRN, UHID = (f"http://dghs.gov.bd/identifier/{name}" for name in ("nid", "brn", "uhid"))


@dataclass
class BusyDay:
    """Who was registered, what must not be seen anywhere, and what others were answered."""

    service: Any
    topics: Topics
    national: Any
    citizen: Any
    number: Any
    numbers: set[str] = field(default_factory=set)
    phones: set[str] = field(default_factory=set)
    persons: list[str] = field(default_factory=list)
    answers: list[httpx.Response] = field(default_factory=list)
    """Refusals, to whoever they went, and everything that went to another than the sender."""

    def __post_init__(self) -> None:
        issuer = self.service.issuer
        self.registrar = issuer.as_("registrar", sub="reg-1")
        self.reviewer = issuer.as_("reviewer", sub="rev-1")
        self.desk = issuer.as_("facility", facility="10000001")
        self.other = self.service.as_source("opensrp", "10000002")
        self.stranger = self.service.as_source("emis", "10000005")

    def new_number(self, digits: int = 17, *, ending: str = "") -> str:
        """A number, in all its forms."""
        made: str = self.number(digits, ending=ending)
        self.numbers |= {made, made[-10:]} if digits != 10 else {made}
        return made

    def new_phone(self) -> str:
        """A phone number; its national part is a secret in any writing."""
        national = f"17{random.randrange(10**8):08d}"
        self.phones.add(national)
        return national

    def person(self, **said: Any) -> dict[str, Any]:
        """Somebody with a phone of her own."""
        phone = [{"system": "phone", "value": f"+880{self.new_phone()}"}]
        made: dict[str, Any] = self.citizen(telecom=phone, **said)
        return made

    async def register(self, **said: Any) -> str:
        """Somebody new."""
        headers = {"Idempotency_Key": said.pop("key")} if "key" in said else {}
        answer = await self.service.register(self.person(**said), **headers)
        assert answer.status_code in (200, 201, 202), answer.text
        self.persons.append(answer.json()["id"])
        return self.persons[-1]

    async def post(self, path: str, body: Any, *, by: Mapping[str, str], kind: str = "application/fhir+json") -> Any:
        """Post; whatever is refused must not repeat what was sent."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = await self.service.client.post(path, content=content, headers={**by, "Content-Type": kind})
        if answer.status_code >= 400:
            self.answers.append(answer)
        return answer

    async def put(self, id_: str, change: dict[str, Any], *, by: Mapping[str, str]) -> Any:
        """Change a person."""
        patient = (await self.service.read(id_, by=by)).json()
        return await self.service.client.put(f"/fhir/Patient/{id_}", json={**patient, **change}, headers=by)

    async def registrations(self) -> None:
        """Created, repeated, contradicted, refused, unproven, of a newborn, in bulk, on a topic."""
        thirteen, brn = self.new_number(13), self.new_number()
        mother = await self.register(nid=thirteen, brn=brn, local=thirteen[3:], key=f"key {thirteen}",
                                     contact=[{"name": {"text": f"NID {thirteen}"}}])  # fmt: skip
        self.answers.append(
            await self.service.register(self.person(nid=thirteen, name="Kamal Uddin", name_bn="কামাল উদ্দিন"))
        )
        for wrong in (self.new_number(ending="000"), self.new_number(ending="998"), "12" + self.new_number()):
            self.answers.append(await self.service.register(self.person(nid=wrong)))
        twisted = {**self.person(nid=self.new_number()), "birthDate": self.new_number(), "gender": self.new_phone()}
        self.answers.append(await self.service.register(twisted))
        self.national.mode = "503"
        await self.register(nid=self.new_number())
        self.national.mode = "ok"
        today = datetime.now(UTC).date().isoformat()
        link = [{"other": {"reference": f"Patient/{mother}"}, "type": "seealso"}]
        await self.register(name="Baby of Rahima", name_bn="রহিমার শিশু", birthDate=today, link=link)
        lines = [self.person(nid=self.new_number()), self.person(nid=self.new_number(ending="000")), self.new_phone()]
        body = b"\n".join(json.dumps(line).encode() for line in lines) + b'\n{"' + self.new_number().encode()
        bulk = await self.post("/fhir/Patient", body, by=self.other, kind="application/fhir+ndjson")
        assert (bulk.json()["created"], bulk.json()["rejected"]) == (1, 3), bulk.text
        self.answers.append(bulk)

    async def topics_and_letters(self) -> None:
        """What comes on topics: refused, dead, and a message with a phone in it."""
        head = {"ce_source": "openmrs/10000001", "ce_id": f"i-{uuid.uuid4()}"}
        refused = self.person(nid=self.new_number(ending="000"))
        await self.topics.publish("patient.submitted", refused, key="k", headers=head)
        garbled = {**refused, "birthDate": self.new_number(), self.new_number(): [self.new_phone()]}
        await self.topics.publish("patient.submitted", garbled, key="k", headers=head | {"ce_id": f"g-{uuid.uuid4()}"})
        await self.topics.publish("patient.submitted", f"{self.new_number()} {self.new_phone()}".encode(), key="k")
        envelope = Envelope.load(self.service.settings.keys_dir, "master-healthid")
        told = {"id": str(uuid.uuid4()), "health_id": self.persons[0], "template": "consent-code", "version": 1,
                "at": datetime.now(UTC).isoformat()}  # fmt: skip
        secret = envelope.seal(self.new_phone()[-6:].encode(), told["id"].encode())
        told |= {"secret": base64.b64encode(secret).decode()}
        await self.topics.event("notification.requested", told, key=self.persons[0])
        await self.topics.read("patient.rejected", where=lambda r: head["ce_id"] in r.value.decode())
        await self.topics.read("patient.submitted.dlq")

    async def changes(self) -> None:
        """Changed, held for approval and decided, merged and taken apart, a card lost; the words of people as well."""
        one, two = self.persons[0], await self.register(nid=self.new_number(), name="Rahima Khatoon")
        moved = await self.put(one, {"address": [{"text": f"behind {self.new_phone()}"}]}, by=self.registrar)
        assert moved.is_success, moved.text
        held = await self.put(one, {"name": [{"text": f"Rahima {self.new_number()}"}]}, by=self.service.as_source())
        assert held.status_code == 202, held.text
        waiting = (await self.get("/approvals", by=self.reviewer)).json()["entries"]
        said = {"decision": "reject", "reason": f"{self.new_number()} is no name"}
        assert (await self.post(f"/approvals/{waiting[0]['id']}/decision", said, by=self.reviewer)).is_success
        pair = {"resourceType": "Parameters", "parameter": [
            {"name": name, "valueReference": {"reference": f"Patient/{id_}"}}
            for name, id_ in (("survivor", one), ("retired", two))
        ]}  # fmt: skip
        for way in ("$merge", "$unmerge"):
            assert (await self.post(f"/fhir/Patient/{way}", pair, by=self.registrar)).is_success, way
        assert (await self.get(f"/cards/{two}", by=self.desk)).is_success
        assert (await self.service.client.get(f"/cards/{two}.svg", headers=self.desk)).is_success
        lost = {"status": "lost", "reason": f"call {self.new_phone()}"}
        assert (await self.post(f"/cards/{two}/status", lost, by=self.desk)).is_success
        cases = (await self.get("/duplicates", by=self.reviewer, status="open")).json()["entries"]
        said = {"decision": "different", "reason": f"asked {self.new_phone()}"}
        assert any([(await self.post(f"/duplicates/{case['id']}/decision", said, by=self.reviewer)).is_success
                    for case in cases])  # fmt: skip

    async def looks(self) -> None:
        """By number, by name, by description; by a stranger; and with numbers where none belongs."""
        sought = next(number for number in self.numbers if len(number) == 17)
        await self.service.find(f"{NID}|{sought}")
        for path in (f"/fhir/Patient?identifier={NID}|{sought}", f"/fhir/Patient/{sought}", f"/cards/{sought}.png",
                     f"/fhir/Patient?birthdate={sought}", f"/feed?since={sought}", f"/id-blocks/{sought}"):  # fmt: skip
            self.answers.append(await self.service.client.get(path, headers=self.stranger))
        asked = {key: value for key, value in self.person().items() if key != "identifier"}
        said = {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": asked}]}
        assert (await self.post("/fhir/Patient/$match", said, by=self.stranger)).is_success
        for id_ in self.persons:
            self.answers.append(await self.get(f"/fhir/Patient/{id_}", by=self.stranger))
        self.answers.append(await self.get("/fhir/Patient", by=self.stranger, name="Rahima"))

    async def get(self, path: str, *, by: Mapping[str, str], **query: Any) -> httpx.Response:
        """Ask."""
        found: httpx.Response = await self.service.client.get(path, params=query or None, headers=by)
        return found

    async def all_of_it(self) -> None:
        """The whole day, until what waited is settled and told."""
        await self.registrations()
        await self.topics_and_letters()
        await self.changes()
        await self.looks()
        database = self.service.database

        async def settled() -> bool:
            return not await database["outbox"].estimated_document_count()

        await eventually(settled, what="an empty outbox")


@pytest.fixture
def busy_day(topics: Topics, national: Any, citizen: Any, number: Any) -> Any:
    """A day at a service."""
    return lambda service: BusyDay(service, topics, national, citizen, number)
