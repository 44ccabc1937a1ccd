"""Cold start of the whole stack, and what each process keeps in memory when it idles.

    python benchmarks/footprint.py [--json]

The stack has its own ports and data. Aims: ready in 20 s, a service at most 120 MB, all of ours below 1 GB.
"""

from __future__ import annotations

import argparse
import json
import time

import psutil
from shr_local import state
from shr_local.testing import start_stack

IDLE_S = 5.0
MIB = 1024 * 1024
SERVICE_AIM_MIB, STACK_AIM_MIB, START_AIM_S = 120, 1024, 20


def main() -> None:
    """Start, let it idle, look, stop."""
    options = argparse.ArgumentParser(description="cold start and idle memory")
    options.add_argument("--json", action="store_true")
    asked = options.parse_args()
    began = time.monotonic()
    with start_stack() as stack:
        ready_s = time.monotonic() - began
        time.sleep(IDLE_S)
        running = state.read(stack.home.state_file)
        assert running is not None
        resident = {
            one.name: round(psutil.Process(one.identity.pid).memory_info().rss / MIB)
            for one in running.all()
            if one.identity is not None and one.name != "verification"  # one process with the identity provider
        }
    ours = {name: size for name, size in resident.items() if name not in ("kafka", "mongo")}
    found = {"ready_s": round(ready_s, 1), "resident_mib": resident, "ours_mib": sum(ours.values())}
    if asked.json:
        print(json.dumps(found))
        return
    print(f"ready after {ready_s:.1f} s with empty stores (aim {START_AIM_S} s)")
    for name, size in sorted(resident.items(), key=lambda one: -one[1]):
        print(f"  {name:<14}{size:>5} MiB")
    print(f"ours together {sum(ours.values())} MiB (aim {STACK_AIM_MIB}); a service at most {SERVICE_AIM_MIB}")


if __name__ == "__main__":
    main()
