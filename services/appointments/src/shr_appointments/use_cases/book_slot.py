"""Book a slot, or hold it for a while: at most one appointment has a slot, whoever asks at the same time."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from shr_common.errors import Category, Issue, ShrError, conflict, forbidden, invalid

from shr_appointments.domain.actors import Actor
from shr_appointments.domain.announcements import notification
from shr_appointments.domain.appointments import Taken, cancelled, confirmed, made
from shr_appointments.domain.deciding import Change, Request, Seen, repeat_of, taking
from shr_appointments.domain.schedules import Schedule, Slot, schedule_of, slot_of
from shr_appointments.use_cases.permission import Permission
from shr_appointments.use_cases.ports import Bookings, People, Registry, Schedules

NewId = Callable[[], str]
BOOKED = "appointment-booked"


def random_id() -> str:
    """A new id."""
    return str(uuid.uuid4())


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for; ``held`` is the appointment that a hold made, to be confirmed."""

    slot: str | None
    patient: str
    comment: str | None = None
    held: str | None = None


class Slots:
    """Finds the slot of an id, as far as its schedule's rule and the registry go."""

    def __init__(self, schedules: Schedules, registry: Registry) -> None:
        self._schedules = schedules
        self._registry = registry

    async def find(self, slot_id: str, *, now: datetime) -> tuple[Schedule, Slot]:
        """Raises invalid (no such slot), conflict (past, beyond the horizon, or closed)."""
        named = schedule_of(slot_id)
        schedule = await self._schedules.read(named[0]) if named else None
        if named is None or schedule is None:
            raise invalid("There is no such slot.", expression="slot", code="not-found")
        standing = await self._registry.standing(facility=schedule.facility, practitioner=schedule.practitioner)
        slot = slot_of(schedule, named[1], now=now, standing=standing)
        if slot is None or slot.id != slot_id:
            if not standing.facility_open:
                raise conflict("This facility is closed.", code="business-rule")
            raise conflict("This slot cannot be booked (any more).", code="business-rule")
        return schedule, slot


class BookSlot:
    """Books for a citizen; staff book at their own facility."""

    def __init__(
        self,
        slots: Slots,
        bookings: Bookings,
        people: People,
        permission: Permission,
        *,
        new_id: NewId = random_id,
    ) -> None:
        self._slots = slots
        self._bookings = bookings
        self._people = people
        self._permission = permission
        self._new_id = new_id

    async def __call__(
        self, wish: Wish, *, actor: Actor, hold: timedelta | None, request: Request | None, now: datetime
    ) -> Change:
        """Raises invalid, forbidden, conflict. A repeat under the same key gives the first answer again."""
        if wish.held is not None:
            return await self._confirm(wish.held, actor=actor, request=request, now=now)
        if wish.slot is None:
            raise invalid("slot is needed.", expression="slot", code="required")
        await self._check_person(wish.patient, actor=actor, now=now)
        schedule, slot = await self._slots.find(wish.slot, now=now)
        if actor.role != "citizen" and schedule.facility != actor.facility:
            raise forbidden("Only the schedules of your own facility can be booked by you.")
        new_id = self._new_id()

        def decide(seen: Seen) -> Change:
            before = repeat_of(seen, request)
            if before is not None:
                return before
            gone = [cancelled(one, reason="hold ran out", now=now) for one in taking(slot.id, seen, now=now)]
            appointment = made(
                schedule, slot, id=new_id, patient=wish.patient, comment=wish.comment, hold=hold, now=now
            )
            return Change(
                appointment,
                others=gone,
                take=[Taken(slot.id, appointment.id, appointment.held_until)],
                events=[notification(appointment, BOOKED)] if hold is None else [],
            )

        return await self._bookings.change(decide, appointment=None, slots=[slot.id], request=request)

    async def _check_person(self, patient: str, *, actor: Actor, now: datetime) -> None:
        """A citizen books for herself and her wards; staff for whom healthid has told of."""
        await self._permission.require_standing(actor, now=now)
        person = await self._people.person(patient)
        if actor.role == "citizen":
            if not await self._permission.is_hers(actor, person):
                raise forbidden("You can book for yourself and for those whose guardian you are.")
        elif not person.known:
            issue = Issue("No such person is known here (yet).", expression="patient", code="not-found")
            raise ShrError(Category.INVALID, issue)

    async def _confirm(self, held: str, *, actor: Actor, request: Request | None, now: datetime) -> Change:
        await self._permission.require_standing(actor, now=now)
        found = await self._bookings.read(held)
        if found is None or not await self._permission.holds(
            actor, await self._people.person(found.patient), facility=found.facility
        ):
            raise invalid("There is no such hold.", expression="appointment", code="not-found")

        def decide(seen: Seen) -> Change:
            before = repeat_of(seen, request)
            if before is not None:
                return before
            appointment = confirmed(seen.appointments[held], now=now)
            return Change(
                appointment,
                before=seen.appointments[held],
                take=[Taken(appointment.slot, appointment.id)],
                events=[notification(appointment, BOOKED)],
            )

        return await self._bookings.change(decide, appointment=held, slots=[found.slot], request=request)
