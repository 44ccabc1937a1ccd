"""What a service that owns data stands on says whether it holds."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from shr_common.foundation import Foundation, foundation
from shr_common.settings import ServiceSettings
from shr_common.testing import Issuer


@pytest.fixture
def issuer(tmp_path: Path) -> Issuer:
    """Keys."""
    return Issuer(tmp_path)


def foundation_at(mongo_uri: str, kafka_bootstrap: str, issuer: Issuer, database: str) -> Foundation:
    """That of the registry."""
    said = {"mongo_uri": mongo_uri, "kafka_bootstrap": kafka_bootstrap, "namespace": database, **issuer.settings()}
    return foundation(ServiceSettings(**said), "registry")


async def test_it_holds_while_the_database_answers_and_the_relay_runs(
    mongo_uri: str, kafka_bootstrap: str, issuer: Issuer, database: str
) -> None:
    base = foundation_at(mongo_uri, kafka_bootstrap, issuer, database)
    assert base.database.name == f"{database}_registry"
    assert await base.check() is not None, "the relay does not run yet"
    await base.producer.start()
    await base.relay.start()
    try:
        assert await base.check() is None
    finally:
        await base.relay.stop()
        await base.producer.stop()
        await base.client.drop_database(base.database)
        await base.client.close()


async def test_a_database_that_is_away_is_named_soon(kafka_bootstrap: str, issuer: Issuer, database: str) -> None:
    base = foundation_at("mongodb://127.0.0.1:9/?replicaSet=rs0", kafka_bootstrap, issuer, database)
    asked = time.monotonic()
    assert await base.check() == "MongoDB does not answer"
    assert time.monotonic() - asked < 4
    await base.client.close()


async def test_adding_to_the_outbox_wakes_the_relay(
    mongo_uri: str, kafka_bootstrap: str, issuer: Issuer, database: str
) -> None:
    base = foundation_at(mongo_uri, kafka_bootstrap, issuer, database)
    assert base.outbox.wake == base.relay.wake
    await base.client.close()
