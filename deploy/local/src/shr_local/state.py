"""What runs: the supervisor writes it to ``.shr/run/stack.json``; ``shr status`` and the next start read it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from shr_local.process import Identity


class Phase(StrEnum):
    """How far the stack is."""

    STARTING = "starting"
    READY = "ready"
    STOPPING = "stopping"
    FAILED = "failed"


@dataclass(slots=True)
class Running:
    """One listener: its process (None while there is none) and port; two listeners may share a process."""

    name: str
    port: int
    pid: int | None = None
    started: float | None = None
    ready: bool = False

    @property
    def identity(self) -> Identity | None:
        """The process, if there was one."""
        return Identity(self.pid, self.started) if self.pid and self.started else None


@dataclass(slots=True)
class StackState:
    """Everything that runs. ``failure`` is the one line that says why a start failed."""

    supervisor: Identity
    issuer: str
    services: list[Running]
    kafka: Running
    mongo: Running
    phase: Phase = Phase.STARTING
    failure: str | None = None
    environment: dict[str, str] = field(default_factory=dict)

    def all(self) -> Iterator[Running]:
        """Services first: the order in which to stop."""
        yield from self.services
        yield self.kafka
        yield self.mongo

    def write(self, file: Path) -> None:
        """Whole or not at all."""
        part = file.with_suffix(".part")
        part.write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")
        part.replace(file)


def read(file: Path) -> StackState | None:
    """The last state that was written; None if there is none that can be read."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        said: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return StackState(
            supervisor=Identity(**said["supervisor"]),
            issuer=said["issuer"],
            services=[Running(**one) for one in said["services"]],
            kafka=Running(**said["kafka"]),
            mongo=Running(**said["mongo"]),
            phase=Phase(said["phase"]),
            failure=said["failure"],
            environment=said["environment"],
        )
    return None
