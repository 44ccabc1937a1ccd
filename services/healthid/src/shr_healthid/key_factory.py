"""Parts of key rotation: who holds which key, the re-wrap of what is sealed, and the route that shows both."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

import structlog
from fastapi import APIRouter
from shr_common.errors import ShrError
from shr_common.keys import Envelope
from shr_common.lifecycle import Background, pause
from shr_common.mongo import Database

from shr_healthid.http import keys as routes
from shr_healthid.settings import Settings
from shr_healthid.storage.rewrap import Rewrapping

LOG = structlog.get_logger("shr.healthid")
HOLD_EVERY_S = 2.0


@dataclass(frozen=True)
class KeyParts:
    """What the service is assembled from. ``holder`` runs in every process, ``rewrapping`` in workers."""

    router: APIRouter
    holder: Background
    rewrapping: Background


def key_parts(settings: Settings, database: Database, envelope: Envelope, *, now: Callable[[], datetime]) -> KeyParts:
    """Build them."""
    replica = f"{settings.role}-{os.getpid()}-{os.urandom(3).hex()}"
    store = Rewrapping(
        database, envelope, replica=replica, batch=settings.rewrap_batch, settle_s=settings.rewrap_settle_s
    )

    async def hold(stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            await _try("key_holder_waits", store.hold(now()))
            await pause(stopping, min(HOLD_EVERY_S, settings.rewrap_poll_s))
        await _try("key_holder_waits", store.leave())

    async def rewrap(stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            went_on = await _try("rewrap_waits", store.step(now()))
            await pause(stopping, settings.rewrap_pause_s if went_on else settings.rewrap_poll_s)

    return KeyParts(
        router=routes.router(store, now=now),
        holder=Background("holder of keys", hold),
        rewrapping=Background("re-wrap of sealed fields", rewrap),
    )


async def _try(event: str, work: Awaitable[bool | None]) -> bool:
    """Nothing may end these loops: they say why they wait, and look again."""
    try:
        return bool(await work)
    except ShrError as error:
        LOG.warning(event, reason=error.issues[0].text)
    except Exception as error:
        LOG.error(event, exc_info=error)
    return False
