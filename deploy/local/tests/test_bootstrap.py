"""What a newcomer is told when something is missing: one line each, with how to get it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from shr_local.paths import WORKING_COPY

BOOTSTRAP = WORKING_COPY / "deploy" / "local" / "bootstrap.py"
COMPOSE = WORKING_COPY / "deploy" / "local" / "compose.py"


def program(folder: Path, name: str, does: str) -> None:
    """A program of this name in a folder."""
    file = folder / name
    file.write_text(f"#!/bin/sh\n{does}\n")
    file.chmod(0o755)


def told(script: Path, path: Path, *words: str) -> list[str]:
    """What a script says, with nothing on PATH but this folder."""
    kept = {name: value for name, value in os.environ.items() if name != "JAVA_HOME"}
    environment = {**kept, "PATH": str(path)}
    done = subprocess.run(
        [sys.executable, str(script), *words], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stdout == ""
    return done.stderr.splitlines()


def test_each_missing_tool_is_one_line_with_how_to_get_it(tmp_path: Path) -> None:
    assert told(BOOTSTRAP, tmp_path) == [
        "setup: Java 17 or later is needed for Kafka, it is missing: see adoptium.net",
        "setup: Maven (mvn) is needed to fetch Kafka, it is missing: see maven.apache.org",
    ]


def test_debian_is_told_the_package(tmp_path: Path) -> None:
    program(tmp_path, "apt-get", "exit 1")
    program(tmp_path, "mvn", "exit 0")
    program(tmp_path, "java", """echo 'openjdk version "11.0.2" 2019-01-15' >&2""")
    (line,) = told(BOOTSTRAP, tmp_path)
    assert 'this is openjdk version "11.0.2"' in line
    assert line.endswith("apt-get install openjdk-17-jre-headless")


@pytest.mark.parametrize(
    ("docker", "said"),
    [
        (None, "Docker is missing"),
        ('[ "$1" = compose ] && exit 1; exit 0', "no compose plugin"),
        ('[ "$1" = info ] && exit 1; exit 0', "engine does not answer"),
    ],
)
def test_what_containers_lack_is_one_line(tmp_path: Path, docker: str | None, said: str) -> None:
    if docker is not None:
        program(tmp_path, "docker", docker)
    (line,) = told(COMPOSE, tmp_path, "up")
    assert said in line
    assert "without RUNTIME=compose" in line
