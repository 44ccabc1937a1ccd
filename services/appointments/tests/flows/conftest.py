"""An appointments service on the real broker and database, and the people who talk to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from shr_appointments.factory import now
from shr_appointments.main import create_app
from shr_appointments.settings import Settings
from shr_common.fhir.times import DHAKA
from shr_common.identifiers import health_id
from shr_common.testing import Issuer, Topics, eventually, running

HOSPITAL = "10000002"
SCHEDULE = "20000002-10000002-medicine"


class Clinic:
    """The service under test in the words of its users."""

    def __init__(self, app: FastAPI, client: httpx.AsyncClient, issuer: Issuer, topics: Topics) -> None:
        self.app, self.client, self.issuer, self.topics = app, client, issuer, topics
        self.desk = issuer.as_("facility", facility=HOSPITAL)
        self.doctor = issuer.as_("practitioner", practitioner="20000002", facility=HOSPITAL)
        self.elsewhere = issuer.as_("facility", facility="10000001")
        self._next = 300_000_000 + uuid4().int % 400_000_000

    def new_health_id(self) -> str:
        """A Health ID that no other test has."""
        self._next += 7
        return health_id(f"9{self._next}")

    def citizen(self, person: str) -> dict[str, str]:
        """Her own token."""
        return self.issuer.as_("citizen", health_id=person)

    async def registers(self, person: str, *, guardians: tuple[str, ...] = (), replaces: tuple[str, ...] = ()) -> None:
        """healthid tells of a person; returns when the service has heard it."""
        said = {"health_id": person, "version": 1, "status": "active", "guardians": list(guardians)}
        said |= {"replaces": list(replaces), "at": "2026-01-01T00:00:00Z"}
        await self.topics.event("patient.registered", said, key=person)
        await eventually(lambda: self.knows(person), what="the person's replica")

    async def knows(self, person: str) -> bool:
        """Whether the desk could book for her."""
        body = {"slot": f"{SCHEDULE}.20200101T0900", "patient": person}
        answer = await self.client.post("/fhir/Appointment/$book", json=body, headers=self.desk)
        return answer.status_code == 409  # the slot has passed; an unknown person would be 422

    async def free_slots(self, schedule: str = SCHEDULE, **query: Any) -> list[str]:
        """Ids of free slots, from tomorrow on."""
        tomorrow = (now().astimezone(DHAKA) + timedelta(days=1)).date().isoformat()
        asked = {"schedule": f"Schedule/{schedule}", "start": f"ge{tomorrow}", "status": "free", "_count": 200} | query
        answer = await self.client.get("/fhir/Slot", params=asked, headers=self.desk)
        assert answer.status_code == 200, answer.text
        return [entry["resource"]["id"] for entry in answer.json().get("entry", [])]

    async def a_free_slot(self) -> str:
        """One of them; a random one, since tests share the schedule."""
        slots = await self.free_slots()
        return slots[uuid4().int % len(slots)]

    async def books(self, person: str, slot: str, who: dict[str, str] | None = None, **more: Any) -> httpx.Response:
        """A booking by the citizen herself, or by whom is named."""
        headers = {**(who or self.citizen(person)), **more.pop("headers", {})}
        return await self.client.post(
            "/fhir/Appointment/$book", json={"slot": slot, "patient": person} | more, headers=headers
        )

    async def acts(self, action: str, appointment: str, who: dict[str, str], **body: Any) -> httpx.Response:
        """$cancel, $reschedule or $check-in."""
        return await self.client.post(f"/fhir/Appointment/{appointment}/${action}", json=body, headers=who)

    async def sees(self, who: dict[str, str], **query: Any) -> httpx.Response:
        """A search of appointments."""
        return await self.client.get("/fhir/Appointment", params=query, headers=who)

    async def always_open(self, schedule: str, *, facility: str = HOSPITAL) -> str:
        """A schedule around the clock, so that there is a slot today whenever the test runs; its next free slot."""
        rule = {"facility": facility, "department": "emergency", "times": ["00:00-23:59"], "slot_minutes": 5}
        rule["weekdays"] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
        answer = await self.client.put(f"/schedules/{schedule}", json=rule, headers=self.issuer.as_("administrator"))
        assert answer.status_code in (200, 201), answer.text
        return (await self.free_slots(schedule, start="ge" + _rfc3339(now())))[0]


def _rfc3339(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture(scope="module")
async def clinic(
    mongo_uri: str, kafka_bootstrap: str, kafka_topics: Any, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Clinic]:
    issuer = Issuer(Path(tmp_path_factory.mktemp("keys")))
    namespace = f"t{uuid4().hex[:8]}"
    settings = Settings(
        mongo_uri=mongo_uri, kafka_bootstrap=kafka_bootstrap, namespace=namespace, hold_minutes=5, **issuer.settings()
    )
    app = create_app(settings)
    topics = Topics(kafka_bootstrap)
    async with running(app) as client:
        yield Clinic(app, client, issuer, topics)
    await topics.stop()
