"""Fill an empty store with the demonstration's schedules."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from shr_appointments.domain.schedules import Schedule


class Schedules(Protocol):
    """The stored schedules."""

    async def is_empty(self) -> bool:
        """Nothing is stored yet."""

    async def save(self, schedule: Schedule) -> Schedule:
        """Store a schedule."""


class LoadDemo:
    """Part of the service's life; several replicas may do it at once."""

    def __init__(self, schedules: Schedules, demo: Callable[[], Iterable[Schedule]]) -> None:
        self._schedules = schedules
        self._demo = demo

    async def start(self) -> None:
        """Load if nothing is there."""
        if await self._schedules.is_empty():
            for schedule in self._demo():
                await self._schedules.save(schedule)

    async def stop(self) -> None:
        """Nothing to end."""
