"""What goes wrong on the way to a running stack."""

from __future__ import annotations


class StackError(Exception):
    """Said to the person at the terminal in one clear line, without a trace."""
