"""Become another program that dies with the process that started it.

Run as ``python -I -S launch.py SIGNAL PARENT_PID PROGRAM ARGUMENT…``. The kernel sends SIGNAL when the parent is gone
(PR_SET_PDEATHSIG survives exec), so an interrupted or killed parent leaves nothing behind. A program of its own,
because code between fork and exec is not safe in a process with threads. Standard library only: it is on every start.
"""

import os
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    signal_number, parent = int(sys.argv[1]), int(sys.argv[2])
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal_number)
        if os.getppid() != parent:  # it died before the line above
            sys.exit(0)
    os.execvp(sys.argv[3], sys.argv[3:])  # noqa: S606 (the caller names the program, no shell)


main()
