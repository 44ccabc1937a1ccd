"""Where everything local lies: under ``.shr/`` of the working copy, or under ``SHR_HOME``.

What the set-up fetched (Kafka's jars) belongs to the working copy and never moves; what a run writes (data, keys,
logs, state) moves with ``SHR_HOME``, so that a test has a home of its own.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

WORKING_COPY = Path(__file__).resolve().parents[4]
KAFKA_SETUP = WORKING_COPY / ".shr" / "kafka"
TEST_DATA = WORKING_COPY / ".shr" / "test"


@dataclass(frozen=True, slots=True)
class Home:
    """The folders of one stack."""

    root: Path

    @classmethod
    def from_environment(cls) -> Home:
        """``SHR_HOME``, else ``.shr`` of the working copy."""
        named = os.environ.get("SHR_HOME")
        return cls(Path(named).resolve() if named else WORKING_COPY / ".shr")

    @property
    def keys(self) -> Path:
        """The key store (``SHR_KEYS_DIR``)."""
        return self.root / "keys"

    @property
    def data(self) -> Path:
        """Stores; what ``FRESH=1`` empties."""
        return self.root / "data"

    @property
    def logs(self) -> Path:
        """One file a process."""
        return self.root / "logs"

    @property
    def run(self) -> Path:
        """State of the running stack."""
        return self.root / "run"

    @property
    def state_file(self) -> Path:
        """What runs now: see ``shr_local.state``."""
        return self.run / "stack.json"

    @property
    def topics_stamp(self) -> Path:
        """There while this data has all topics and its last run ended in order."""
        return self.data / "topics.ready"

    def log(self, name: str) -> Path:
        """The log file of a process."""
        return self.logs / f"{name}.log"

    def create(self) -> None:
        """Make the folders; keys are for the owner only."""
        for folder in (self.data, self.logs, self.run):
            folder.mkdir(parents=True, exist_ok=True)
        self.keys.mkdir(parents=True, exist_ok=True, mode=0o700)
