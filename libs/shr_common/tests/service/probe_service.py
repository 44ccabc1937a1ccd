"""A small service as a process of its own, for the tests of the skeleton: ``python probe_service.py``."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI
from shr_common import telemetry
from shr_common.coalesce import Coalescer
from shr_common.kafka import DeadLetters, Producer, Record, Subscribers, Subscription
from shr_common.keys import Envelope
from shr_common.mongo import connect, ensure_indexes
from shr_common.outbox import Outbox, Relay
from shr_common.security import Caller, allow
from shr_common.service import Assembly, create_service, run
from shr_common.settings import ServiceSettings, load
from shr_contracts.cloudevents import Event


class Settings(ServiceSettings):
    """What this probe needs besides."""

    probe_topic: str


def assemble(settings: Settings) -> Assembly:
    """All the parts that a service has, in small."""
    client = connect(settings.mongo_uri)
    database = client[settings.database_of("probe")]
    envelope = Envelope.load(settings.keys_dir, "master-records")
    producer = Producer(settings.kafka_bootstrap, client_id="probe", timeout_s=2)
    outbox = Outbox(database, envelope)
    relay = Relay(database, producer, envelope, service="probe")
    outbox.wake = relay.wake
    letters = DeadLetters(producer, Envelope.load(settings.keys_dir, "dlq"))
    subscribers = Subscribers(settings, "probe", letters)

    async def write(items: Sequence[tuple[str, str | None]]) -> Sequence[str]:
        await asyncio.sleep(0.3)
        now = datetime.now(UTC)
        await outbox.add(
            [
                Event(settings.probe_topic, name, name, "probe", "probe", name, now, b"{}", trace)
                for name, trace in items
            ]
        )
        outbox.wake()
        return [name for name, _ in items]

    async def consumed(records: Sequence[Record]) -> None:
        await database["seen"].insert_many(
            [
                {"name": record.id, "traceparent": record.traceparent, "now": telemetry.traceparent()}
                for record in records
            ]
        )

    subscribers.add(Subscription(settings.group_of("probe", "seen"), (settings.probe_topic,), consumed))
    together = Coalescer(write)
    router = APIRouter()

    accepted: list[str] = []

    @router.get("/accepted")
    async def count(_caller: Annotated[Caller, allow("registrar")]) -> int:
        return len(accepted)

    @router.post("/things/{name}")
    async def add(name: str, _caller: Annotated[Caller, allow("registrar")]) -> dict[str, str]:
        accepted.append(name)
        return {"name": await together((name, telemetry.traceparent()))}

    @router.get("/broken/{name}")
    async def broken(name: str, _caller: Annotated[Caller, allow("registrar")]) -> None:
        raise ValueError(f"the secret of {name}")

    async def store() -> str | None:
        try:
            async with asyncio.timeout(1):
                await client.admin.command("ping")
        except Exception:
            return "the store does not answer"
        return None

    async def prepare() -> None:
        await ensure_indexes(database, {"outbox": (), "seen": ()})

    return Assembly(
        routers=[router],
        api_parts=[producer, together, relay],
        workers=[subscribers],
        checks=[relay.check, subscribers.check, store],
        prepare=prepare,
        close=client.close,
        subscribers=subscribers,
    )


def create_app(settings: Any = None) -> FastAPI:
    """The app."""
    settings = settings or load(Settings)
    return create_service("records", settings, assemble(settings))


if __name__ == "__main__":
    sys.exit(run("records", create_app))
