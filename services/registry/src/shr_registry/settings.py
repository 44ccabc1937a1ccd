"""The registry's own settings."""

from __future__ import annotations

from pydantic import Field
from shr_common.settings import ServiceSettings


class Settings(ServiceSettings):
    """What every service has, and what the registry starts with."""

    load_demo: bool | None = Field(
        None, description="Fill an empty registry with the demonstration's facilities and staff; default: development."
    )
    import_lines_limit: int = Field(500, description="Lines of one request to /imports.")

    @property
    def demo_wanted(self) -> bool:
        """Whether an empty registry gets the demonstration's data."""
        return self.environment == "development" if self.load_demo is None else self.load_demo
