"""A health ID service on the real broker and database, beside a real (development) national service."""

from __future__ import annotations

import asyncio
import random
import threading
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from pymongo import AsyncMongoClient
from shr_common.testing import Issuer, Topics, running
from shr_healthid.main import create_app
from shr_healthid.settings import Settings
from shr_local.paths import Home
from shr_local.ports import free_ports
from shr_local.verification.app import create_app as create_verification

NID = "http://dghs.gov.bd/identifier/nid"
BRN = "http://dghs.gov.bd/identifier/brn"
UHID = "http://dghs.gov.bd/identifier/uhid"


@dataclass
class National:
    """The national service on a port of its own: it can be down, slow or unreachable."""

    folder: Path
    port: int = field(default_factory=lambda: free_ports(1)[0])
    mode: str = "ok"
    asked: int = 0
    _server: uvicorn.Server | None = None
    _thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        app = create_verification(Home(self.folder))

        async def faulty(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http":
                self.asked += 1
                if self.mode == "slow":
                    await asyncio.sleep(3)
                if self.mode == "503":
                    await send({"type": "http.response.start", "status": 503, "headers": []})
                    await send({"type": "http.response.body", "body": b""})
                    return
            await app(scope, receive, send)

        config = uvicorn.Config(faulty, host="127.0.0.1", port=self.port, log_level="error", lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)

    def stop(self) -> None:
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._server.force_exit = True
            self._thread.join(10)
        self._server = None


@pytest.fixture(scope="session")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Issuer:
    return Issuer(tmp_path_factory.mktemp("healthid-keys"))


@pytest.fixture(scope="session")
def national(tmp_path_factory: pytest.TempPathFactory) -> Iterator[National]:
    service = National(tmp_path_factory.mktemp("national"))
    service.start()
    yield service
    service.stop()


@pytest.fixture(autouse=True)
def national_is_well(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "national" in request.fixturenames:
        request.getfixturevalue("national").mode = "ok"


@pytest.fixture(scope="session")
async def topics(kafka_bootstrap: str, kafka_topics: tuple[str, ...]) -> AsyncIterator[Topics]:
    opened = Topics(kafka_bootstrap)
    yield opened
    await opened.stop()


@dataclass
class Registry:
    """One running service, spoken to in the words of the domain."""

    client: httpx.AsyncClient
    issuer: Issuer
    settings: Settings
    database: Any

    def as_source(self, source: str = "openmrs", facility: str | None = "10000001") -> dict[str, str]:
        return self.issuer.as_("source_system", source=source, facility=facility)

    async def register(
        self, patient: dict[str, Any], *, by: dict[str, str] | None = None, **headers: str
    ) -> httpx.Response:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.post("/fhir/Patient", json=patient, headers={**(by or self.as_source()), **sent})

    async def read(self, id_: str, *, by: dict[str, str] | None = None) -> httpx.Response:
        return await self.client.get(f"/fhir/Patient/{id_}", headers=by or self.as_source())

    async def find(self, identifier: str, *, by: dict[str, str] | None = None) -> list[dict[str, Any]]:
        answer = await self.client.post(
            "/fhir/Patient/_search", data={"identifier": identifier}, headers=by or self.as_source()
        )
        assert answer.status_code == 200, answer.text
        return [entry["resource"] for entry in answer.json()["entry"]]


def settings_for(issuer: Issuer, national: National, mongo_uri: str, kafka_bootstrap: str, **more: Any) -> Settings:
    said = {
        "mongo_uri": mongo_uri,
        "kafka_bootstrap": kafka_bootstrap,
        "namespace": f"t{uuid.uuid4().hex[:8]}",
        "verification_url": national.url,
        "verification_read_s": 0.5,
        "verification_pause_s": 0.5,
        "recheck_first_s": 0.1,
        "recheck_longest_s": 0.5,
        "recheck_poll_s": 0.05,
        "mint_block": 50,
        **issuer.settings(),
        **more,
    }
    return Settings(**said)


@asynccontextmanager
async def served(issuer: Issuer, settings: Settings) -> AsyncIterator[Registry]:
    async with running(create_app(settings)) as client:
        mongo: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(settings.mongo_uri, tz_aware=True)
        try:
            yield Registry(client, issuer, settings, mongo[settings.database_of("healthid")])
        finally:
            await mongo.close()


@pytest.fixture(scope="session")
async def registry(
    issuer: Issuer, national: National, mongo_uri: str, kafka_bootstrap: str, kafka_topics: tuple[str, ...]
) -> AsyncIterator[Registry]:
    async with served(issuer, settings_for(issuer, national, mongo_uri, kafka_bootstrap)) as service:
        yield service


@pytest.fixture(scope="session")
def new_settings(
    issuer: Issuer, national: National, mongo_uri: str, kafka_bootstrap: str, kafka_topics: tuple[str, ...]
) -> Any:
    return lambda **more: settings_for(issuer, national, mongo_uri, kafka_bootstrap, **more)


@pytest.fixture(scope="session")
def serve(issuer: Issuer) -> Any:
    return lambda settings: served(issuer, settings)


def number(digits: int = 17, *, ending: str = "") -> str:
    """A number that nobody has; never one of the development service's special endings by chance."""
    while True:
        drawn = f"19{random.randrange(10**15):015d}"[-digits:][: digits - len(ending)] + ending
        if ending or drawn[-3:] not in ("000", "998", "999"):
            return drawn


def citizen(**changes: Any) -> dict[str, Any]:
    """A BD-Core Patient; ``nid``, ``brn``, ``name``, ``local`` are short for what they say."""
    nid, brn, local = (changes.pop(name, None) for name in ("nid", "brn", "local"))
    name, name_bn = changes.pop("name", "Rahima Khatun"), changes.pop("name_bn", "রহিমা খাতুন")
    identifiers = [{"system": system, "value": value} for system, value in ((NID, nid), (BRN, brn)) if value]
    if local:
        identifiers.append({"type": {"text": "OpenMRS ID"}, "value": local})
    url = "https://fhir.dghs.gov.bd/core/StructureDefinition/"
    forms = [
        {"url": f"{url}bd-name-en", "valueString": name},
        {"url": f"{url}bd-name-bn", "valueString": name_bn},
    ]
    patient = {
        "resourceType": "Patient",
        "identifier": identifiers,
        "name": [{"use": "official", "text": name, "_text": {"extension": forms}}],
        "gender": "female",
        "birthDate": "1985-05-20",
        "telecom": [{"system": "phone", "value": "+8801711000000"}],
        "address": [{"use": "home", "district": "3026", "country": "BD"}],
        **changes,
    }
    return {key: value for key, value in patient.items() if value is not None and value != []}


@pytest.fixture(name="citizen", scope="session")
def citizen_fixture() -> Any:
    return citizen


@pytest.fixture(name="number", scope="session")
def number_fixture() -> Any:
    return number
