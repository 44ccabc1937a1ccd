"""Keep this process's index at the newest revision: swapped whole, never changed in place."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any, Protocol

from shr_common.errors import ShrError

from shr_terminology.domain.index import Terminology

Resource = dict[str, Any]


class Artefacts(Protocol):
    """The stored artefacts."""

    async def revision(self) -> int:
        """Rises with every load, on whatever replica."""

    async def changed_since(self, revision: int) -> tuple[int, Sequence[Resource]]:
        """The newest revision and the artefacts that came after ``revision``."""


class CurrentIndex:
    """Holds the index that this process answers from."""

    def __init__(self, artefacts: Artefacts, *, poll_s: float) -> None:
        self._artefacts = artefacts
        self._poll_s = poll_s
        self._refreshing = asyncio.Lock()
        self._built = False
        self.index = Terminology()

    async def refresh(self) -> None:
        """Catch up with what is stored; returns when the index has it."""
        async with self._refreshing:
            if self._built and await self._artefacts.revision() == self.index.revision:
                return
            revision, changed = await self._artefacts.changed_since(self.index.revision)
            current = self.index
            if any(current.must_be_rebuilt_for(resource) for resource in changed):
                revision, changed = await self._artefacts.changed_since(0)
                current = Terminology()
            # building takes a while for large code systems: requests are answered from the old index meanwhile
            self.index = await asyncio.to_thread(current.with_resources, changed, revision=revision)
            self._built = True

    async def watch(self, stopping: asyncio.Event) -> None:
        """Look every ``poll_s`` seconds for what other replicas loaded."""
        while not stopping.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), timeout=self._poll_s)
            with contextlib.suppress(ShrError):  # the store is away: the index that we have stays
                await self.refresh()

    async def check(self) -> str | None:
        """Why this process cannot answer yet."""
        return None if self._built else "the index of codes is not built yet"
