"""Settings of records beyond those that all services share."""

from __future__ import annotations

from pydantic import Field
from shr_common.settings import MIB, ServiceSettings


class Settings(ServiceSettings):
    """Intake."""

    parking_days: int = Field(30, description="How long a submission waits for its patient before it is rejected.")
    sweep_every_s: float = Field(60.0, description="How often parked submissions are looked at again.")
    canonical_limit_bytes: int = Field(8 * MIB, description="Largest bundle that an adapter may make of a submission.")
    strict_sources: tuple[str, ...] = Field((), description="Sources or systems whose BD-Core warnings are errors.")
    intake_lanes: int = Field(2, description="Batches under way at once: one waits for the store, another computes.")
