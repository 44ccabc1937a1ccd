"""A consent service of a test's own on the real broker and database, and people who speak to it."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from pymongo import AsyncMongoClient
from shr_common.identifiers import health_id, is_issuable_base
from shr_common.testing import Issuer, Topics, running
from shr_consent.main import create_app
from shr_consent.settings import Settings


def new_person() -> str:
    """A Health ID that no other test uses."""
    while True:
        base = f"98{random.randrange(10**8):08d}"
        if is_issuable_base(base):
            return health_id(base)


class Service:
    """The service, who may sign tokens for it, and its stores."""

    def __init__(
        self, app: FastAPI, client: httpx.AsyncClient, issuer: Issuer, settings: Settings, database: Any, topics: Topics
    ) -> None:
        self.app = app
        self.client = client
        self.issuer = issuer
        self.settings = settings
        self.database = database
        self.topics = topics

    def doctor(self, practitioner: str = "20000002", facility: str | None = "10000002") -> Someone:
        """A practitioner at a facility."""
        return Someone(self, "practitioner", practitioner=practitioner, facility=facility, name="Dr. Nazmul Karim")

    def desk(self, facility: str = "10000002") -> Someone:
        """A facility's front desk."""
        return Someone(self, "facility", facility=facility)

    def citizen(self, health_id: str) -> Someone:
        """A citizen."""
        return Someone(self, "citizen", health_id=health_id)

    def administrator(self) -> Someone:
        """An administrator."""
        return Someone(self, "administrator")

    def other(self, role: str, **claims: Any) -> Someone:
        """Any role."""
        return Someone(self, role, **claims)


class Someone:
    """A caller with a token."""

    def __init__(self, service: Service, role: str, **claims: Any) -> None:
        self._client = service.client
        self.role, self.claims = role, claims
        self._headers = service.issuer.as_(role, **claims)

    async def posts(self, path: str, body: Any = None, **options: Any) -> httpx.Response:
        """POST JSON."""
        if body is not None:
            options["json"] = body
        return await self._client.post(path, headers=self._headers | options.pop("headers", {}), **options)

    async def gets(self, path: str, **params: Any) -> httpx.Response:
        """GET."""
        return await self._client.get(path, headers=self._headers, params=params)

    async def puts(self, path: str, body: Any) -> httpx.Response:
        """PUT JSON."""
        return await self._client.put(path, headers=self._headers, json=body)

    async def deletes(self, path: str) -> httpx.Response:
        """DELETE."""
        return await self._client.delete(path, headers=self._headers)

    async def asks(self, patient: str, **terms: Any) -> dict[str, Any]:
        """Ask for consent, for care."""
        answer = await self.posts("/consent-requests", asked(self, patient, **terms))
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def may_read(self, patient: str, **question: Any) -> dict[str, Any]:
        """Ask for a decision about oneself."""
        answer = await self.posts("/decisions", {"actor": self.as_actor(), "patient": patient, **QUESTION, **question})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def as_actor(self) -> dict[str, Any]:
        """As decisions name an actor."""
        own = self.claims.get("health_id") or self.claims.get("practitioner") or self.claims.get("facility")
        return {"role": self.role, "id": own, "facility": self.claims.get("facility")}


QUESTION = {"purpose": "CAREMGT", "resource_type": "Observation", "action": "read"}


def asked(who: Someone, patient: str, **terms: Any) -> dict[str, Any]:
    """The body of a request for care."""
    kind = "practitioner" if "practitioner" in who.claims else "facility"
    return {
        "patient": patient,
        "recipient": {"type": kind, "id": who.claims[kind]},
        "purpose": "CAREMGT",
        "record_types": ["Observation", "Condition"],
        "access_mode": "VIEW",
        "expires_at": "2035-01-01T00:00:00Z",
        **terms,
    }


def settings_of(issuer: Issuer, *, mongo_uri: str, kafka_bootstrap: str, **more: Any) -> Settings:
    """Settings with a namespace that nobody else uses."""
    namespace = f"t{uuid4().hex[:8]}"
    return Settings(
        mongo_uri=mongo_uri, kafka_bootstrap=kafka_bootstrap, namespace=namespace, **issuer.settings() | more
    )


@pytest.fixture(scope="session")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Issuer:
    """Signs the tokens of these tests."""
    directory: Path = tmp_path_factory.mktemp("consent-keys")
    return Issuer(directory)


@pytest.fixture(scope="session")
async def service(
    issuer: Issuer, mongo_uri: str, kafka_bootstrap: str, kafka_topics: tuple[str, ...]
) -> AsyncIterator[Service]:
    """One running consent service for the tests that do not disturb others: each has persons of its own."""
    settings = settings_of(issuer, mongo_uri=mongo_uri, kafka_bootstrap=kafka_bootstrap, checkpoint_every_s=3600.0)
    app = create_app(settings)
    topics = Topics(kafka_bootstrap)
    async with running(app) as client, AsyncMongoClient(mongo_uri) as mongo:
        yield Service(app, client, issuer, settings, mongo[settings.database_of("consent")], topics)
        await topics.stop()
        await mongo.drop_database(settings.database_of("consent"))


@pytest.fixture
def person() -> str:
    """A Health ID of the test's own."""
    return new_person()


@pytest.fixture
def persons() -> Callable[[], str]:
    """Health IDs, one at each call."""
    return new_person
