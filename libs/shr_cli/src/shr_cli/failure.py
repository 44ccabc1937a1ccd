"""How a command fails: one line on stderr and a code that is not zero."""

from __future__ import annotations


class Failure(Exception):
    """Said to the person at the terminal as one line. ``code`` is the exit code."""

    def __init__(self, line: str, *, code: int = 1) -> None:
        super().__init__(line)
        self.code = code
