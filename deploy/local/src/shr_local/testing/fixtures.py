"""Fixtures of a broker and a database, for conftest files alone: pytest is there only where tests are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from shr_contracts.topics import ALL_TOPICS

from shr_local.testing.infrastructure import Infrastructure, start_infrastructure


def infrastructure_fixtures() -> tuple[Callable[..., object], ...]:
    """``infrastructure, kafka_bootstrap, kafka_topics, mongo_uri``: one broker and one database for a session, started
    when the first test asks. A folder whose tests need their own calls this again in its conftest, for all four: pytest
    keeps what an outer fixture has made, whatever lies beneath it.
    """

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
        with ThreadPoolExecutor(1) as aside:  # an event loop may be running in this thread
            aside.submit(infrastructure.create_topics).result()
        return tuple(spec.name for spec in ALL_TOPICS)

    @pytest.fixture(scope="session")
    def mongo_uri(infrastructure: Infrastructure) -> str:
        """The connection string of the replica set."""
        return infrastructure.mongo_uri

    return infrastructure, kafka_bootstrap, kafka_topics, mongo_uri
