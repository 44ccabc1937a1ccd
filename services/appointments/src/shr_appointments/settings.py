"""The appointments service's own settings."""

from __future__ import annotations

from pydantic import Field
from shr_common.settings import ServiceSettings


class Settings(ServiceSettings):
    """What every service has, and how long things are held."""

    load_demo: bool | None = Field(
        None, description="Fill an empty store with the demonstration's schedules; default: in development."
    )
    hold_minutes: int = Field(5, description="How long a held slot waits for its booking.")
    remember_requests_days: int = Field(7, description="How long an Idempotency-Key is known.")

    @property
    def demo_wanted(self) -> bool:
        """Whether an empty store gets the demonstration's schedules."""
        return self.environment == "development" if self.load_demo is None else self.load_demo
