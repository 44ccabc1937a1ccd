"""Emergency access ("break-glass") is for hours, never for days: the one rule about how long it may be declared for."""

from __future__ import annotations

from typing import Any

HOURS_LIMIT = 24
"""No setting allows more; what lasts longer needs the citizen's consent."""

HOURS_UNSAID = 1.0
"""For how long, where the practitioner does not say."""


def hours_of(said: Any, *, limit: float = HOURS_LIMIT) -> float:
    """The hours of a declaration, from parsed JSON. ``limit``: a stricter one than ``HOURS_LIMIT``.

    Raises ValueError, with words for whoever declares.
    """
    if said is None:
        return min(HOURS_UNSAID, limit)
    longest = min(limit, HOURS_LIMIT)
    if isinstance(said, bool) or not isinstance(said, int | float) or not 0 < said <= longest:
        raise ValueError(f"Hours are a number above 0 and at most {longest}.")
    return float(said)
