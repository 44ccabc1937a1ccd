"""May this person act at all? A posting that ended, a licence withdrawn or a facility closed ends reading.

Whom the registry has never heard of is taken at the token's word (interfaces.md §2).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Entry = Mapping[str, Any]


def in_good_standing(entries: Iterable[Entry], *, practitioner: str | None, facility: str | None, today: str) -> bool:
    """``entries``: registry documents about this practitioner and facility; ``today``: ISO date in Dhaka."""
    postings = []
    for entry in entries:
        kind = entry["type"]
        if kind == "Practitioner" and entry["id"] == practitioner and not entry["active"]:
            return False
        if kind == "Organization" and entry["id"] == facility and not entry["active"]:
            return False
        if kind == "PractitionerRole" and entry["practitioner"] == practitioner and entry["facility"] == facility:
            postings.append(entry)
    return not postings or any(_in_force(posting, today) for posting in postings)


def _in_force(posting: Entry, today: str) -> bool:
    start, end = posting.get("start"), posting.get("end")
    return bool(posting["active"]) and (not start or start <= today) and (not end or today <= end)
