"""What the tests of the common ground share: topics and settings of a test's own, workers on the real broker."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from shr_common import telemetry
from shr_common.kafka import DeadLetters, Producer, Record, Subscribers, Subscription
from shr_common.keys import Envelope
from shr_common.mongo import Client, connect
from shr_common.settings import ServiceSettings
from shr_common.testing import Issuer, Topics
from shr_contracts.topics import TopicSpec
from shr_local.topics import create_topics

Handle = Callable[[Sequence[Record]], Awaitable[None]]
Consuming = Callable[..., AbstractAsyncContextManager[Subscribers]]


@pytest.fixture(scope="session", autouse=True)
def _logs() -> None:
    """As a service logs: without what an exception says."""
    telemetry.configure("test", level="INFO", otlp_endpoint=None)


@pytest.fixture(scope="session")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Issuer:
    """Signs tokens, and fills a key store."""
    return Issuer(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def settings_of(issuer: Issuer, mongo_uri: str, kafka_bootstrap: str) -> Callable[..., ServiceSettings]:
    """Settings in a namespace of the test's own."""
    namespace = f"t{secrets.token_hex(4)}"

    def made(**changed: Any) -> ServiceSettings:
        where = {"mongo_uri": mongo_uri, "kafka_bootstrap": kafka_bootstrap, "namespace": namespace}
        return ServiceSettings(**{**where, **issuer.settings(), **changed})

    return made


@pytest.fixture
async def topics(kafka_bootstrap: str) -> AsyncIterator[Topics]:
    """Reads and writes topics."""
    opened = Topics(kafka_bootstrap)
    yield opened
    await opened.stop()


@pytest.fixture
async def topic(kafka_bootstrap: str) -> str:
    """A topic of one partition, with its dead letter queue."""
    return await _topic(kafka_bootstrap, partitions=1)


@pytest.fixture
async def wide_topic(kafka_bootstrap: str) -> str:
    """A topic of four partitions, with its dead letter queue."""
    return await _topic(kafka_bootstrap, partitions=4)


async def _topic(bootstrap: str, *, partitions: int) -> str:
    name = f"topic-{secrets.token_hex(5)}"
    large = {"max.message.bytes": str(13 << 20)}
    specs = [TopicSpec(name, partitions=partitions), TopicSpec(f"{name}.dlq", partitions=1, config=large)]
    await create_topics(bootstrap, specs)
    return name


@pytest.fixture
async def producer(kafka_bootstrap: str) -> AsyncIterator[Producer]:
    """The producer of a service."""
    made = Producer(kafka_bootstrap, client_id="test")
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def client(mongo_uri: str) -> AsyncIterator[Client]:
    """A client as services have it."""
    connected = connect(mongo_uri)
    yield connected
    await connected.close()


@pytest.fixture
def consuming(producer: Producer, issuer: Issuer, settings_of: Callable[..., ServiceSettings]) -> Consuming:
    """``async with consuming(topic, handle)``: a service that follows a topic; stopped in order at the end."""

    @asynccontextmanager
    async def follow(topic: str, handle: Handle, *, max_records: int | None = None, **changed: Any) -> Any:
        settings = settings_of(**changed)
        letters = DeadLetters(producer, Envelope.load(issuer.directory, "dlq"))
        subscribers = Subscribers(settings, "test", letters)
        group = settings.group_of("test", topic)
        subscribers.add(Subscription(group=group, topics=(topic,), handle=handle, max_records=max_records))
        await subscribers.start()
        try:
            yield subscribers
        finally:
            await asyncio.wait_for(subscribers.stop(), timeout=15)

    return follow
