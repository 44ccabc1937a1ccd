"""Data folders of tests: ``.shr/test/<process>-<random>``, removed in the end, however the end comes."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil

from shr_local.paths import TEST_DATA

_JANITOR = 'cat >/dev/null; sleep 1; rm -rf -- "$1" || { sleep 2; rm -rf -- "$1"; }'
"""Holds the reading end of a pipe: when the test run is gone, even by kill -9, the pipe closes and the folder goes."""


@contextlib.contextmanager
def data_folder() -> Iterator[Path]:
    """A new folder for one test run's stores; sweeps the folders of runs that are no more."""
    TEST_DATA.mkdir(parents=True, exist_ok=True)
    _sweep()
    folder = TEST_DATA / f"{os.getpid()}-{secrets.token_hex(3)}"
    folder.mkdir()
    janitor = subprocess.Popen(["sh", "-c", _JANITOR, "sh", str(folder)], stdin=subprocess.PIPE, start_new_session=True)
    try:
        yield folder
    finally:
        janitor.kill()
        if janitor.stdin is not None:
            janitor.stdin.close()
        janitor.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _sweep() -> None:
    for folder in TEST_DATA.iterdir():
        owner = folder.name.split("-")[0]
        if owner.isdigit() and not psutil.pid_exists(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)
