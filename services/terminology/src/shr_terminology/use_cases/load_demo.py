"""Fill an empty store with the demonstration's codes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Protocol

from shr_terminology.use_cases.load_artefacts import LoadArtefacts


class Revision(Protocol):
    """How often anything was loaded."""

    async def revision(self) -> int:
        """0 means that nothing is stored."""


class LoadDemo:
    """Loads the packaged files once. Part of the service's life; several replicas may do it at once."""

    def __init__(
        self,
        artefacts: Revision,
        load: LoadArtefacts,
        files: Callable[[], Iterable[dict[str, Any]]],
        now: Callable[[], datetime],
    ) -> None:
        self._artefacts = artefacts
        self._load = load
        self._files = files
        self._now = now

    async def start(self) -> None:
        """Load if nothing is there."""
        if await self._artefacts.revision() == 0:
            for content in self._files():
                await self._load(content, at=self._now())

    async def stop(self) -> None:
        """Nothing to end."""
