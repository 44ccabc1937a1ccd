"""The terminology service's own settings."""

from __future__ import annotations

from pydantic import Field
from shr_common.settings import ServiceSettings


class Settings(ServiceSettings):
    """What every service has, and the limits of the index."""

    load_demo: bool | None = Field(
        None, description="Fill an empty store with the demonstration's codes; default: in development."
    )
    index_poll_s: float = Field(1.0, description="How often a replica looks for artefacts that another one loaded.")
    expansion_limit: int = Field(10_000, description="Codes in one $expand; a larger one has to be paged with count.")
    answers_limit: int = Field(20_000, description="Answers to GET operations kept ready until the index changes.")

    @property
    def demo_wanted(self) -> bool:
        """Whether an empty store gets the demonstration's codes."""
        return self.environment == "development" if self.load_demo is None else self.load_demo
