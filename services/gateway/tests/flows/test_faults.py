"""When something is away or poisonous: nothing unaudited is shown, nothing is lost."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any
from urllib.parse import urlsplit

import pytest
from shr_common.testing import eventually

from ..world import World, condition, observation

SECRET = "Secret-diagnosis"


class Wire:
    """A TCP way to the database that can be cut."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    async def start(self) -> None:
        """Open it (again on the same port)."""
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Cut it, and what flows through it."""
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        onward, back = await asyncio.open_connection(*self._target)

        async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                while data := await source.read(65536):
                    sink.write(data)
                    await sink.drain()
            sink.close()

        for task in (asyncio.create_task(pump(reader, back)), asyncio.create_task(pump(onward, writer))):
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)


async def test_nothing_is_shown_when_the_entry_cannot_be_written(run_gateway: Any, mongo_uri: str) -> None:
    address = urlsplit(mongo_uri)
    wire = Wire(str(address.hostname), int(address.port or 27017))
    await wire.start()
    own = f"mongodb://127.0.0.1:{wire.port}/?directConnection=true&serverSelectionTimeoutMS=1000"
    async with run_gateway(own_mongo_uri=own) as world:
        person = await world.registers()
        references = await world.records(person, condition(SECRET))
        await world.grants(person)
        await world.sees(person, world.doctor(), *references)
        await wire.cut()
        try:
            for path in (f"/profile/{person}", f"/fhir/Patient/{person}/$everything", f"/fhir/{references[0]}"):
                for headers in (world.doctor(), world.citizen(person)):
                    answer = await world.client.get(path, headers=headers)
                    assert answer.status_code == 503, path
                    assert SECRET not in answer.text
        finally:
            await wire.start()
        await world.sees(person, world.doctor(), *references)
        await wire_stays_open(wire)
    await wire.cut()


async def wire_stays_open(wire: Wire) -> None:
    """Shutting down needs the database."""
    assert wire.port


@pytest.mark.parametrize(
    ("topic", "poison"),
    [
        ("encounter.recorded", b"\xff\xfe"),
        ("encounter.recorded", b'{"health_id": 7}'),
        (
            "encounter.recorded",
            b'{"source":"a/1","submission_id":"s","health_id":"p","recorded_at":"x","resources":[{}]}',
        ),
        ("consent.changed", b"{}"),
        ("consent.changed", b'{"consent_id":"c","patient":"p","version":1,"status":"granted","at":"never"}'),
        ("patient.registered", b'{"health_id":"9","at":"2026-01-01T00:00:00Z","version":"x"}'),
        ("patient.merged", b"null"),
        ("record.accessed", b"[]"),
        ("registry.changed", b"not json"),
    ],
)
async def test_a_poison_record_is_buried_and_those_around_it_count(world: World, topic: str, poison: bytes) -> None:
    before, after = await world.registers(), await world.registers()
    (a,) = await world.records(before, observation())
    await world.topics.publish(topic, poison, key=before, headers={"ce_odd": b"\xff"})
    (b,) = await world.records(after, observation())
    await world.grants(before)
    await world.sees(before, world.doctor(), a)
    await world.sees(after, world.citizen(after), b)
    buried = await world.topics.read(f"{topic}.dlq")
    assert buried[0].headers["dlq_topic"] == topic
    assert poison not in buried[0].value


async def test_other_databases_are_never_read(world: World) -> None:
    from shr_common.mongo import connect

    async with connect(world.settings.mongo_uri) as mongo:
        names = [n for n in await mongo.list_database_names() if n.startswith(world.settings.namespace + "_")]
    assert set(names) <= {world.settings.database_of("gateway"), world.settings.database_of("gateway_own")}


async def test_many_looks_at_once_each_get_their_own_answer_and_entry(world: World) -> None:
    people = [await world.registers() for _ in range(12)]
    for person in people:
        await world.records(person, observation())

    async def ready() -> bool:
        answers = await asyncio.gather(*(world.reads(person, world.citizen(person)) for person in people))
        return all(answer.status_code == 200 and len(answer.json()["timeline"]) == 1 for answer in answers)

    await eventually(ready, within_s=30)
    answers = await asyncio.gather(*(world.reads(person, world.citizen(person)) for person in people * 3))
    assert [answer.json()["health_id"] for answer in answers] == people * 3
    assert len(await world.audited(people[0], decision="permit", actor=people[0], count=3)) >= 3
