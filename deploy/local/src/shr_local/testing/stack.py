"""The whole system for a test: its own ports, data and keys, watched by a real supervisor."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from shr_local.failure import StackError
from shr_local.identity_provider.tokens import Signer, Subject
from shr_local.paths import Home
from shr_local.ports import DEFAULTS, Ports, free_ports
from shr_local.process import Identity
from shr_local.services import SERVICE_NAMES
from shr_local.stack import Options, identity_of, start, stop
from shr_local.supervisor.child import http_ready
from shr_local.testing.data import data_folder

TEST_ARGUMENTS = ("--cache-gb", "0.25", "--oplog-mb", "256", "--children-die", "KILL")


@dataclass(frozen=True, slots=True)
class Stack:
    """A running system of a test's own. Names are those of ``shr status``: records, gateway, idp, kafka, mongo, …"""

    home: Home
    ports: Ports
    issuer: str

    @property
    def kafka_bootstrap(self) -> str:
        """``host:port`` of the broker."""
        return f"127.0.0.1:{self.ports['kafka']}"

    @property
    def mongo_uri(self) -> str:
        """The connection string of the replica set."""
        return f"mongodb://127.0.0.1:{self.ports['mongo']}/?replicaSet=rs0"

    @property
    def folder(self) -> Path:
        """Everything that this stack writes."""
        return self.home.root

    def url(self, name: str, path: str = "") -> str:
        """The address of a service, with a path."""
        return f"http://127.0.0.1:{self.ports[name]}{path}"

    def token(
        self,
        role: str,
        *,
        health_id: str | None = None,
        practitioner: str | None = None,
        facility: str | None = None,
        source: str | None = None,
        guardian_of: Sequence[str] = (),
        scope: str | None = None,
        ttl_s: int = 3600,
        audience: str = "shr",
    ) -> str:
        """A token as ``shr token`` makes it."""
        subject = Subject(role, health_id, practitioner, facility, source, tuple(guardian_of))
        return Signer(self.home.keys, self.issuer).access_token(subject, scope=scope, ttl_s=ttl_s, audience=audience)

    def environment(self) -> dict[str, str]:
        """What makes ``shr`` and other programs speak to this stack."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SHR_")}
        return {**kept, **self.ports.environment(), "SHR_HOME": str(self.home.root), "SHR_ISSUER": self.issuer}

    def pid(self, name: str) -> int:
        """The process of a listener now. Raises StackError while it has none."""
        return self._identity(name).pid

    def send(self, name: str, signal_number: int) -> None:
        """Signal the process of a listener (SIGSTOP and SIGCONT cut it off and bring it back)."""
        self._identity(name).send(signal_number)

    def kill(self, name: str) -> int:
        """kill -9; the supervisor starts it again. Returns the number of the process that was killed."""
        pid = self.pid(name)
        self.send(name, signal.SIGKILL)
        return pid

    def wait_ready(self, name: str, *, not_pid: int | None = None, within_s: float = 30) -> None:
        """Until a service is ready, in another process than ``not_pid``. Raises StackError after the time."""
        until = time.monotonic() + within_s
        while time.monotonic() < until:
            identity = identity_of(self.home, name)
            if identity is not None and identity.alive and identity.pid != not_pid and http_ready(self.ports[name]):
                return
            time.sleep(0.05)
        raise StackError(f"{name} is not ready after {within_s:.0f} s; log: {self.home.log(name)}")

    def _identity(self, name: str) -> Identity:
        identity = identity_of(self.home, name)
        if identity is None or not identity.alive:
            raise StackError(f"{name} does not run now; log: {self.home.log(name)}")
        return identity


@contextlib.contextmanager
def start_stack(
    services: Sequence[str] = SERVICE_NAMES, *, environment: Mapping[str, str] | None = None
) -> Iterator[Stack]:
    """Broker, database, doubles and these services on free ports, ready; all ends with the block or this process.

    ``environment`` adds settings for the services (``{"SHR_PAGE_SIZE": "5"}``). Raises StackError if a part does not
    start.
    """
    with data_folder() as folder:
        home = Home(folder)
        ports = Ports(dict(zip(DEFAULTS, free_ports(len(DEFAULTS)), strict=True)))
        issuer = f"http://127.0.0.1:{ports['idp']}"
        options = Options(
            services=services,
            dies_with_us=signal.SIGKILL,
            supervisor_arguments=TEST_ARGUMENTS,
            environment={"SHR_ISSUER": issuer, **(environment or {})},
        )
        lines: list[str] = []
        try:
            start(home, ports, options, say=lines.append)
            yield Stack(home, ports, issuer)
        finally:
            stop(home, say=lines.append)
