"""A citizen sets the PIN that she can tell at the bedside. What is kept cannot be turned back into it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from shr_consent.domain import members
from shr_consent.domain.members import Findings
from shr_consent.domain.statement import Party
from shr_consent.domain.terms import one


class Pins(Protocol):
    """The PINs of citizens, as slow hashes."""

    async def keep(self, person: str, pin: str, *, at: datetime) -> None:
        """The only one from now on."""


class SetPin:
    """``PUT /pin``."""

    def __init__(self, pins: Pins) -> None:
        self._pins = pins

    async def __call__(self, body: Mapping[str, Any], *, by: Party, now: datetime) -> None:
        """Raises invalid."""
        Findings(body, ("pin",)).refuse()
        await self._pins.keep(by.health_id or "", one(body, "pin", members.pin), at=now)
