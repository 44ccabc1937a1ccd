"""Parts of offline blocks: their routes, and the worker that reports how blocks stand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from fastapi import APIRouter
from shr_common.errors import ShrError
from shr_common.fhir.json import JsonLimits
from shr_common.lifecycle import Background, pause
from shr_common.mongo import Client, Database

from shr_healthid.domain.blocks import Notices
from shr_healthid.http import blocks as routes
from shr_healthid.settings import Settings
from shr_healthid.storage.blocks import BlockStore
from shr_healthid.use_cases.issue_id_block import BlockRules, IssueIdBlock

LOG = structlog.get_logger("shr.healthid")
REPORTED_AFTER_END = timedelta(days=30)


@dataclass(frozen=True)
class BlockParts:
    """What the service is assembled from."""

    router: APIRouter
    reporter: Background


def block_parts(settings: Settings, client: Client, database: Database, *, now: Callable[[], datetime]) -> BlockParts:
    """Build them."""
    store = BlockStore(client, database, open_limit=settings.block_open_limit, timeout_s=settings.store_timeout_s)
    notices = Notices(settings.block_low_share, timedelta(days=settings.block_warning_days))
    rules = BlockRules(settings.block_size_limit, settings.block_days, settings.block_days_limit)
    limits = JsonLimits(bytes=settings.body_limit_bytes, depth=settings.json_depth_limit)
    router = routes.router(store, IssueIdBlock(store, rules), notices=notices, limits=limits, now=now)

    async def report(stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            try:
                at = now()
                routes.report(await store.tally(at, notices, since=at - REPORTED_AFTER_END))
            except ShrError as error:
                LOG.warning("block_report_waits", reason=error.issues[0].text)
            except Exception as error:
                LOG.error("block_report_failed", exc_info=error)
            await pause(stopping, settings.block_report_s)

    return BlockParts(router, Background("report of id blocks", report))
