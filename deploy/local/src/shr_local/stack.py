"""Start, stop and look at a stack: what ``shr up``, ``shr down`` and ``shr status`` do, and tests too."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shr_local import keys, state
from shr_local.failure import StackError
from shr_local.paths import Home
from shr_local.ports import DEFAULTS, Ports, answers, check_free
from shr_local.process import Identity, child_environment, last_line, spawn, stop_all
from shr_local.services import DOUBLES, SERVICE_NAMES
from shr_local.state import Phase, StackState
from shr_local.supervisor.child import http_ready

START_PATIENCE_S = 120.0
STOP_PATIENCE_S = 100.0
GRACE_S = 30.0
POLL_S = 0.1

Say = Callable[[str], None]

_OURS: dict[int, subprocess.Popen[bytes]] = {}
"""Supervisors that this process started, so that it collects them when they end."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a stack is started. ``dies_with_us``: the signal that the supervisor gets when this process ends."""

    services: Sequence[str] = SERVICE_NAMES
    fresh: bool = False
    dies_with_us: signal.Signals | None = None
    supervisor_arguments: Sequence[str] = ()
    environment: Mapping[str, str] | None = None


def start(home: Home, ports: Ports, options: Options, *, say: Say) -> StackState:
    """Return when everything is ready. A stack that runs already is completed instead of started.

    Raises StackError with one line: a taken port, a missing tool, a part that does not start.
    """
    unknown = sorted(set(options.services) - set(SERVICE_NAMES))
    if unknown:
        raise StackError(f"there is no service {', '.join(unknown)}; services are {', '.join(SERVICE_NAMES)}")
    home.create()
    with _one_at_a_time(home, say=say):
        running = supervised(home)
        if running is not None and options.fresh:
            say("stopping the running stack, since a fresh one was asked for")
            stop(home, say=say)
            running = None
        follow = Follower(home.log("supervisor"), say)
        if running is not None:
            say(f"the stack runs already (supervisor {running.supervisor.pid}); starting what is missing")
            running.supervisor.send(signal.SIGHUP)
            return _wait_complete(home, follow)
        _clear_leftovers(home, say=say)
        check_free({name: ports[name] for name in DEFAULTS if _wanted(name, options.services)})
        if options.fresh:  # only now: nothing is emptied for a start that a taken port prevents
            shutil.rmtree(home.data, ignore_errors=True)
            home.create()
        keys.ensure(home.keys)
        home.state_file.unlink(missing_ok=True)
        process = _start_supervisor(home, ports, options)
        return _wait_started(home, process, follow, say=say)


def supervised(home: Home) -> StackState | None:
    """The state, if its supervisor lives."""
    found = state.read(home.state_file)
    return found if found is not None and found.supervisor.alive else None


def stop(home: Home, *, say: Say) -> bool:
    """End everything in order, also what a dead supervisor left. Returns whether something ran."""
    found = state.read(home.state_file)
    if found is None:
        return False
    if not found.supervisor.alive:
        return _clear_leftovers(home, say=say)
    found.supervisor.send(signal.SIGTERM)
    until = time.monotonic() + STOP_PATIENCE_S
    while found.supervisor.alive:
        if time.monotonic() > until:
            say(f"the supervisor does not end after {STOP_PATIENCE_S:.0f} s, it is killed")
            found.supervisor.send(signal.SIGKILL)
            break
        time.sleep(POLL_S)
    ours = _OURS.pop(found.supervisor.pid, None)
    if ours is not None:
        ours.wait()
    _clear_leftovers(home, say=lambda _line: None)
    return True


def status(home: Home, ports: Ports) -> dict[str, Any]:
    """What ``shr status --json`` prints: services with pid (null if it does not run), port and readiness now."""
    found = state.read(home.state_file)
    running = {one.name: one for one in found.all()} if found else {}

    def pid(name: str) -> int | None:
        identity = running[name].identity if name in running else None
        return identity.pid if identity is not None and identity.alive else None

    def port(name: str) -> int:
        return running[name].port if name in running else ports[name]

    names = [one.name for one in found.services] if found else [*SERVICE_NAMES, *DOUBLES]
    return {
        "services": [
            {"name": n, "pid": pid(n), "port": port(n), "ready": pid(n) is not None and http_ready(port(n))}
            for n in sorted(names, key=port)
        ],
        "kafka": _store(pid("kafka"), port("kafka")),
        "mongo": _store(pid("mongo"), port("mongo")),
        "supervisor": {"pid": found.supervisor.pid} if found and found.supervisor.alive else None,
        "phase": found.phase.value if found and found.supervisor.alive else "stopped",
    }


def _store(pid: int | None, port: int) -> dict[str, Any]:
    return {"pid": pid, "port": port, "ready": pid is not None and answers(port)}


class Follower:
    """Passes on what is appended to a log from now on."""

    def __init__(self, log: Path, say: Say) -> None:
        self._log = log
        self._say = say
        self._rest = b""
        self._at = log.stat().st_size if log.exists() else 0

    def pump(self) -> None:
        """Say the lines that came since the last call."""
        for line in self.new_lines():
            self._say(line)

    def new_lines(self) -> list[str]:
        """The whole lines that came since the last call."""
        with contextlib.suppress(OSError):
            if self._log.stat().st_size < self._at:  # it was rotated
                self._at = 0
            with self._log.open("rb") as lines:
                lines.seek(self._at)
                new = lines.read()
            self._at += len(new)
            *whole, self._rest = (self._rest + new).split(b"\n")
            return [line.decode("utf-8", "replace") for line in whole]
        return []


@contextlib.contextmanager
def _one_at_a_time(home: Home, *, say: Say) -> Iterator[None]:
    with (home.run / "up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("this stack is being started or ended by another process, waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def clear_after_death(home: Home, *, say: Say) -> None:
    """What the warden does when the supervisor is gone: stop in order what it left, unless a new one runs already."""
    with _one_at_a_time(home, say=say):
        _clear_leftovers(home, say=say)


def _clear_leftovers(home: Home, *, say: Say) -> bool:
    """Stop what a supervisor that is no more left running: services, then the broker, then the database."""
    found = state.read(home.state_file)
    if found is None or found.supervisor.alive:
        return False
    left = [one for one in found.all() if one.identity is not None and one.identity.alive]
    if left:
        say(f"an earlier supervisor is gone; stopping what it left: {', '.join(one.name for one in left)}")
    for stage in (found.services, [found.kafka], [found.mongo]):
        stop_all({one.identity for one in stage if one.identity is not None}, grace_s=GRACE_S)
    home.state_file.unlink(missing_ok=True)
    return bool(left)


def _wanted(name: str, services: Sequence[str]) -> bool:
    return name not in SERVICE_NAMES or name in services


def _start_supervisor(home: Home, ports: Ports, options: Options) -> subprocess.Popen[bytes]:
    told = {"SHR_HOME": str(home.root), **ports.environment(), **(options.environment or {})}
    process = spawn(
        [
            *(sys.executable, "-m", "shr_local.supervisor", "--services", ",".join(options.services)),
            *options.supervisor_arguments,
        ],
        log=home.log("supervisor"),
        environment=child_environment(told),
        dies_with_parent=options.dies_with_us,
    )
    _OURS[process.pid] = process
    return process


def _wait_started(home: Home, process: subprocess.Popen[bytes], follow: Follower, *, say: Say) -> StackState:
    until = time.monotonic() + START_PATIENCE_S
    try:
        while time.monotonic() < until:
            said = follow.new_lines()
            found = state.read(home.state_file)
            failure = found.failure if found is not None else None
            for line in said:
                if not failure or failure not in line:  # the reason is ours to tell, once
                    say(line)
            if process.poll() is not None:
                ended = f"the supervisor ended with code {process.returncode}"
                raise StackError(failure or last_line(home.log("supervisor")) or ended)
            if found is not None and found.phase is Phase.READY:
                return found
            time.sleep(POLL_S)
        raise StackError(f"not ready after {START_PATIENCE_S:.0f} s; log: {home.log('supervisor')}")
    except BaseException as why:
        if isinstance(why, KeyboardInterrupt):
            say("interrupted; what has started ends now")
        _end_quietly(process, home)
        raise


def _end_quietly(process: subprocess.Popen[bytes], home: Home) -> None:
    """Nothing stays half started."""
    process.terminate()
    try:
        process.wait(STOP_PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    _OURS.pop(process.pid, None)
    _clear_leftovers(home, say=lambda _line: None)


def _wait_complete(home: Home, follow: Follower) -> StackState:
    """For a stack that ran already: until every part of it is ready."""
    until = time.monotonic() + START_PATIENCE_S
    late = "the supervisor"
    while time.monotonic() < until:
        follow.pump()
        found = supervised(home)
        if found is None:
            raise StackError(f"the supervisor ended: {last_line(home.log('supervisor'))}")
        missing = [one.name for one in found.all() if not (one.identity and one.identity.alive and one.ready)]
        if not missing and found.phase is Phase.READY:
            return found
        late = ", ".join(missing) or late
        time.sleep(POLL_S)
    raise StackError(f"{late} not ready after {START_PATIENCE_S:.0f} s; logs: {home.logs}")


def demonstrate(running: StackState, *, as_json: bool = False, to_stderr: bool = False) -> int:
    """Tell the story of one visit on this stack; returns the exit code of ``shr_local.demo``.

    In a session of its own: a Ctrl-C is ours to answer, it then ends with us, without a word.
    """
    command = [sys.executable, "-m", "shr_local.demo", *(["--json"] if as_json else [])]
    output = sys.stderr if to_stderr else None
    environment = child_environment(running.environment)
    return subprocess.run(command, env=environment, check=False, stdout=output, start_new_session=True).returncode


def identity_of(home: Home, name: str) -> Identity | None:
    """The process of a listener of a running stack, None while it has none."""
    found = state.read(home.state_file)
    one = next((one for one in found.all() if one.name == name), None) if found else None
    return one.identity if one is not None else None
