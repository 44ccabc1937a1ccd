"""``GET /keys``: how a rotation of the master key stands. Ids of keys only; keys are never shown."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from fastapi import APIRouter
from shr_common.security import Administrator
from shr_contracts.cloudevents import rfc3339

from shr_healthid.storage.rewrap import Rewrapping, Stand


def router(store: Rewrapping, *, now: Callable[[], datetime]) -> APIRouter:
    """The route."""
    routes = APIRouter(tags=["operations"])

    @routes.get("/keys")
    async def keys(caller: Administrator) -> dict[str, Any]:
        """Which process seals under which master key, and how far the re-wrap of what is stored has come."""
        holders = await store.holders(now())
        stand = await store.stand()
        return {
            "replicas": [
                {"id": one["_id"], "current": one["current"], "known": one["known"], "at": rfc3339(one["at"])}
                for one in holders
            ],
            "rewrap": None if stand is None else _shown(stand, await store.total()),
        }

    return routes


def _shown(stand: Stand, total: int) -> dict[str, Any]:
    return {
        "key": stand.key,
        "state": stand.state,
        "collection": stand.collection,
        "looked": stand.looked,
        "total": total,
        "rewrapped": stand.rewrapped,
        "unreadable": stand.unreadable,
        "passes": stand.passes,
        "began_at": rfc3339(stand.began_at),
        "done_at": rfc3339(stand.done_at) if stand.done_at else None,
    }
