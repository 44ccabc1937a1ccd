"""Is the consent view fresh, and what time is it by consent's clock?

Consent beats every 250 ms on every partition, and only when no older change of that partition waits. So a view that
has folded a partition beyond a beat holds every change that was committed before it. A partition is fresh while such a
beat was heard at most ``limit_s`` ago by our own monotonic clock; consent's clock is the beat's time plus that age.
No wall clock of ours takes part. mechanisms.md, "Freshness of consent".
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

BEATS_KEPT = 64


@dataclass(frozen=True, slots=True)
class Beat:
    """One heartbeat: consent's time, its offset, and our monotonic time (seconds) before it was heard."""

    at: datetime
    offset: int
    heard_s: float


class Pulse:
    """The beats heard lately, by partition."""

    def __init__(self) -> None:
        self._beats: dict[int, deque[Beat]] = {}

    def expect(self, partitions: int) -> None:
        """How many partitions beat. Forgets what was heard: offsets and gaps are those of another connection."""
        self._beats = {partition: deque(maxlen=BEATS_KEPT) for partition in range(partitions)}

    def hear(self, partition: int, beat: Beat) -> None:
        """A beat came."""
        if partition in self._beats:
            self._beats[partition].append(beat)

    @property
    def partitions(self) -> int:
        """How many partitions there are; 0 before the first connection."""
        return len(self._beats)

    def clock(self, folded: Mapping[int, int], *, now_s: float, limit_s: float) -> datetime | None:
        """Consent's time now; None when any partition is stale.

        ``folded``: partition → next offset of the view, read before the view itself.
        """
        latest: Beat | None = None
        for partition, beats in self._beats.items():
            beat = _newest(beats, below=folded.get(partition, 0))
            if beat is None or now_s - beat.heard_s > limit_s:
                return None
            if latest is None or beat.at > latest.at:
                latest = beat
        return None if latest is None else latest.at + timedelta(seconds=now_s - latest.heard_s)

    def age_s(self, folded: Mapping[int, int], *, now_s: float) -> float | None:
        """Seconds since the oldest of the newest beats that the view has folded; None when a partition has none."""
        newest = [_newest(beats, below=folded.get(partition, 0)) for partition, beats in self._beats.items()]
        known = [now_s - beat.heard_s for beat in newest if beat is not None]
        return max(known) if known and len(known) == len(newest) else None


def _newest(beats: deque[Beat], *, below: int) -> Beat | None:
    for beat in reversed(beats):
        if beat.offset < below:
            return beat
    return None
