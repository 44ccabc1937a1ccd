"""A service in the test's own loop, and waiting for conditions with a deadline."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
from fastapi import FastAPI


@asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Start an app with all its parts, hand over a client, and stop it in order."""
    async with app.router.lifespan_context(app):
        await asyncio.wait_for(asyncio.shield(app.state.starting), timeout=60)
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://service.test", timeout=30) as client:
            yield client


async def eventually(check: Callable[[], Any], *, within_s: float = 10.0, what: str = "the condition") -> Any:
    """Wait until ``check`` answers something true (it may be async); fail after the deadline."""
    deadline = time.monotonic() + within_s
    while True:
        found = check()
        if inspect.isawaitable(found):
            found = await found
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come true within {within_s} s")
        await asyncio.sleep(0.02)
