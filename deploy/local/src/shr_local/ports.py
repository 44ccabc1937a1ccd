"""Ports: which process has which, whether it is free, and who holds it if not."""

from __future__ import annotations

import contextlib
import os
import random
import socket
from collections.abc import Mapping
from dataclasses import dataclass

import psutil

from shr_local.failure import StackError

DEFAULTS: dict[str, int] = {
    "gateway": 8000,
    "healthid": 8001,
    "records": 8002,
    "consent": 8003,
    "terminology": 8004,
    "appointments": 8005,
    "registry": 8006,
    "idp": 8009,
    "verification": 8010,
    "kafka": 9092,
    "mongo": 27017,
}
"""Every port of a stack, by the name of who listens there."""

TEST_RANGE = (20000, 32000)
"""Below the range from which the kernel takes ports for outgoing connections, so that a port stays free."""


def variable(name: str) -> str:
    """The environment variable that moves a port."""
    return f"SHR_{name.upper()}_PORT"


@dataclass(frozen=True, slots=True)
class Ports:
    """The port of each process."""

    by_name: Mapping[str, int]

    @classmethod
    def from_environment(cls) -> Ports:
        """``SHR_<NAME>_PORT``, else the documented one. Raises StackError if one is no port number."""
        found = {}
        for name, default in DEFAULTS.items():
            text = os.environ.get(variable(name), str(default))
            if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65536:
                raise StackError(f"{variable(name)}={text} is not a port number (1 to 65535)")
            found[name] = int(text)
        return cls(found)

    def __getitem__(self, name: str) -> int:
        return self.by_name[name]

    def environment(self) -> dict[str, str]:
        """The variables that hand these ports to a child."""
        return {variable(name): str(port) for name, port in self.by_name.items()}


def is_free(port: int, *, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen there now (a connection that is only being closed does not count)."""
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def answers(port: int, *, host: str = "127.0.0.1", timeout_s: float = 0.5) -> bool:
    """Whether something accepts connections there."""
    try:
        with socket.create_connection((host, port), timeout=timeout_s):
            return True
    except OSError:
        return False


def check_free(ports: Mapping[str, int], *, host: str = "127.0.0.1") -> None:
    """Raises StackError with one line for the first port that is named twice or taken."""
    seen: dict[int, str] = {}
    for name, port in ports.items():
        if port in seen:
            raise StackError(f"{name} and {seen[port]} both have port {port}; move one with {variable(name)}")
        seen[port] = name
        if not is_free(port, host=host):
            raise StackError(
                f"port {port} ({name}) is taken{_by(port)}; end it, or choose another port with {variable(name)}"
            )


def _by(port: int) -> str:
    """Who listens there, as far as we may see it."""
    with contextlib.suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("tcp"):
            at = connection.laddr
            if connection.status == psutil.CONN_LISTEN and at and at.port == port and connection.pid:
                return f" by {psutil.Process(connection.pid).name()} (process {connection.pid})"
    return ""


def free_ports(count: int) -> list[int]:
    """Different ports that are free now, for tests."""
    found: list[int] = []
    for port in random.sample(range(*TEST_RANGE), k=TEST_RANGE[1] - TEST_RANGE[0]):
        if is_free(port):
            found.append(port)
        if len(found) == count:
            return found
    raise StackError(f"no {count} free ports between {TEST_RANGE[0]} and {TEST_RANGE[1]}")
