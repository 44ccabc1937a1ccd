"""Schedules and their slots: reads for any valid token, rules for administrators and the facility itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Request, Response
from shr_common.errors import forbidden, not_found
from shr_common.fhir.json import JsonLimits
from shr_common.outcomes import FHIR_JSON
from shr_common.security import Anyone, Caller, allow

from shr_appointments.domain.resources import schedule_resource, slot_resource
from shr_appointments.domain.schedules import WEEKDAYS, Schedule, hours, schedule_of
from shr_appointments.http.asking import body_of, unacceptable
from shr_appointments.http.ranges import bad_parameter, id_asked, one_text, only, page_asked, range_asked, searchset
from shr_appointments.storage.schedule_store import ScheduleStore
from shr_appointments.use_cases.offer_slots import OfferSlots

STATUSES = ("free", "busy", "busy-tentative")
ID = re.compile(r"[A-Za-z0-9\-]{1,45}", re.ASCII)
CODE = re.compile(r"[A-Za-z0-9\-.]{1,40}", re.ASCII)
Clock = Callable[[], datetime]


def router(
    store: ScheduleStore, offer: OfferSlots, *, limits: JsonLimits, now: Clock, page_size: int, page_size_limit: int
) -> APIRouter:
    """The routes of schedules and slots."""
    routes = APIRouter(tags=["schedules"])

    def shown(schedule: Schedule) -> dict[str, Any]:
        at = now()
        return schedule_resource(schedule, now=at, horizon=at + timedelta(days=schedule.horizon_days))

    @routes.get("/fhir/Schedule")
    async def search_schedules(request: Request, caller: Anyone) -> Response:
        """By actor (Practitioner/…, Location/…, HealthcareService/…), facility, department, active, _id."""
        only(request, "actor", "facility", "department", "active", "_id", "date")
        condition = _schedule_condition(request)
        page = page_asked(request, page_size=page_size, page_size_limit=page_size_limit)
        total, found = await store.search(condition, offset=page.offset, count=page.count)
        return searchset(request, map(shown, found), total=total, page=page)

    @routes.get("/fhir/Schedule/{id}")
    async def read_schedule(id: str, caller: Anyone) -> Response:
        """One schedule."""
        found = await store.read(id)
        if found is None:
            raise not_found("There is no such Schedule.")
        return Response(orjson.dumps(shown(found)), media_type=FHIR_JSON)

    @routes.put("/schedules/{id}")
    async def keep_schedule(
        id: str, request: Request, caller: Annotated[Caller, allow("administrator", "facility")]
    ) -> Response:
        """`{"facility", "department", "practitioner", "weekdays": ["sun"], "times": ["09:00-13:00"], …}`."""
        schedule = _schedule(id, await body_of(request, limits))
        before = await store.read(id)
        if caller.role == "facility":
            for facility in (schedule.facility, before.facility if before else schedule.facility):
                if facility != caller.facility:
                    raise forbidden("A facility keeps its own schedules only.")
        stored = await store.save(schedule)
        return Response(orjson.dumps(shown(stored)), 200 if before else 201, media_type=FHIR_JSON)

    @routes.get("/fhir/Slot")
    async def search_slots(request: Request, caller: Anyone) -> Response:
        """`schedule` (needed), `start` (ge, lt, … or a day), `status`."""
        only(request, "schedule", "start", "status")
        wanted = _statuses(request)
        named = id_asked(request, "schedule")
        if named is None:
            raise bad_parameter("schedule", "is needed")
        schedule = await store.read(named)
        page = page_asked(request, page_size=page_size, page_size_limit=page_size_limit)
        if schedule is None:
            return searchset(request, [], total=0, page=page)
        at = now()
        start, end = range_asked(request, "start")
        until = end or at + timedelta(days=schedule.horizon_days)
        offered = await offer(schedule, start=start or at, end=until, now=at)
        fitting = [(slot, status) for slot, status in offered if status in wanted]
        resources = (
            slot_resource(slot, schedule.department, status)
            for slot, status in fitting[page.offset : page.offset + page.count]
        )
        return searchset(request, resources, total=len(fitting), page=page)

    @routes.get("/fhir/Slot/{id}")
    async def read_slot(id: str, caller: Anyone) -> Response:
        """One slot that can still be booked or is taken."""
        named = schedule_of(id)
        schedule = await store.read(named[0]) if named else None
        if named is not None and schedule is not None:
            end = named[1] + timedelta(minutes=1)
            for slot, status in await offer(schedule, start=named[1], end=end, now=now()):
                if slot.id == id:
                    return Response(
                        orjson.dumps(slot_resource(slot, schedule.department, status)), media_type=FHIR_JSON
                    )
        raise not_found("There is no such Slot (any more).")

    return routes


def _schedule_condition(request: Request) -> dict[str, Any]:
    condition: dict[str, Any] = {}
    for name, field in (("facility", "facility"), ("department", "department"), ("_id", "_id")):
        said = id_asked(request, name)
        if said is not None:
            condition[field] = said
    actor = one_text(request, "actor")
    if actor is not None:
        kind, _, named = actor.rpartition("/")
        kind = kind.rsplit("/", 1)[-1]
        if kind == "HealthcareService":
            condition["facility"], _, condition["department"] = named.partition("-")
        else:
            condition["facility" if kind in ("Location", "Organization") else "practitioner"] = named
    active = one_text(request, "active")
    if active not in (None, "true", "false"):
        raise bad_parameter("active", "must be true or false")
    if active is not None:
        condition["active"] = active == "true"
    return condition


def _statuses(request: Request) -> Sequence[str]:
    said = one_text(request, "status")
    wanted = said.split(",") if said else list(STATUSES)
    if any(one not in STATUSES for one in wanted):
        raise bad_parameter("status", f"must be {', '.join(STATUSES)}")
    return wanted


def _schedule(id: str, body: dict[str, Any]) -> Schedule:
    """A schedule by its JSON. Raises invalid, located."""
    if not ID.fullmatch(id):
        raise unacceptable("An id has letters, digits and '-', 45 at most.", "id")
    known = {
        "facility", "department", "practitioner", "name", "name_bn", "weekdays", "times", "slot_minutes",
        "horizon_days", "active",
    }  # fmt: skip
    for name in body:
        if name not in known:
            raise unacceptable(f"{name[:60]} is not known here.", name, code="structure")
    return Schedule(
        id=id,
        facility=_code(body, "facility", needed=True) or "",
        department=_code(body, "department", needed=True) or "",
        practitioner=_code(body, "practitioner", needed=False),
        weekdays=_weekdays(body.get("weekdays")),
        times=_times(body.get("times")),
        slot_minutes=_whole(body, "slot_minutes", default=15, least=5, most=240),
        horizon_days=_whole(body, "horizon_days", default=28, least=1, most=366),
        active=_flag(body, "active"),
        name=_text(body, "name"),
        name_bn=_text(body, "name_bn"),
    )


def _code(body: dict[str, Any], name: str, *, needed: bool) -> str | None:
    said = body.get(name)
    if said is None and not needed:
        return None
    if not isinstance(said, str) or not CODE.fullmatch(said):
        raise unacceptable(f"{name} must be a code of letters, digits, '-' and '.'.", name)
    return said


def _text(body: dict[str, Any], name: str) -> str:
    said = body.get(name, "")
    if not isinstance(said, str) or len(said) > 200:
        raise unacceptable(f"{name} must be text of 200 characters at most.", name)
    return said


def _weekdays(said: Any) -> tuple[str, ...]:
    if not isinstance(said, list) or not said or any(one not in WEEKDAYS for one in said):
        raise unacceptable(f"weekdays must be a list of {', '.join(WEEKDAYS)}.", "weekdays")
    return tuple(day for day in WEEKDAYS if day in said)


def _times(said: Any) -> tuple[Any, ...]:
    if not isinstance(said, list) or not 0 < len(said) <= 10:
        raise unacceptable('times must be a list such as ["09:00-13:00"], 10 at most.', "times")
    found = []
    for number, one in enumerate(said):
        try:
            read = hours(one)
        except (ValueError, TypeError, AttributeError):
            raise unacceptable("A time is needed, such as 09:00-13:00.", f"times[{number}]") from None
        found.append((read["start"], read["end"]))
    found.sort()
    if any(later[0] < earlier[1] for earlier, later in pairwise(found)):
        raise unacceptable("times overlap.", "times")
    return tuple(found)


def _whole(body: dict[str, Any], name: str, *, default: int, least: int, most: int) -> int:
    said = body.get(name, default)
    if isinstance(said, bool) or not isinstance(said, int) or not least <= said <= most:
        raise unacceptable(f"{name} must be a whole number from {least} to {most}.", name)
    return said


def _flag(body: dict[str, Any], name: str) -> bool:
    said = body.get(name, True)
    if not isinstance(said, bool):
        raise unacceptable(f"{name} must be true or false.", name)
    return said
