"""What is read before a change is judged, and what the change writes: the two sides of one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from shr_common.errors import conflict
from shr_contracts.cloudevents import Event

from shr_appointments.domain.announcements import announcement
from shr_appointments.domain.appointments import Appointment, Taken


@dataclass(frozen=True, slots=True)
class Request:
    """An ``Idempotency-Key`` of a caller with a digest of what was asked."""

    key: str
    digest: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What is stored of the things that a change concerns."""

    appointments: Mapping[str, Appointment]
    taken: Mapping[str, Taken]
    answered: tuple[str, str] | None = None
    """Of the request's key: the digest that it came with and the appointment that it led to."""


@dataclass(slots=True)
class Change:
    """The appointment as it is afterwards, and what is written; nothing is written when ``before`` is it."""

    appointment: Appointment
    before: Appointment | None = None
    others: list[Appointment] = field(default_factory=list)
    take: list[Taken] = field(default_factory=list)
    release: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    is_repeat: bool = False

    @property
    def writes(self) -> bool:
        """Whether anything changes."""
        return not self.is_repeat and self.appointment != self.before

    def all_events(self) -> list[Event]:
        """The events of every new version, and what is told to the citizen."""
        return [announcement(one) for one in (*self.others, self.appointment)] + self.events


Decide = Callable[[Seen], Change]


def repeat_of(seen: Seen, request: Request | None) -> Change | None:
    """The first answer again, for a request that came before. Raises conflict for the same key with other content."""
    if request is None or seen.answered is None:
        return None
    digest, appointment = seen.answered
    if digest != request.digest or appointment not in seen.appointments:
        raise conflict("This Idempotency-Key was used for something else.", code="duplicate")
    return Change(seen.appointments[appointment], is_repeat=True)


def taking(slot: str, seen: Seen, *, now: datetime) -> list[Appointment]:
    """The holds that ran out on a slot and give way. Raises conflict when the slot is taken."""
    taken = seen.taken.get(slot)
    if taken is None:
        return []
    if not taken.is_free(now):
        raise conflict("This slot is taken; choose another one.", code="conflict")
    held = seen.appointments.get(taken.appointment)
    return [held] if held is not None and held.status == "pending" else []
