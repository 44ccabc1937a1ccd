"""Which Health IDs the centre issues: series 98 and 99, from 98 0000 0000, without long runs of one digit."""

from __future__ import annotations

from shr_common.identifiers import health_id, is_issuable_base

FIRST_BASE = 9_800_000_000
BASES = 200_000_000


def issuable(start: int, count: int) -> list[str]:
    """The Health IDs among ``count`` consecutive bases from the ``start``-th of the central series on.

    Bases beyond the end of series 99 do not exist; unissuable ones are left out.
    """
    bases = (str(FIRST_BASE + n) for n in range(start, min(start + count, BASES)))
    return [health_id(base) for base in bases if is_issuable_base(base)]
