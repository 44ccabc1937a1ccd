"""A client that is closed leaves nothing for the collector to complain about."""

from __future__ import annotations

import asyncio
import gc
import time
import warnings
from typing import Any

import pytest
from shr_common.mongo import connect

AWAY = "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=300"


class Connecting:
    """What the driver connects with, made to take some time and then to fail."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.begun = asyncio.Event()

    async def __call__(self, _socket: Any, _address: Any) -> None:
        self.begun.set()
        await asyncio.sleep(self._seconds)
        raise ConnectionRefusedError


async def closing(monkeypatch: pytest.MonkeyPatch, *, while_connecting_takes_s: float) -> tuple[float, list[str]]:
    """Close a client in the middle of a connect: how long that took, and what the collector says."""
    connecting = Connecting(while_connecting_takes_s)
    with monkeypatch.context() as patch, warnings.catch_warnings(record=True) as heard:
        patch.setattr(asyncio.get_running_loop(), "sock_connect", connecting)
        warnings.simplefilter("always", ResourceWarning)
        client = connect(AWAY)
        asked = asyncio.create_task(client.admin.command("ping"))
        await connecting.begun.wait()
        begun = time.monotonic()
        await client.close()
        took_s = time.monotonic() - begun
        await asyncio.wait({asked})
        assert asked.exception() is not None
        del client, asked
        gc.collect()
    return took_s, [str(one.message) for one in heard if "unclosed <socket" in str(one.message)]


async def test_closing_while_the_driver_connects_forgets_no_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    _, forgotten = await closing(monkeypatch, while_connecting_takes_s=0.1)
    assert not forgotten


async def test_closing_does_not_wait_for_a_server_that_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    took_s, _ = await closing(monkeypatch, while_connecting_takes_s=30)
    assert took_s < 2
