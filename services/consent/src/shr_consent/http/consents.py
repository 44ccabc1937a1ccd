"""Requests, consents, restrictions and emergencies over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from shr_common.errors import not_found
from shr_common.security import Caller, allow

from shr_consent.http import shapes
from shr_consent.http.caller import party_of
from shr_consent.http.listing import Listing, with_kind, with_status
from shr_consent.http.request import body_of, new_id
from shr_consent.use_cases.answer_request import AnswerRequest
from shr_consent.use_cases.ask_for_consent import AskForConsent
from shr_consent.use_cases.break_glass import BreakGlass
from shr_consent.use_cases.confirm_request import ConfirmRequest
from shr_consent.use_cases.set_pin import SetPin
from shr_consent.use_cases.state_consent import StateConsent

Requester = Annotated[Caller, allow("practitioner", "facility")]
Citizen = Annotated[Caller, allow("citizen")]
Practitioner = Annotated[Caller, allow("practitioner")]
Party = Annotated[Caller, allow("citizen", "practitioner", "facility")]
Now = Callable[[], datetime]


@dataclass(frozen=True)
class Saying:
    """The use cases behind these routes."""

    ask: AskForConsent
    answer: AnswerRequest
    confirm: ConfirmRequest
    set_pin: SetPin
    state: StateConsent
    break_glass: BreakGlass


def request_router(say: Saying, listing: Listing, now: Now) -> APIRouter:
    """``/consent-requests``."""
    routes = APIRouter(tags=["consent requests"])

    @routes.post("/consent-requests", status_code=201)
    async def ask(request: Request, response: Response, caller: Requester) -> dict[str, Any]:
        """Ask a citizen for consent."""
        asked = await say.ask(await body_of(request), id=new_id(), by=party_of(caller), now=now())
        response.headers["Location"] = f"/consent-requests/{asked.id}"
        return shapes.statement(asked)

    @routes.get("/consent-requests")
    async def requests(
        request: Request,
        caller: Party,
        patient: str | None = None,
        status: str | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> dict[str, Any]:
        """Requests, newest first: a citizen's own, or those that the caller made."""
        at = now()
        query = {"kind": "consent", "asked": {"$ne": None}, **with_status(status, at)}
        page, more = await listing.page(request, caller, patient=patient, query=query, after=after, limit=limit, now=at)
        return {"entries": [shapes.statement(one) for one in page], "next": more}

    @routes.get("/consent-requests/{id}")
    async def one_request(id: str, caller: Party) -> dict[str, Any]:
        """One request as it stands, or as it was answered."""
        found = await listing.one(caller, id, now())
        if found is None or found.asked is None:
            raise not_found("There is no such request.")
        return shapes.statement(found)

    @routes.post("/consent-requests/{id}/confirm")
    async def confirm(request: Request, id: str, caller: Requester) -> dict[str, Any]:
        """Grant with the one-time code or PIN that the citizen told: for the requester's facility, 24 h at most."""
        return shapes.statement(await say.confirm(id, await body_of(request), by=party_of(caller), now=now()))

    @routes.post("/consent-requests/{id}/grant")
    async def grant(request: Request, id: str, caller: Citizen) -> dict[str, Any]:
        """Grant as asked (empty body) or narrowed."""
        body = await body_of(request, optional=True)
        return shapes.statement(await say.answer.grant(id, body, by=party_of(caller), now=now()))

    @routes.post("/consent-requests/{id}/deny")
    async def deny(request: Request, id: str, caller: Citizen) -> dict[str, Any]:
        """Say no."""
        body = await body_of(request, optional=True)
        return shapes.statement(await say.answer.deny(id, body, by=party_of(caller), now=now()))

    return routes


def consent_router(say: Saying, listing: Listing, now: Now) -> APIRouter:
    """``/consents``, ``/restrictions``, ``/break-glass``."""
    routes = APIRouter(tags=["consents"])

    @routes.post("/consents", status_code=201)
    async def state(request: Request, response: Response, caller: Citizen) -> dict[str, Any]:
        """Grant without a request, or refuse for good (``decision`` deny)."""
        stated = await say.state.state(await body_of(request), id=new_id(), by=party_of(caller), now=now())
        response.headers["Location"] = f"/consents/{stated.id}"
        return shapes.statement(stated)

    @routes.get("/consents")
    async def consents(
        request: Request,
        caller: Party,
        patient: str | None = None,
        status: str | None = None,
        kind: str | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> dict[str, Any]:
        """What was granted (now or once), newest first; ``kind`` restriction or break-glass shows those."""
        at = now()
        query = {"granted_at": {"$ne": None}, **with_kind(kind), **with_status(status, at)}
        page, more = await listing.page(request, caller, patient=patient, query=query, after=after, limit=limit, now=at)
        return {"entries": [shapes.SHAPES[one.kind](one) for one in page], "next": more}

    @routes.get("/consents/{id}")
    async def one_consent(id: str, caller: Party) -> dict[str, Any]:
        """One consent, restriction or emergency."""
        found = await listing.one(caller, id, now())
        if found is None or found.granted_at is None:
            raise not_found("There is no such consent.")
        return shapes.SHAPES[found.kind](found)

    @routes.put("/pin", status_code=204)
    async def set_pin(request: Request, caller: Citizen) -> None:
        """The PIN that confirms at the bedside, beside the codes."""
        await say.set_pin(await body_of(request), by=party_of(caller), now=now())

    @routes.post("/consents/{id}/revoke")
    async def revoke(request: Request, id: str, caller: Citizen) -> dict[str, Any]:
        """Withdraw, whole or for the ``record_types`` named."""
        body = await body_of(request, optional=True)
        return shapes.statement(await say.state.revoke(id, body, by=party_of(caller), now=now()))

    @routes.post("/restrictions", status_code=201)
    async def restrict(request: Request, caller: Citizen) -> dict[str, Any]:
        """Close one resource, or an encounter with all that belongs to it."""
        closed = await say.state.restrict(await body_of(request), id=new_id(), by=party_of(caller), now=now())
        return shapes.restriction(closed)

    @routes.delete("/restrictions/{id}", status_code=204)
    async def lift(id: str, caller: Citizen) -> None:
        """Open it again."""
        await say.state.lift(id, by=party_of(caller), now=now())

    @routes.post("/break-glass", status_code=201)
    async def declare(request: Request, caller: Practitioner) -> dict[str, Any]:
        """Declare an emergency: for hours, one person, shown to her and reviewed."""
        opened = await say.break_glass(await body_of(request), id=new_id(), by=party_of(caller), now=now())
        return shapes.emergency(opened)

    return routes
