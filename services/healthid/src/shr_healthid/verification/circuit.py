"""A circuit breaker: after enough failures in a row nobody asks for a while, then one question tries again.

Being unreachable weighs more than a refusal to answer, which may be about one number only; the same number failing
again says nothing new.
"""

from __future__ import annotations

from collections.abc import Callable

UNREACHABLE = 4
REFUSED = 1


class Circuit:
    """Opens after ``failures`` unreachable answers (or four times as many refusals) without a success between."""

    def __init__(self, *, failures: int, pause_s: float, monotonic: Callable[[], float]) -> None:
        self._limit = failures * UNREACHABLE
        self._pause_s = pause_s
        self._monotonic = monotonic
        self._weight = 0
        self._refused: set[str] = set()
        self._open_until: float | None = None
        self._probing = False

    @property
    def is_open(self) -> bool:
        """Whether nobody may ask now."""
        return self._open_until is not None and (self._monotonic() < self._open_until or self._probing)

    def admits(self) -> bool:
        """Whether a question may go out. After the pause one may, and decides for the others."""
        if self._open_until is None:
            return True
        if self._monotonic() < self._open_until or self._probing:
            return False
        self._probing = True
        return True

    def succeeded(self) -> None:
        """The service answered."""
        self._weight = 0
        self._refused.clear()
        self._open_until = None
        self._probing = False

    def failed(self, number_hash: str, *, reached: bool) -> None:
        """The service was not reached, or (``reached``) answered that it cannot answer."""
        was_probe, self._probing = self._probing, False
        if was_probe and reached:  # it answers again, if not about this number: ask on, but open soon if all fail
            self._open_until, self._weight = None, self._limit // 2
        elif reached:
            if number_hash not in self._refused:
                self._weight += REFUSED
                self._refused.add(number_hash)
        else:
            self._weight += UNREACHABLE
        if (was_probe and not reached) or self._weight >= self._limit:
            self._open_until = self._monotonic() + self._pause_s
            self._refused.clear()

    def abandoned(self) -> None:
        """A question was given up before it had an answer."""
        self._probing = False
