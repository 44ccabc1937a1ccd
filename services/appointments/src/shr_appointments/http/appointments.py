"""Reads of appointments, and the queue of a department. Every look is audited before anything is shown."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request, Response
from shr_common.errors import forbidden, not_found
from shr_common.fhir.times import DHAKA
from shr_common.outcomes import FHIR_JSON
from shr_common.security import Caller, allow
from shr_contracts.cloudevents import rfc3339

from shr_appointments.domain.appointments import Appointment
from shr_appointments.domain.resources import appointment_resource
from shr_appointments.domain.schedules import day_of
from shr_appointments.http.asking import actor_of
from shr_appointments.http.disclosing import Disclosing
from shr_appointments.http.ranges import bad_parameter, id_asked, one_text, only, page_asked, range_asked, searchset
from shr_appointments.storage.booking_store import BookingStore
from shr_appointments.use_cases.permission import Permission
from shr_appointments.use_cases.ports import People

Reader = Annotated[Caller, allow("citizen", "practitioner", "facility")]
Staff = Annotated[Caller, allow("practitioner", "facility")]
STATUSES = frozenset({"pending", "booked", "arrived", "fulfilled", "cancelled", "noshow"})
QUEUE_LIMIT = 500


class Reading:
    """Finds what a caller may see."""

    def __init__(self, bookings: BookingStore, people: People, permission: Permission, disclosing: Disclosing) -> None:
        self.bookings = bookings
        self.people = people
        self.permission = permission
        self.disclosing = disclosing

    async def one(self, id: str, caller: Caller, *, at: datetime) -> Appointment:
        """An appointment; to those who may not see it there is none."""
        actor = actor_of(caller)
        await self.permission.require_standing(actor, now=at)
        found = await self.bookings.read(id)
        if found is None:
            raise not_found("There is no such appointment.")
        person = await self.people.person(found.patient)
        if not await self.permission.holds(actor, person, facility=found.facility):
            await self.disclosing.refused(found.patient, caller=caller, at=at)
            raise not_found("There is no such appointment.")
        await self.disclosing.shown([found], caller=caller, asked=found.patient, at=at)
        return found

    async def condition(self, patient: str | None, caller: Caller, *, at: datetime) -> dict[str, Any]:
        """Whose appointments are searched. Raises forbidden (audited) for somebody else's."""
        actor = actor_of(caller)
        await self.permission.require_standing(actor, now=at)
        patient = patient or (caller.health_id if caller.role == "citizen" else None)
        if patient is None:
            if caller.role == "citizen":
                raise forbidden("The token names no Health ID.")
            return {"facility": caller.facility}
        person = await self.people.person(patient)
        if caller.role == "citizen":
            if not await self.permission.is_hers(actor, person):
                await self.disclosing.refused(patient, caller=caller, at=at)
                raise forbidden("You see your own appointments and those of whom you are guardian.")
            return {"patient": {"$in": sorted(person.ids)}}
        return {"patient": {"$in": sorted(person.ids)}, "facility": caller.facility}


def router(reading: Reading, *, now: Callable[[], datetime], page_size: int, page_size_limit: int) -> APIRouter:
    """A citizen sees her own and her wards', staff what is booked at their facility."""
    routes = APIRouter(tags=["appointments"])

    @routes.get("/fhir/Appointment")
    async def search(request: Request, caller: Reader) -> Response:
        """By `patient`, `date` (a day, or with ge, lt, …), `status`."""
        only(request, "patient", "date", "status", "practitioner", "actor")
        at = now()
        patient = id_asked(request, "patient")
        condition = await reading.condition(patient, caller, at=at)
        start, end = range_asked(request, "date")
        bounds = {"$gte": start, "$lt": end}
        if start is not None or end is not None:
            condition["start"] = {operator: bound for operator, bound in bounds.items() if bound is not None}
        practitioner = id_asked(request, "practitioner") or id_asked(request, "actor")
        if practitioner is not None:
            condition["practitioner"] = practitioner
        status = one_text(request, "status")
        if status is not None:
            if not set(status.split(",")) <= STATUSES:
                raise bad_parameter("status", f"must be {', '.join(sorted(STATUSES))}")
            condition["status"] = {"$in": status.split(",")}
        page = page_asked(request, page_size=page_size, page_size_limit=page_size_limit)
        total, found = await reading.bookings.search(condition, offset=page.offset, count=page.count)
        await reading.disclosing.shown(found, caller=caller, asked=patient or caller.health_id, at=at)
        return searchset(request, (appointment_resource(one, now=at) for one in found), total=total, page=page)

    @routes.get("/fhir/Appointment/{id}")
    async def read(id: str, caller: Reader) -> Response:
        """One appointment."""
        at = now()
        found = await reading.one(id, caller, at=at)
        headers = {"ETag": f'W/"{found.version}"'}
        return Response(orjson.dumps(appointment_resource(found, now=at)), headers=headers, media_type=FHIR_JSON)

    @routes.get("/queues/{facility}/{department}")
    async def queue(
        facility: str, department: str, caller: Staff, day: Annotated[date | None, Query(alias="date")] = None
    ) -> dict[str, Any]:
        """Who has arrived and waits, by number: `{"waiting", "entries": [{number, appointment, patient, …}]}`."""
        at = now()
        await reading.permission.require_standing(actor_of(caller), now=at)
        if caller.facility != facility:
            raise forbidden("You see the queues of your own facility only.")
        on = day or day_of(at)
        begins = datetime(on.year, on.month, on.day, tzinfo=DHAKA)
        condition = {
            "facility": facility,
            "department": department,
            "start": {"$gte": begins, "$lt": begins + timedelta(days=1)},
            "status": "arrived",
        }
        total, found = await reading.bookings.search(condition, offset=0, count=QUEUE_LIMIT)
        await reading.disclosing.shown(found, caller=caller, asked=None, at=at)
        entries = [_entry(one) for one in sorted(found, key=lambda one: one.number or 0)]
        return {
            "facility": facility,
            "department": department,
            "date": on.isoformat(),
            "waiting": total,
            "entries": entries,
        }

    return routes


def _entry(one: Appointment) -> dict[str, Any]:
    return {
        "number": one.number,
        "appointment": one.id,
        "patient": one.patient,
        "practitioner": one.practitioner,
        "start": rfc3339(one.start),
        "checked_in_at": rfc3339(one.checked_in_at) if one.checked_in_at else None,
    }
