"""Parts of a running service: things that start, stop, and can say why they are not ready."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol


class Part(Protocol):
    """Started in order, stopped in reverse order."""

    async def start(self) -> None:
        """Begin; raise when that is impossible."""

    async def stop(self) -> None:
        """End in order: what was accepted is finished or left to be found again."""


Check = Callable[[], Awaitable[str | None]]
"""Why the service is not ready, in one short line; None when it is."""


class Background:
    """A loop that runs until stopped. An escape of its coroutine is a bug and ends the readiness of the service."""

    def __init__(self, name: str, loop: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> None:
        self.name = name
        self._loop = loop
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the loop."""
        self._stopping.clear()
        self._task = asyncio.create_task(self._loop(self._stopping), name=self.name)

    async def stop(self) -> None:
        """Ask the loop to end and wait for it, 10 s at most."""
        self._stopping.set()
        if self._task is None:
            return
        done, _ = await asyncio.wait({self._task}, timeout=10)
        if not done:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self._task = None

    async def check(self) -> str | None:
        """Whether the loop still runs."""
        if self._task is None or self._task.done():
            return f"{self.name} has ended"
        return None


async def pause(stopping: asyncio.Event, seconds: float) -> None:
    """Wait, but not longer than until the stop."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), timeout=seconds)
