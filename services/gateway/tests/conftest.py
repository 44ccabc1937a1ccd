"""A running gateway, and the other services as far as a topic shows them."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from shr_common.mongo import Database, connect
from shr_common.testing import Issuer, Topics, running
from shr_gateway.main import create_app
from shr_gateway.settings import Settings
from shr_local.testing.fixtures import infrastructure_fixtures

from .world import Beats, World, new_health_id

# a broker of our own: consent's tests beat on the shared one, and here consent must be able to fall silent
infrastructure, kafka_bootstrap, kafka_topics, mongo_uri = infrastructure_fixtures()


@pytest.fixture(scope="session")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Issuer:
    """One issuer for all tests."""
    return Issuer(tmp_path_factory.mktemp("gateway-keys"))


@pytest.fixture(scope="session")
def make_settings(issuer: Issuer, mongo_uri: str, kafka_bootstrap: str, kafka_topics: tuple[str, ...]) -> Any:
    """Settings of a gateway that is nobody else's."""

    def make(**changes: Any) -> Settings:
        told: dict[str, Any] = {
            "mongo_uri": mongo_uri,
            "kafka_bootstrap": kafka_bootstrap,
            "namespace": f"t{secrets.token_hex(4)}",
            "consent_url": "http://127.0.0.1:9",
            **issuer.settings(),
        }
        return Settings(**(told | changes))

    return make


@pytest.fixture(scope="session")
def run_gateway(issuer: Issuer, make_settings: Any, kafka_bootstrap: str) -> Any:
    """``async with run_gateway(**settings) as world``."""

    @asynccontextmanager
    async def run(*, beating: bool = True, **changes: Any) -> AsyncIterator[World]:
        settings = changes.pop("settings", None) or make_settings(**changes)
        topics, beats = Topics(kafka_bootstrap), Beats(kafka_bootstrap)
        app = create_app(settings)
        async with running(app) as client:
            try:
                if beating:
                    await beats.start()
                yield World(client, issuer, topics, beats, settings, app)
            finally:
                await beats.stop()
                await topics.stop()
        await drop(settings)

    async def drop(settings: Settings) -> None:
        async with connect(settings.mongo_uri) as mongo:
            for name in ("gateway", "gateway_own"):
                await mongo.drop_database(settings.database_of(name))

    return run


@pytest.fixture(scope="module")
async def world(run_gateway: Any) -> AsyncIterator[World]:
    """A gateway for the tests of one module, which has heard consent beat. It is patient: the machine may be busy."""
    async with run_gateway(consent_age_limit_s=20.0) as found:
        anybody = new_health_id()
        await found.answers(anybody, found.citizen(anybody), 200)
        yield found


@pytest.fixture
async def views(database: str, mongo_uri: str) -> AsyncIterator[Database]:
    """A database with the collections and indexes of the views."""
    from shr_common.mongo import ensure_indexes
    from shr_gateway.storage.views import INDEXES

    async with connect(mongo_uri) as mongo:
        await ensure_indexes(mongo[database], INDEXES)
        yield mongo[database]
