"""Start, identify and stop processes.

A process is identified by its number *and* its start time: numbers are used again, and a stale file must never make
us stop somebody else's process.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

LAUNCHER = Path(__file__).with_name("launch.py")
LOG_LIMIT_BYTES = 20 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Identity:
    """One process, once: ``started`` is its creation time in seconds since the epoch."""

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> Identity | None:
        """The process that has this number now, None if there is none (a zombie is none)."""
        try:
            process = psutil.Process(pid)
            if process.status() == psutil.STATUS_ZOMBIE:
                return None
            return cls(pid, process.create_time())
        except psutil.Error:
            return None

    @property
    def alive(self) -> bool:
        """Whether this very process still runs."""
        now = Identity.of(self.pid)
        return now is not None and abs(now.started - self.started) < 1.0

    def send(self, signal_number: int) -> None:
        """Signal it, if it is still this process."""
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal_number)


def spawn(
    command: Sequence[str],
    *,
    log: Path,
    environment: Mapping[str, str] | None = None,
    dies_with_parent: signal.Signals | None = signal.SIGKILL,
    session: bool = True,
    stdin: int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """Start a program, both outputs appended to ``log``.

    ``dies_with_parent`` is the signal that it gets when this process ends (None: it outlives us). Call it from a
    thread that lives as long as the process: for the kernel the parent is the *thread*. ``session=True`` keeps the
    terminal's Ctrl-C from it, so that whoever started it decides on the order of the stop.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    _rotate(log)
    if dies_with_parent is not None:
        command = [sys.executable, "-I", "-S", str(LAUNCHER), str(int(dies_with_parent)), str(os.getpid()), *command]
    with log.open("ab") as output:
        return subprocess.Popen(
            list(command),
            stdin=stdin,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(environment) if environment is not None else None,
            start_new_session=session,
        )


def _rotate(log: Path) -> None:
    with contextlib.suppress(OSError):
        if log.stat().st_size > LOG_LIMIT_BYTES:
            log.replace(log.with_suffix(".log.1"))


def stop(process: subprocess.Popen[bytes], *, grace_s: float) -> bool:
    """Ask with SIGTERM, wait, then SIGKILL. Returns whether it ended by itself."""
    if process.poll() is not None:
        return True
    process.terminate()
    try:
        process.wait(grace_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(5)
        return False
    return True


def stop_all(identities: Iterable[Identity], *, grace_s: float) -> None:
    """Stop processes that are not our children (what a dead supervisor left), all at once, then wait for each."""
    left = [one for one in identities if one.alive]
    for one in left:
        one.send(signal.SIGTERM)
    deadline = time.monotonic() + grace_s
    while left and time.monotonic() < deadline:
        time.sleep(0.05)
        left = [one for one in left if one.alive]
    for one in left:
        one.send(signal.SIGKILL)
    while any(one.alive for one in left):
        time.sleep(0.02)


def last_line(log: Path, *, limit_bytes: int = 8192) -> str:
    """The last line of a log that says something; empty if there is none."""
    try:
        with log.open("rb") as lines:
            lines.seek(0, os.SEEK_END)
            lines.seek(max(lines.tell() - limit_bytes, 0))
            text = lines.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return next((line.strip()[:300] for line in reversed(text.splitlines()) if line.strip()), "")


def child_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Our environment for a child: bytecode may be written (starts are faster), memory arenas are few."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "MALLOC_ARENA_MAX": "2", **extra}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return environment
