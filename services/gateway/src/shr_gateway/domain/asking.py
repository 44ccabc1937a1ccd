"""Who asks, for what, as the edge found out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shr_policy import Actor


@dataclass(frozen=True, slots=True)
class Asking:
    """``caller`` is the verified caller as the edge knows her: whom the audit entry names, and nothing else here."""

    actor: Actor
    purpose: str
    caller: Any

    @property
    def emergency(self) -> bool:
        """Whether this is declared an emergency."""
        return self.purpose == "BTG"

    @property
    def citizen(self) -> bool:
        """Whether a citizen asks, for herself or a ward."""
        return self.actor.role == "citizen"
