"""The only place where the terminology service's concrete parts meet."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

import orjson
from shr_common.fhir.json import JsonLimits
from shr_common.foundation import foundation
from shr_common.lifecycle import Background
from shr_common.service import Assembly

from shr_terminology.http import capabilities, loads, operations, reads, routes
from shr_terminology.settings import Settings
from shr_terminology.storage.artefact_store import ArtefactStore
from shr_terminology.use_cases.current_index import CurrentIndex
from shr_terminology.use_cases.load_artefacts import LoadArtefacts
from shr_terminology.use_cases.load_demo import LoadDemo

INSTANCES = frozenset(
    {
        "CodeSystem/$validate-code",
        "CodeSystem/$subsumes",
        "ValueSet/$expand",
        "ValueSet/$validate-code",
        "ConceptMap/$translate",
    }
)


def now() -> datetime:
    """The clock, read at the edge only."""
    return datetime.now(UTC)


def demo_files() -> Iterable[dict[str, Any]]:
    """The packaged artefacts of the demonstration, code systems first."""
    folder = files("shr_terminology") / "data" / "demo"
    return (orjson.loads(one.read_bytes()) for one in sorted(folder.iterdir(), key=lambda f: f.name))


class _FirstIndex:
    """Builds the index before the service says that it is ready."""

    def __init__(self, current: CurrentIndex) -> None:
        self.start = current.refresh

    async def stop(self) -> None:
        """Nothing to end."""


def assemble(settings: Settings) -> Assembly:
    """Routes, parts and checks of the service."""
    base = foundation(settings, "terminology")
    store = ArtefactStore(base.client, base.database, base.outbox, timeout_s=settings.store_timeout_s)
    current = CurrentIndex(store, poll_s=settings.index_poll_s)
    load = LoadArtefacts(store, current)
    watcher = Background("index watcher", current.watch)
    demo = [LoadDemo(store, load, demo_files, now)] if settings.demo_wanted else []
    limits = JsonLimits(bytes=settings.body_limit_bytes, depth=settings.json_depth_limit)
    asked = {
        "CodeSystem/$validate-code": operations.validate_code,
        "CodeSystem/$lookup": operations.lookup,
        "CodeSystem/$subsumes": operations.subsumes,
        "ValueSet/$expand": operations.expand(limit=settings.expansion_limit, now=now),
        "ValueSet/$validate-code": operations.validate_in_value_set,
        "ConceptMap/$translate": operations.translate,
    }
    return Assembly(
        routers=[
            routes.router(current, asked, instances=INSTANCES, limits=limits, answers=settings.answers_limit),
            capabilities.router(current),
            loads.router(load, limits=limits, now=now),
            reads.router(store, page_size=settings.page_size, page_size_limit=settings.page_size_limit),
        ],
        api_parts=[base.producer, base.relay, *demo, _FirstIndex(current), watcher],
        checks=[base.check, watcher.check, current.check],
        prepare=store.prepare,
        close=base.client.close,
    )
