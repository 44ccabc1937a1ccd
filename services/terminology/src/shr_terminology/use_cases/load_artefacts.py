"""Load FHIR artefacts: check them, store what is new with its events, and answer from them at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from shr_terminology.domain.artefacts import Artefact, Loaded, artefacts_of


class Artefacts(Protocol):
    """The stored artefacts."""

    async def save(self, artefacts: Sequence[Artefact], *, at: datetime) -> Sequence[Loaded]:
        """Store what is new, with its events, in one transaction."""


class Index(Protocol):
    """What this process answers from."""

    async def refresh(self) -> None:
        """Catch up with what is stored."""


class LoadArtefacts:
    """One file: a resource, or a Bundle of them."""

    def __init__(self, artefacts: Artefacts, index: Index) -> None:
        self._artefacts = artefacts
        self._index = index

    async def __call__(self, content: dict[str, Any], *, at: datetime) -> Sequence[Loaded]:
        """Raises invalid with located findings; then nothing of the file is loaded."""
        artefacts = await asyncio.to_thread(artefacts_of, content)
        loaded = await self._artefacts.save(artefacts, at=at)
        await self._index.refresh()
        return loaded
