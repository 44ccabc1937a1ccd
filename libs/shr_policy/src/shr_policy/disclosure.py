"""Is this one item shown under that decision, and by whose leave?"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass

from shr_policy.decision import Decision, Filter
from shr_policy.vocabulary import EMERGENCY, OPEN_CONFIDENTIALITY, VERY_RESTRICTED


@dataclass(frozen=True, slots=True)
class Item:
    """One thing in a record.

    ``reference``: ``Type/id``; ``date``: ISO date in Asia/Dhaka, or a year or year-month, None = unknown; ``facility``:
    who wrote it; ``labels``: those of LABELS that it carries, and no other codes; ``confidentiality``: its code
    (``N`` when it says none); ``belongs_to``: the reference of its encounter.
    """

    type: str
    reference: str
    date: str | None
    facility: str | None
    labels: frozenset[str]
    confidentiality: str
    belongs_to: str | None


@dataclass(frozen=True, slots=True)
class Admission:
    """Whether an item is shown; ``consent_id``: the grant or emergency declaration that opens it, if one was needed."""

    shown: bool
    consent_id: str | None = None


_HIDDEN = Admission(False)
_SHOWN = Admission(True)


def admits(decision: Decision, item: Item) -> Admission:
    """Deny wins: over a grant, never over the author's sight of what it wrote, nor (unless said so) an emergency."""
    if decision.whole:
        return _SHOWN
    if not decision.permit:
        return _HIDDEN
    actor = decision.actor
    own = actor.id if actor.role == "facility" else actor.facility
    if decision.own_facility and own is not None and item.facility == own:
        return _SHOWN
    if item.confidentiality == VERY_RESTRICTED and decision.purpose == EMERGENCY:
        return _HIDDEN
    if any(_holds_back(refusal, item) for refusal in decision.refusals):
        return _HIDDEN
    closed = decision.closed and _is_closed(decision, item)
    for opened in decision.filters:
        if (opened.emergency or not closed) and _lets_through(opened, item):
            return Admission(True, opened.consent_id)
    return _HIDDEN


def _is_closed(decision: Decision, item: Item) -> bool:
    for reference in (item.reference, item.belongs_to):
        left_open = decision.closed.get(reference) if reference is not None else None
        if left_open is not None and not decision.actor.is_among(left_open):
            return True
    return False


def _lets_through(opened: Filter, item: Item) -> bool:
    """A permit has to cover the item for certain: all days that its date can mean, every label that it carries."""
    if opened.record_types is not None and item.type not in opened.record_types:
        return False
    if not _names(item) <= opened.sensitive:
        return False
    if opened.record_start is None and opened.record_end is None:
        return True
    if not item.date:
        return False
    first, last = _days(item.date)
    return (opened.record_start is None or opened.record_start <= first) and (
        opened.record_end is None or last <= opened.record_end
    )


def _names(item: Item) -> frozenset[str]:
    """What a grant has to name to reach this item: its labels, or that it is restricted where it does not say why."""
    if item.labels or item.confidentiality in OPEN_CONFIDENTIALITY:
        return item.labels
    return frozenset((item.confidentiality,))


def _holds_back(refusal: Filter, item: Item) -> bool:
    """A refusal holds an item back when it may cover it: an unknown or partial date is no way around."""
    if refusal.record_types is not None and item.type not in refusal.record_types:
        return False
    if not item.date or (refusal.record_start is None and refusal.record_end is None):
        return True
    first, last = _days(item.date)
    return (refusal.record_start is None or refusal.record_start <= last) and (
        refusal.record_end is None or first <= refusal.record_end
    )


def _days(date: str) -> tuple[str, str]:
    """The first and the last day that a (partial) date can mean, comparable as text."""
    day = date[:10]
    if len(day) == 4:
        return f"{day}-01-01", f"{day}-12-31"
    if len(day) == 7:
        return f"{day}-01", f"{day}-{_last_of_month(day)}"
    return day, day


def _last_of_month(month: str) -> int:
    try:
        return monthrange(int(month[:4]), int(month[5:]))[1]
    except ValueError:  # no such month: later than any day in it
        return 99
