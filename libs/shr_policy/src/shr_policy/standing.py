"""Is this practitioner, at this facility, still one? As far as the registry has told.

Whom the registry has never heard of is taken at the token's word; a posting that ended, a licence that expired or a
facility that closed ends the right to look (interfaces, section 2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Registered:
    """A practitioner or facility in the registry. ``until``: last day of the licence (ISO date), None = no end."""

    active: bool = True
    until: str | None = None


@dataclass(frozen=True, slots=True)
class Posting:
    """One posting of the practitioner at the facility; ISO dates, inclusive, None = open."""

    active: bool = True
    start: str | None = None
    end: str | None = None

    def on(self, day: str) -> bool:
        """Whether it is in force on a day."""
        return self.active and (self.start or day) <= day <= (self.end or day)


def in_good_standing(
    *, practitioner: Registered | None, facility: Registered | None, postings: Sequence[Posting], today: str
) -> bool:
    """``postings``: those of this practitioner at this facility; none = never heard of. ``today``: in Asia/Dhaka."""
    for registered in (practitioner, facility):
        if registered is not None and not (registered.active and today <= (registered.until or today)):
            return False
    return not postings or any(posting.on(today) for posting in postings)
