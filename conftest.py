"""Fixtures that all tests share: a real Kafka and a real MongoDB, started once, when the first test asks for them."""

from __future__ import annotations

import os
import secrets
import signal
import sys
from collections.abc import Iterator
from types import FrameType

import pytest
from shr_local.testing.fixtures import infrastructure_fixtures

# children start faster with compiled code, and the working copy is ours
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


def _end_in_order(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def pytest_configure() -> None:
    """A terminated run cleans up like an interrupted one."""
    signal.signal(signal.SIGTERM, _end_in_order)


infrastructure, kafka_bootstrap, kafka_topics, mongo_uri = infrastructure_fixtures()


@pytest.fixture
def database(mongo_uri: str) -> Iterator[str]:
    """The name of a database that is nobody else's, dropped after the test."""
    from pymongo import MongoClient

    name = f"test_{secrets.token_hex(6)}"
    yield name
    with MongoClient[dict[str, object]](mongo_uri) as client:
        client.drop_database(name)
