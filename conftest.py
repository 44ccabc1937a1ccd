"""Fixtures that all tests share: a real Kafka and a real MongoDB, started once, when the first test asks for them."""

from __future__ import annotations

import os
import secrets
import signal
import sys
from collections.abc import Iterator
from types import FrameType

import pytest
from shr_contracts.topics import ALL_TOPICS
from shr_local.testing import Infrastructure, start_infrastructure

# children start faster with compiled code, and the working copy is ours
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


def _end_in_order(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def pytest_configure() -> None:
    """A terminated run cleans up like an interrupted one."""
    signal.signal(signal.SIGTERM, _end_in_order)


@pytest.fixture(scope="session")
def infrastructure() -> Iterator[Infrastructure]:
    """A broker (no topics yet) and a database of this test run."""
    with start_infrastructure() as started:
        yield started


@pytest.fixture(scope="session")
def kafka_bootstrap(infrastructure: Infrastructure) -> str:
    """``host:port`` of the broker."""
    return infrastructure.kafka_bootstrap


@pytest.fixture(scope="session")
def kafka_topics(infrastructure: Infrastructure) -> tuple[str, ...]:
    """All topics of the system, created on the broker; their names."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as aside:  # an event loop may be running in this thread
        aside.submit(infrastructure.create_topics).result()
    return tuple(spec.name for spec in ALL_TOPICS)


@pytest.fixture(scope="session")
def mongo_uri(infrastructure: Infrastructure) -> str:
    """The connection string of the replica set."""
    return infrastructure.mongo_uri


@pytest.fixture
def database(mongo_uri: str) -> Iterator[str]:
    """The name of a database that is nobody else's, dropped after the test."""
    from pymongo import MongoClient

    name = f"test_{secrets.token_hex(6)}"
    yield name
    with MongoClient[dict[str, object]](mongo_uri) as client:
        client.drop_database(name)
