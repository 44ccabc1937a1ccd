"""``make bench``: every benchmark, each beside its yardstick in the same run; ``--short`` for continuous integration.

Figures of a shared machine say something as ratios only. A benchmark that cannot run fails the whole; none is a timed
test.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
LONG: dict[str, list[str]] = {
    "validation.py": [],
    "decisions.py": [],
    "intake.py": [],
    "profile_read.py": [],
    "terminology.py": [],
    "matching.py": [],
    "registrations.py": [],
    "footprint.py": [],
}
SHORT: dict[str, list[str]] = {
    "validation.py": [],
    "decisions.py": ["--rounds", "2"],
    "intake.py": ["--bundles", "800", "--rounds", "1"],
    "profile_read.py": ["--seconds", "2", "--rounds", "1"],
    "terminology.py": ["--seconds", "1"],
    "matching.py": ["--short"],
    "registrations.py": ["--persons", "2000", "--seconds", "1"],
    "footprint.py": [],
}


def main() -> int:
    """Run them one after the other; returns how many failed."""
    options = argparse.ArgumentParser(description="every benchmark, each beside its yardstick")
    options.add_argument("--short", action="store_true", help="few rounds, to see that each runs")
    options.add_argument("only", nargs="*", help="names of benchmarks, such as intake")
    asked = options.parse_args()
    failed = 0
    for name, arguments in (SHORT if asked.short else LONG).items():
        if asked.only and name.removesuffix(".py") not in asked.only:
            continue
        print(f"== {name.removesuffix('.py')}", flush=True)
        began = time.monotonic()
        ended = subprocess.run([sys.executable, str(HERE / name), *arguments], check=False)
        failed += ended.returncode != 0
        print(f"   ({time.monotonic() - began:.0f} s, {'ok' if ended.returncode == 0 else 'FAILED'})", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
