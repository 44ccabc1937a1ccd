"""Import lines of a registry file: each is judged by itself, all that is new commits together with its events."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from shr_registry.domain.changes import Changes, Known, LineResult, concerns, judge
from shr_registry.domain.lines import Line, decoded, lines_of


class Resources(Protocol):
    """The stored resources."""

    async def change(
        self, references: set[str], decide: Callable[[Mapping[str, Known]], Changes]
    ) -> Sequence[LineResult]:
        """Read what is known of ``references``, decide, store the new versions with their events: one transaction."""


class ImportLines:
    """Reads a file (or a part of one) and stores what it changes."""

    def __init__(self, resources: Resources, *, lines_limit: int) -> None:
        self._resources = resources
        self._lines_limit = lines_limit

    async def file(self, raw: bytes, *, first_line: int, at: datetime) -> Sequence[LineResult]:
        """Import CSV text with its header. Raises malformed, invalid (header), too_large; a bad line is a result."""
        lines = lines_of(decoded(raw), first_line=first_line, limit=self._lines_limit)
        return await self.lines(lines, at=at)

    async def lines(self, lines: Sequence[Line], *, at: datetime) -> Sequence[LineResult]:
        """Import lines that were read already."""
        if not lines:
            return []
        return await self._resources.change(concerns(lines), lambda known: judge(lines, known, at=at))
