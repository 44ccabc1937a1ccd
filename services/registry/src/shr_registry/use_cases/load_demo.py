"""Fill an empty registry with the demonstration's facilities and staff."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Protocol

from shr_registry.use_cases.import_lines import ImportLines


class Emptiness(Protocol):
    """Whether anything is stored."""

    async def is_empty(self) -> bool:
        """Nothing is stored yet."""


class LoadDemo:
    """Imports the packaged files once. Part of the service's life; several replicas may do it at once."""

    def __init__(
        self,
        resources: Emptiness,
        imports: ImportLines,
        files: Callable[[], Iterable[bytes]],
        now: Callable[[], datetime],
    ) -> None:
        self._resources = resources
        self._imports = imports
        self._files = files
        self._now = now

    async def start(self) -> None:
        """Import if nothing is there. Raises ShrError if the packaged files are wrong (a mistake of ours)."""
        if await self._resources.is_empty():
            for raw in self._files():
                await self._imports.file(raw, first_line=2, at=self._now())

    async def stop(self) -> None:
        """Nothing to end."""
