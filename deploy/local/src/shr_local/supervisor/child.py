"""One process under watch: started, checked, and started again when it dies."""

from __future__ import annotations

import contextlib
import http.client
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from shr_local.failure import StackError
from shr_local.kafka import KafkaServer
from shr_local.ports import answers
from shr_local.process import Identity, last_line, spawn
from shr_local.state import Running
from shr_local.supervisor.plan import HOST, Check, PartSpec

CHECK_STARTING_S = 0.2
CHECK_READY_S = 2.0
CHECK_TIMEOUT_S = 1.0
BACKOFF_FIRST_S = 0.5
BACKOFF_LIMIT_S = 15.0
STABLE_S = 30.0
WRONG_SETTING = "settings: "
"""How the line begins with which a service ends over a setting: the same again would end the same way."""


class Child:
    """A part of the stack. ``tick`` is called often and never waits long."""

    def __init__(
        self,
        spec: PartSpec,
        *,
        log: Path,
        environment: dict[str, str],
        dies_with_parent: signal.Signals | None,
        say: Callable[[str], None],
    ) -> None:
        self.spec = spec
        self.log = log
        self.ready = False
        self.deaths = 0
        self.was_ready = False
        self.last_death = ""
        self.hopeless = False
        self.process: subprocess.Popen[bytes] | None = None
        self.listeners = [Running(name, port) for name, port in spec.listeners.items()]
        self._environment = environment
        self._dies_with_parent = dies_with_parent
        self._say = say
        self._started_at = 0.0
        self._start_at = 0.0
        self._check_at = 0.0

    def tick(self, now: float) -> bool:
        """Look at the process once; returns whether something changed."""
        if self.process is None:
            return now >= self._start_at and self._start(now)
        if self.process.poll() is not None:
            self._died(now)
            return True
        if now < self._check_at:
            return False
        before = self.ready
        self.ready = self._is_ready()
        self._check_at = time.monotonic() + (CHECK_READY_S if self.ready else CHECK_STARTING_S)
        if self.ready == before:
            return False
        if self.ready:
            self._say(f"{self.spec.name} is ready ({now - self._started_at:.1f} s)")
            self.was_ready = True
        else:
            self._say(f"{self.spec.name} is not ready any more")
        self._show()
        return True

    def start_now(self) -> None:
        """Do not wait for the backoff to pass."""
        self._start_at = 0.0
        self._check_at = 0.0

    def terminate(self) -> None:
        """Ask it to end."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def wait(self, deadline: float) -> None:
        """Until it has ended; killed at the deadline (monotonic seconds), which is said."""
        if self.process is None:
            return
        try:
            self.process.wait(max(deadline - time.monotonic(), 0.01))
        except subprocess.TimeoutExpired:
            self._say(f"{self.spec.name} does not end in {self.spec.grace_s:.0f} s, it is killed")
            self.process.kill()
            self.process.wait()
        self.process = None
        self.ready = False
        self._show()

    def _start(self, now: float) -> bool:
        try:
            command = self.spec.command()
            self.process = spawn(
                command, log=self.log, environment=self._environment, dies_with_parent=self._dies_with_parent
            )
        except (StackError, OSError) as error:
            self._retry(now, f"cannot be started ({error})")
            return True
        self._started_at, self._check_at = now, now + CHECK_STARTING_S
        self._show()
        return True

    def _died(self, now: float) -> None:
        assert self.process is not None  # noqa: S101 (tick has looked)
        code = self.process.returncode
        self.process, self.ready = None, False
        if now - self._started_at > STABLE_S:
            self.deaths = 0
        with contextlib.suppress(ValueError):
            if code < 0:
                self._retry(now, f"was ended by {signal.Signals(-code).name}")
                return
        said = last_line(self.log)
        if said.startswith(WRONG_SETTING) and not self.was_ready:
            self.hopeless, self.last_death, self._start_at = True, f"cannot start: {said}", float("inf")
            self._show()
            return
        self._retry(now, f"ended with code {code}" + (f" ({said})" if said else ""))

    def _retry(self, now: float, what: str) -> None:
        self.deaths += 1
        self.last_death = what
        wait_s = min(BACKOFF_FIRST_S * 2 ** (self.deaths - 1), BACKOFF_LIMIT_S)
        self._start_at = now + wait_s
        self._say(f"{self.spec.name} {what}; it is started again in {wait_s:g} s; log: {self.log}")
        self._show()

    def _show(self) -> None:
        identity = Identity.of(self.process.pid) if self.process is not None else None
        for listener in self.listeners:
            listener.pid = identity.pid if identity else None
            listener.started = identity.started if identity else None
            listener.ready = self.ready

    def _is_ready(self) -> bool:
        ports = self.spec.listeners.values()
        if self.spec.check is Check.HTTP:
            return all(http_ready(port) for port in ports)
        if self.spec.check is Check.KAFKA:
            return all(KafkaServer(port, self.log.parent, HOST).serves() for port in ports)
        return all(answers(port, host=HOST) for port in ports)


def http_ready(port: int, *, host: str = HOST, timeout_s: float = CHECK_TIMEOUT_S) -> bool:
    """Whether ``GET /health/ready`` answers 200."""
    connection = http.client.HTTPConnection(host, port, timeout=timeout_s)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
