"""The only place where the registry's concrete parts meet."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.resources import files

from shr_common.kafka import Producer
from shr_common.keys import Envelope
from shr_common.mongo import connect
from shr_common.outbox import Outbox, Relay
from shr_common.service import Assembly

from shr_registry.http import capabilities, fhir, imports, postings
from shr_registry.settings import Settings
from shr_registry.storage.resource_store import ResourceStore
from shr_registry.use_cases.import_lines import ImportLines
from shr_registry.use_cases.load_demo import LoadDemo
from shr_registry.use_cases.post_somebody import PostSomebody

DEMO_FILES = ("facilities.csv", "services.csv", "practitioners.csv", "roles.csv")


def now() -> datetime:
    """The clock, read at the edge only."""
    return datetime.now(UTC)


def demo_files() -> Iterable[bytes]:
    """The packaged files of the demonstration, in the order in which they refer to each other."""
    folder = files("shr_registry") / "data" / "demo"
    return ((folder / name).read_bytes() for name in DEMO_FILES)


def assemble(settings: Settings) -> Assembly:
    """Routes, parts and checks of the service."""
    client = connect(settings.mongo_uri)
    database = client[settings.database_of("registry")]
    producer = Producer(settings.kafka_bootstrap, client_id="shr-registry")
    envelope = Envelope.load(settings.keys_dir, "master-registry")
    outbox = Outbox(database, envelope)
    relay = Relay(database, producer, envelope, service="registry")
    outbox.wake = relay.wake
    store = ResourceStore(client, database, outbox, timeout_s=settings.store_timeout_s)
    lines = ImportLines(store, lines_limit=settings.import_lines_limit)
    demo = [LoadDemo(store, lines, demo_files, now)] if settings.demo_wanted else []
    size, limit = settings.page_size, settings.page_size_limit
    return Assembly(
        routers=[
            capabilities.router(),
            imports.router(lines, now=now),
            postings.router(store, PostSomebody(lines), now=now, page_size_limit=limit),
            fhir.router(store, page_size=size, page_size_limit=limit),
        ],
        api_parts=[producer, relay, *demo],
        checks=[relay.check, store.ping],
        prepare=store.prepare,
        close=client.close,
    )
