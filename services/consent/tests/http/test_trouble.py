"""When the store or the relay is in trouble: no answer rather than a wrong one, and no heartbeat."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition
from shr_common.keys import Envelope
from shr_common.mongo import connect
from shr_common.outbox import Outbox
from shr_common.testing import Issuer, eventually, running
from shr_consent.main import create_app
from shr_consent.settings import Settings
from shr_contracts.cloudevents import CONSENT_HEARTBEAT, Event
from shr_contracts.topics import CONSENT_CHANGED


class Door:
    """A way to the database that can be shut."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self.port = 0

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._pass, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def shut(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in list(self._open):
            writer.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._target)
        self._open |= {writer, back}
        await asyncio.gather(self._pump(reader, back), self._pump(there, writer))
        self._open -= {writer, back}

    @staticmethod
    async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.transport.abort()


@contextlib.asynccontextmanager
async def door_to(uri: str) -> AsyncIterator[Door]:
    door = Door(int(uri.split(":")[2].split("/")[0]))
    await door.open()
    yield door
    await door.shut()


async def test_an_unreachable_store_is_503_and_recovers(
    issuer: Issuer, mongo_uri: str, kafka_bootstrap: str, kafka_topics: Any, person: str
) -> None:
    async with door_to(mongo_uri) as door:
        settings = Settings(
            mongo_uri=f"mongodb://127.0.0.1:{door.port}/?directConnection=true&serverSelectionTimeoutMS=500",
            kafka_bootstrap=kafka_bootstrap,
            namespace=f"t{uuid4().hex[:8]}",
            store_timeout_s=2.0,
            **issuer.settings(),
        )
        doctor = issuer.as_("practitioner", practitioner="20000002", facility="10000002")
        citizen = issuer.as_("citizen", health_id=person)
        question = {"patient": person, "purpose": "CAREMGT"}
        async with running(create_app(settings)) as client:
            assert (await client.post("/decisions", json=question, headers=doctor)).status_code == 200
            await door.shut()
            answer = await client.post("/decisions", json=question, headers=doctor)
            assert answer.status_code == 503
            assert "Retry-After" in answer.headers
            assert (await client.get("/access-log", headers=citizen)).status_code == 503
            assert (
                await client.post("/consents", json={"patient": person, "decision": "deny"}, headers=citizen)
            ).status_code == 503
            assert (await client.get("/health/ready")).status_code == 503
            await door.open()

            async def answers() -> bool:
                return (await client.post("/decisions", json=question, headers=doctor)).status_code == 200

            await eventually(answers, what="the decision after the store came back")
        client_of_store = connect(mongo_uri)
        await client_of_store.drop_database(settings.database_of("consent"))
        await client_of_store.close()


async def newest_beats(bootstrap: str, seconds: float, seqs_above: int) -> list[int]:
    """The sequence numbers of beats that arrive in the next seconds."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        partitions = [TopicPartition(CONSENT_CHANGED, 0)]
        consumer.assign(partitions)
        await consumer.seek_to_end(*partitions)
        await consumer.position(partitions[0])
        found: list[int] = []
        deadline = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < deadline:
            for batch in (await consumer.getmany(timeout_ms=100)).values():
                found += [
                    orjson.loads(one.value)["seq"]
                    for one in batch
                    if dict(one.headers).get("ce_type") == CONSENT_HEARTBEAT.encode()
                ]
        return [seq for seq in found if seq > seqs_above]
    finally:
        await consumer.stop()


async def test_no_beat_while_a_change_is_unpublished(service: Any, kafka_bootstrap: str, person: str) -> None:
    assert await newest_beats(kafka_bootstrap, 1.5, 0), "beats come while nothing waits"
    store = connect(service.settings.mongo_uri)
    outbox = Outbox(service.database, Envelope.load(service.settings.keys_dir, "master-consent"))
    stuck = Event("no.such.topic", person, "x", "x", "consent", "x", datetime.now(UTC), b"{}")
    await outbox.add([stuck])
    waiting = await service.database["outbox"].find_one(sort=[("_id", -1)])
    try:
        await asyncio.sleep(0.5)
        assert await newest_beats(kafka_bootstrap, 1.5, 0) == []
    finally:
        await service.database["outbox"].delete_one({"_id": waiting["_id"]})
        await store.close()

    async def beats() -> bool:
        return bool(await newest_beats(kafka_bootstrap, 1.0, 0))

    await eventually(beats, within_s=30, what="the next beat")
