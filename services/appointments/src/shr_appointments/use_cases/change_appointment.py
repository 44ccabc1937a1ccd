"""Cancel, move or check in an appointment."""

from __future__ import annotations

from datetime import datetime

from shr_common.errors import not_found

from shr_appointments.domain.actors import Actor
from shr_appointments.domain.announcements import notification
from shr_appointments.domain.appointments import Appointment, Taken, arrived, cancelled, moved
from shr_appointments.domain.deciding import Change, Request, Seen, repeat_of, taking
from shr_appointments.domain.schedules import day_of
from shr_appointments.use_cases.book_slot import Slots
from shr_appointments.use_cases.permission import Permission
from shr_appointments.use_cases.ports import Bookings, People

CANCELLED = "appointment-cancelled"
RESCHEDULED = "appointment-rescheduled"


class ChangeAppointment:
    """Changes for the person, her guardian, and the staff of the facility. To others there is no such appointment."""

    def __init__(self, slots: Slots, bookings: Bookings, people: People, permission: Permission) -> None:
        self._slots = slots
        self._bookings = bookings
        self._people = people
        self._permission = permission

    async def cancel(
        self, id: str, *, reason: str | None, actor: Actor, request: Request | None, now: datetime
    ) -> Change:
        """The slot is free again at once. Raises not_found, forbidden, conflict."""
        found = await self._permitted(id, actor=actor, now=now)

        def decide(seen: Seen) -> Change:
            before = seen.appointments[id]
            appointment = cancelled(before, reason=reason, now=now)
            had = seen.taken.get(before.slot)
            return repeat_of(seen, request) or Change(
                appointment,
                before=before,
                # a slot whose hold ran out may be somebody else's by now
                release=[before.slot] if had is not None and had.appointment == id else [],
                events=[notification(appointment, CANCELLED)] if before.status == "booked" else [],
            )

        return await self._bookings.change(decide, appointment=id, slots=[found.slot], request=request)

    async def reschedule(
        self, id: str, *, slot_id: str, actor: Actor, request: Request | None, now: datetime
    ) -> Change:
        """Takes the new slot and gives the old one back, both or neither. Raises also invalid for an unknown slot."""
        found = await self._permitted(id, actor=actor, now=now)
        schedule, slot = await self._slots.find(slot_id, now=now)
        if actor.role != "citizen" and schedule.facility != found.facility:
            raise not_found("There is no such slot at your facility.", expression="slot")

        def decide(seen: Seen) -> Change:
            repeated = repeat_of(seen, request)
            if repeated is not None:
                return repeated
            before = seen.appointments[id]
            if before.slot == slot.id and before.status == "booked":
                return Change(before, before=before)
            mine = seen.taken.get(slot.id)
            own_hold = mine is not None and mine.appointment == id
            gone = (
                []
                if own_hold
                else [cancelled(o, reason="hold ran out", now=now) for o in taking(slot.id, seen, now=now)]
            )
            appointment = moved(before, schedule, slot, now=now)
            return Change(
                appointment,
                before=before,
                others=gone,
                take=[Taken(slot.id, id)],
                release=[] if before.slot == slot.id else [before.slot],
                events=[notification(appointment, RESCHEDULED)],
            )

        return await self._bookings.change(decide, appointment=id, slots=[found.slot, slot.id], request=request)

    async def check_in(self, id: str, *, actor: Actor, request: Request | None, now: datetime) -> Change:
        """On the day itself: a number in the queue of the department."""
        found = await self._permitted(id, actor=actor, now=now)
        arrived(found, number=0, now=now)  # what cannot be is refused before it costs a number
        number = found.number or await self._bookings.next_number(
            facility=found.facility, department=found.department, day=day_of(now).isoformat()
        )

        def decide(seen: Seen) -> Change:
            before = seen.appointments[id]
            return repeat_of(seen, request) or Change(arrived(before, number=number, now=now), before=before)

        return await self._bookings.change(decide, appointment=id, slots=[found.slot], request=request)

    async def _permitted(self, id: str, *, actor: Actor, now: datetime) -> Appointment:
        await self._permission.require_standing(actor, now=now)
        found = await self._bookings.read(id)
        if found is not None:
            person = await self._people.person(found.patient)
            if await self._permission.holds(actor, person, facility=found.facility):
                return found
        raise not_found("There is no such appointment.")
