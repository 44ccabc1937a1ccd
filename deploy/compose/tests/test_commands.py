"""The commands and environment of the compose file, run as plain processes: keys, topics, services, the demonstration.

Kafka and MongoDB are those of the test run in place of the two foreign images; addresses are the same, since the
containers share one network.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml
from shr_local.paths import WORKING_COPY
from shr_local.ports import DEFAULTS, free_ports, variable
from shr_local.process import spawn
from shr_local.services import SERVICE_NAMES
from shr_local.testing import Infrastructure, start_infrastructure

FOLDER = WORKING_COPY / "deploy" / "compose"
IN_THE_IMAGE = {"/var/lib/shr": "HOME", "/opt/shr/healthy.py": str(FOLDER / "healthy.py"), "python": sys.executable}
PATIENCE_S = 90.0


class Containers:
    """The services of the file as processes on this machine."""

    def __init__(self, home: Path, ports: dict[str, str], ends: ExitStack) -> None:
        text = (FOLDER / "compose.yaml").read_text(encoding="utf-8")
        innermost = re.compile(r"\$\{([A-Z_]+):-([^${}]*)\}")
        while innermost.search(text):
            text = innermost.sub(lambda found: ports.get(found[1]) or found[2], text)
        self._services: dict[str, dict[str, Any]] = yaml.safe_load(text.replace("/var/lib/shr", str(home)))["services"]
        self._home = home
        self._ends = ends

    def command(self, words: list[str]) -> list[str]:
        """A command of the image, here."""
        return [IN_THE_IMAGE.get(word, word) for word in words]

    def environment(self, name: str) -> dict[str, str]:
        """What the file says and nothing else of ours."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("SHR_")}
        return kept | {key: str(value) for key, value in self._services[name]["environment"].items()}

    def runs(self, name: str) -> subprocess.CompletedProcess[str]:
        """A container that ends by itself."""
        command = self.command(self._services[name]["command"])
        return subprocess.run(command, env=self.environment(name), capture_output=True, text=True, check=False)

    def starts(self, name: str) -> subprocess.Popen[bytes]:
        """A container that stays."""
        command = self.command(self._services[name]["command"])
        process = spawn(command, log=self._home / f"{name}.log", environment=self.environment(name))
        self._ends.callback(process.kill)
        return process

    def is_healthy(self, name: str) -> None:
        """Until its health check says so."""
        kind, *check = self._services[name]["healthcheck"]["test"]
        assert kind == "CMD"
        until = time.monotonic() + PATIENCE_S
        command = self.command(check)
        while subprocess.run(command, env=self.environment(name), check=False, capture_output=True).returncode:
            assert time.monotonic() < until, f"{name}: {(self._home / f'{name}.log').read_text()[-2000:]}"
            time.sleep(0.2)


@pytest.fixture
def infrastructure() -> Iterator[Infrastructure]:
    """A broker and a database of our own: the containers' groups read every topic from its beginning."""
    with start_infrastructure() as started:
        yield started


@pytest.fixture
def containers(infrastructure: Infrastructure, tmp_path: Path) -> Iterator[Containers]:
    """On free ports; nothing is left running."""
    ports = {variable(name): str(port) for name, port in zip(DEFAULTS, free_ports(len(DEFAULTS)), strict=True)}
    ports["SHR_KAFKA_PORT"] = infrastructure.kafka_bootstrap.rsplit(":", 1)[1]
    ports["SHR_MONGO_PORT"] = str(infrastructure.mongo.server.port)
    with ExitStack() as ends:
        yield Containers(tmp_path, ports, ends)


@pytest.mark.timeout(300)
def test_the_whole_stack_comes_up_tells_the_story_and_ends_in_order(containers: Containers, tmp_path: Path) -> None:
    prepared = containers.runs("prepare")
    assert prepared.returncode == 0, prepared.stderr
    key = (tmp_path / "keys" / "idp.pem").read_bytes()
    assert containers.runs("prepare").returncode == 0, "a second time changes nothing"
    assert (tmp_path / "keys" / "idp.pem").read_bytes() == key

    running = {name: containers.starts(name) for name in ("doubles", *SERVICE_NAMES)}
    for name in running:
        containers.is_healthy(name)
    told = containers.runs("demo")
    assert told.returncode == 0, told.stdout[-1000:] + told.stderr

    for process in running.values():
        process.send_signal(signal.SIGTERM)
    for name, process in running.items():
        assert process.wait(25) in (0, -signal.SIGTERM), name
