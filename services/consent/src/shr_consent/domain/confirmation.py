"""The one-time code of a request: told to the citizen, by her to who asks, at the bedside."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

TRIES_LIMIT = 3
"""Wrong so many times, the request is denied."""
CODE_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Confirmation:
    """``code`` None: none was sent, only the PIN confirms. It holds ``until`` then, and once."""

    request: str
    patient: str
    made_at: datetime
    until: datetime
    code: str | None = field(default=None, repr=False)

    def holds(self, now: datetime) -> bool:
        """Whether its code can still be told."""
        return self.code is not None and now < self.until
