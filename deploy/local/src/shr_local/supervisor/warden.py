"""What ends a stack in order when its supervisor was killed: services, then the broker, then the database.

A shell that waits at a pipe (1 MB, no Python while all is well): when the supervisor is gone, however it went, the pipe
closes and ``python -m shr_local.supervisor.warden`` stops what is left. So services still have the broker and the
database to finish with, and nobody has to come by and type a command.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator, Mapping

from shr_local.paths import Home
from shr_local.process import spawn
from shr_local.stack import clear_after_death

_WAIT = 'cat >/dev/null; exec "$@"'


@contextlib.contextmanager
def ordered_end(home: Home, environment: Mapping[str, str]) -> Iterator[None]:
    """While the block runs a warden waits; when the block ends by itself, the warden has nothing to do."""
    warden = spawn(
        ["sh", "-c", _WAIT, "sh", sys.executable, "-m", "shr_local.supervisor.warden"],
        log=home.log("warden"),
        environment=environment,
        dies_with_parent=None,
        stdin=subprocess.PIPE,
    )
    try:
        yield
    finally:
        warden.kill()
        if warden.stdin is not None:
            warden.stdin.close()
        warden.wait()


if __name__ == "__main__":
    clear_after_death(Home.from_environment(), say=print)
