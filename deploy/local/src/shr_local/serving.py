"""Serve one or more small apps in one process, each on its port, until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterator, Mapping

import uvicorn
from fastapi import FastAPI

GRACE_S = 5


class _Server(uvicorn.Server):
    """Leaves the signals to whoever serves several of them."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _serve(apps: Mapping[int, FastAPI], host: str) -> None:
    servers = [
        _Server(
            uvicorn.Config(
                app,
                host=host,
                port=port,
                loop="asyncio",
                http="httptools",
                ws="none",
                lifespan="off",
                access_log=False,  # an address may carry what nobody should read later
                log_level="warning",
                timeout_graceful_shutdown=GRACE_S,
                server_header=False,
            )
        )
        for port, app in apps.items()
    ]

    def end() -> None:
        for server in servers:
            server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, end)
    await asyncio.gather(*(server.serve() for server in servers))


def serve(apps: Mapping[int, FastAPI]) -> None:
    """Serve each app on its port; ``SHR_HOST`` names the address."""
    asyncio.run(_serve(apps, os.environ.get("SHR_HOST", "127.0.0.1")))
