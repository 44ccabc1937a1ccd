"""What a newcomer is told when something is missing: one line each, with how to get it."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

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


@pytest.fixture
def bootstrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The script as a module, for a root on a Debian that has neither a browser nor a font."""
    spec = importlib.util.spec_from_file_location("bootstrap_under_test", BOOTSTRAP)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "STAMPS", tmp_path / "setup")
    monkeypatch.setattr(module, "FONTS", (str(tmp_path / "fonts"),))
    monkeypatch.setattr(module.os, "geteuid", lambda: 0)
    monkeypatch.setattr(module.shutil, "which", lambda name: f"/usr/bin/{name}" if name == "apt-get" else None)
    return module


def test_the_browser_comes_with_a_bangla_font_and_the_font_is_tried_once(
    bootstrap: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    installed: list[list[str]] = []
    monkeypatch.setattr(bootstrap, "install_from_debian", installed.append)
    bootstrap.ensure_browser()
    bootstrap.ensure_browser()
    assert installed == [["chromium", "fonts-noto-core"], ["chromium"]]
    said = capsys.readouterr()
    assert said.out.splitlines()[0] == (
        "setup: installing Debian's chromium and fonts-noto-core for the browser tests and screenshots"
    )
    assert said.err.count("\n") == 2
    assert "apt-get install chromium" in said.err


def test_a_font_that_is_there_is_not_installed(bootstrap: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "fonts" / "noto").mkdir(parents=True)
    (tmp_path / "fonts" / "noto" / "NotoSansBengali-Regular.ttf").touch()
    installed: list[list[str]] = []
    monkeypatch.setattr(bootstrap, "install_from_debian", installed.append)
    bootstrap.ensure_browser()
    assert installed == [["chromium"]]
