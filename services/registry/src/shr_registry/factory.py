"""The only place where the registry's concrete parts meet."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.resources import files

from shr_common.foundation import foundation
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
    base = foundation(settings, "registry")
    store = ResourceStore(base.client, base.database, base.outbox, timeout_s=settings.store_timeout_s)
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
        api_parts=[base.producer, base.relay, *demo],
        checks=[base.check],
        prepare=store.prepare,
        close=base.client.close,
    )
