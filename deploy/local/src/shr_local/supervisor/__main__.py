"""``python -m shr_local.supervisor``: run the stack of this environment in the foreground of this process.

``shr up`` starts it and waits; nobody needs to call it by hand. SIGTERM or SIGINT: stop in order. SIGHUP: start what is
missing now. Only one runs per home.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import signal
import sys
import time

from shr_local.failure import StackError
from shr_local.paths import Home
from shr_local.services import SERVICE_NAMES
from shr_local.supervisor.plan import make_plan
from shr_local.supervisor.supervisor import Supervisor
from shr_local.supervisor.warden import ordered_end


def say(line: str) -> None:
    """One line into the supervisor's log, which ``shr up`` follows."""
    print(f"{time.strftime('%H:%M:%S')} {line}", flush=True)


def main() -> int:
    """Returns the exit code."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--services", default=",".join(SERVICE_NAMES), help="which services, with commas")
    arguments.add_argument("--cache-gb", type=float, default=1.0, help="MongoDB's cache")
    arguments.add_argument("--oplog-mb", type=int, default=1024)
    arguments.add_argument("--children-die", choices=("TERM", "KILL"), default="TERM", help="when this process dies")
    asked = arguments.parse_args()
    home = Home.from_environment()
    home.create()
    with (home.run / "supervisor.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("another supervisor runs for this home")
            return 1
        plan = make_plan(
            home=home,
            services=[name for name in asked.services.split(",") if name],
            cache_gb=asked.cache_gb,
            oplog_mb=asked.oplog_mb,
        )
        end = signal.Signals[f"SIG{asked.children_die}"]
        # children that are killed with us leave nothing to end in order
        with contextlib.nullcontext() if end is signal.SIGKILL else ordered_end(home, plan.environment):
            return Supervisor(plan, dies_with_parent=end, say=say).run()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except StackError as error:
        say(str(error))
        sys.exit(1)
