"""``$book``, ``$hold``, ``$cancel``, ``$reschedule``, ``$check-in``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated

import orjson
from fastapi import APIRouter, Request, Response
from shr_common.fhir.json import JsonLimits
from shr_common.outcomes import FHIR_JSON
from shr_common.security import Caller, allow

from shr_appointments.domain.deciding import Change
from shr_appointments.domain.resources import appointment_resource
from shr_appointments.http.asking import actor_of, body_of, reason_asked, request_of, slot_asked, wish_of
from shr_appointments.use_cases.book_slot import BookSlot
from shr_appointments.use_cases.change_appointment import ChangeAppointment

Booker = Annotated[Caller, allow("citizen", "practitioner", "facility")]
EXTRA = {"requestBody": {"content": {FHIR_JSON: {"schema": {"type": "object"}}}}}


def router(
    book: BookSlot,
    change: ChangeAppointment,
    *,
    limits: JsonLimits,
    hold_minutes: int,
    now: Callable[[], datetime],
) -> APIRouter:
    """A citizen for herself and her wards; practitioners and facilities at their own facility."""
    routes = APIRouter(prefix="/fhir/Appointment", tags=["appointments"])

    def answer(made: Change, *, status: int = 200) -> Response:
        one = made.appointment
        headers = {"ETag": f'W/"{one.version}"', "Location": f"/fhir/Appointment/{one.id}"}
        body = orjson.dumps(appointment_resource(one, now=now()))
        return Response(body, status, headers=headers, media_type=FHIR_JSON)

    @routes.post("/$book", status_code=201, openapi_extra=EXTRA)
    async def book_slot(request: Request, caller: Booker) -> Response:
        """Parameters `slot`, `patient`, `comment`; or `appointment` (a hold); or an Appointment. 409 when taken."""
        body = await body_of(request, limits)
        wish, key = wish_of(body, caller), request_of(request, caller, body)
        made = await book(wish, actor=actor_of(caller), hold=None, request=key, now=now())
        return answer(made, status=201)

    @routes.post("/$hold", status_code=201, openapi_extra=EXTRA)
    async def hold_slot(request: Request, caller: Booker) -> Response:
        """The same; the slot waits for some minutes for `$book` with `appointment`."""
        body = await body_of(request, limits)
        wish, key = wish_of(body, caller), request_of(request, caller, body)
        hold = timedelta(minutes=hold_minutes)
        made = await book(wish, actor=actor_of(caller), hold=hold, request=key, now=now())
        return answer(made, status=201)

    @routes.post("/{id}/$cancel", openapi_extra=EXTRA)
    async def cancel(id: str, request: Request, caller: Booker) -> Response:
        """The slot is free again; `reason` may be said."""
        body = await body_of(request, limits)
        key = request_of(request, caller, body)
        reason = reason_asked(body)
        return answer(await change.cancel(id, reason=reason, actor=actor_of(caller), request=key, now=now()))

    @routes.post("/{id}/$reschedule", openapi_extra=EXTRA)
    async def reschedule(id: str, request: Request, caller: Booker) -> Response:
        """To another `slot`: both change or neither does."""
        body = await body_of(request, limits)
        key = request_of(request, caller, body)
        slot = slot_asked(body)
        return answer(await change.reschedule(id, slot_id=slot, actor=actor_of(caller), request=key, now=now()))

    @routes.post("/{id}/$check-in", openapi_extra=EXTRA)
    async def check_in(id: str, request: Request, caller: Booker) -> Response:
        """On the day itself: the answer's identifier is the number in the queue."""
        body = await body_of(request, limits)
        key = request_of(request, caller, body)
        return answer(await change.check_in(id, actor=actor_of(caller), request=key, now=now()))

    return routes
