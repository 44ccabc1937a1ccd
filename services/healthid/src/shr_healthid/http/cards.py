"""``/cards``: draw, print, note what became of them, verify; and what is published about them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from shr_common.errors import Category, Issue, ShrError, invalid, not_found, too_large
from shr_common.fhir.json import JsonLimits
from shr_common.identifiers import is_health_id
from shr_common.security import Caller, DirectRoute, allow
from shr_contracts.cloudevents import rfc3339

from shr_healthid.domain.cards import REGISTERED, Card, Cards, Step, wanted_reason, wanted_status
from shr_healthid.domain.person import Person
from shr_healthid.domain.status_list import PART_CARDS, TYPE
from shr_healthid.http.bodies import json_body
from shr_healthid.http.desk import Desk
from shr_healthid.use_cases.change_card import CardBook, ChangeCard
from shr_healthid.use_cases.print_cards import Form, PrintCards
from shr_healthid.use_cases.publish_card_statuses import PublishCardStatuses
from shr_healthid.use_cases.verify_card import VerifyCard

Desks = Annotated[Caller, allow("registrar", "facility")]
Holders = Annotated[Caller, allow("registrar", "facility", "citizen")]
MEDIA: dict[Form, str] = {"pdf": "application/pdf", "png": "image/png", "svg": "image/svg+xml"}
STATUS_LIST = "/.well-known/card-status"
TOGETHER = 10
"""People of a sheet that are looked up at a time."""
SCANNED = JsonLimits(bytes=256 * 1024, depth=8)
"""Anyone may ask for a verdict: nobody's megabytes are read for it."""


@dataclass(frozen=True, slots=True)
class CardDesk:
    """What the routes of cards need."""

    desk: Desk
    book: CardBook
    change: ChangeCard
    prints: PrintCards
    sheet_limit: int

    async def holder(self, health_id: str, caller: Caller, request: Request) -> Person:
        """Whose card an id asks for, audited: since a merge the survivor's."""
        person = await self.desk.person_for(health_id, caller, request)
        holder = await self.desk.persons.answering(person)
        if holder.id != person.id:
            await self.desk.looked(holder, caller, request)
        return holder

    def step(self, caller: Caller, status: str, reason: str | None = None) -> Step:
        """A step by this caller, now."""
        return Step(status, self.desk.now(), f"{caller.role} {caller.id}", reason)


def router(cards: CardDesk) -> APIRouter:
    """Routes for desks and for the citizen herself."""
    routes = APIRouter(tags=["cards"], route_class=DirectRoute)

    def drawn(form: Form) -> Callable[..., Any]:
        async def card(health_id: str, request: Request, caller: Holders) -> Response:
            """The current Health card; the first look makes it. 409: lost or revoked. 429: too many at once."""
            person = await cards.holder(health_id, caller, request)
            content = await cards.prints.one(person, form, cards.step(caller, REGISTERED))
            return _file(content, MEDIA[form], f"health-card-{person.id}.{form}")

        card.__name__ = f"card_as_{form}"
        return card

    for form in MEDIA:
        routes.get(f"/cards/{{health_id}}.{form}")(drawn(form))

    @routes.get("/cards/{health_id}")
    async def listed(health_id: str, request: Request, caller: Holders) -> Response:
        """All cards of a Health ID and what happened to each."""
        person = await cards.desk.person_for(health_id, caller, request)
        return _answer(await cards.book.of(person.id), shows_who=caller.role != "citizen")

    @routes.post("/cards/{health_id}/status")
    async def status(health_id: str, request: Request, caller: Desks) -> Response:
        """``{"status": "registered|issued|replaced|revoked|lost", "reason"?, "card"?}``: 200 her cards afterwards."""
        said = (await json_body(request, cards.desk.limits)).tree
        wanted, reason, number = wanted_status(said.get("status")), wanted_reason(said.get("reason")), said.get("card")
        if number is not None and (not isinstance(number, int) or isinstance(number, bool)):
            raise invalid("card is the number of a card.", expression="card", code="value", text_bn="card একটি নম্বর।")
        person = await cards.desk.person_for(health_id, caller, request)
        return _answer(await cards.change(person, cards.step(caller, wanted, reason), number=number), shows_who=True)

    @routes.post("/cards/sheet")
    async def sheet(request: Request, caller: Desks) -> Response:
        """``{"health_ids": […]}``: a PDF of A4 pages, ten cards on each."""
        wanted = _wanted((await json_body(request, cards.desk.limits)).tree, limit=cards.sheet_limit)
        people = await _holders(cards, wanted, caller, request)
        content = await cards.prints.sheet(people, cards.step(caller, REGISTERED))
        return _file(content, MEDIA["pdf"], "health-cards.pdf")

    return routes


def public_router(
    verify: VerifyCard,
    statuses: PublishCardStatuses,
    *,
    jwks: Callable[[], dict[str, Any]],
    now: Callable[[], datetime],
) -> APIRouter:
    """What anyone may ask: a verdict, the keys, the list of cards that no longer stand."""
    routes = APIRouter(tags=["cards"], route_class=DirectRoute)

    @routes.post("/cards/verify")
    async def verdict(request: Request) -> Response:
        """``{"text"}`` as scanned: 200 ``{"valid", "health_id", "name", "status", "reason", …}``, whatever it is."""
        text = (await json_body(request, SCANNED)).tree.get("text")
        if not isinstance(text, str):
            raise invalid("Send the scanned text.", expression="text", code="required", text_bn="স্ক্যান করা লেখা পাঠান।")
        return JSONResponse((await verify(text)).as_json(), headers={"Cache-Control": "no-store"})

    @routes.get("/.well-known/jwks.json")
    async def keys(request: Request) -> Response:
        """The public keys of Health cards, the current one first."""
        return JSONResponse(jwks(), headers={"Cache-Control": "public, max-age=300"})

    @routes.get(STATUS_LIST)
    async def status_list(request: Request) -> Response:
        """Where the parts of the status list are: card ``n`` stands in part ``n // part_cards``."""
        parts = await statuses.parts()
        addresses = [f"{STATUS_LIST}/{part}" for part in range(parts)]
        return JSONResponse({"part_cards": PART_CARDS, "parts": addresses, "ttl": statuses.ttl_s})

    @routes.get(STATUS_LIST + "/{part}")
    async def status_list_part(part: str, request: Request) -> Response:
        """A part as a signed Token Status List (two bits a card: 1 revoked, 2 lost, 3 replaced)."""
        if not (part.isascii() and part.isdigit() and len(part) < 10):
            raise not_found("There is no such part of the list.")
        signed = await statuses(int(part), now())
        headers = {"Cache-Control": f"public, max-age={statuses.ttl_s}"}
        return Response(signed, media_type=f"application/{TYPE}", headers=headers)

    return routes


async def _holders(cards: CardDesk, wanted: list[str], caller: Caller, request: Request) -> list[Person]:
    """Whose cards a sheet shows, each look audited. Raises invalid with the places of those who are not there."""
    people: list[Person] = []
    missing: list[Issue] = []
    for start in range(0, len(wanted), TOGETHER):
        some = wanted[start : start + TOGETHER]
        found = await asyncio.gather(*(cards.holder(one, caller, request) for one in some), return_exceptions=True)
        for place, one in enumerate(found, start):
            if isinstance(one, Person):
                people.append(one)
            elif isinstance(one, ShrError) and one.category is Category.NOT_FOUND:
                missing.append(Issue("There is no such person.", expression=f"health_ids[{place}]", code="not-found",
                                     text_bn="এমন কোনো ব্যক্তি নেই।"))  # fmt: skip
            else:
                raise one
    if missing:
        raise ShrError(Category.INVALID, missing)
    return people


def _wanted(said: dict[str, Any], *, limit: int) -> list[str]:
    """The Health IDs of a sheet, each once. Raises invalid, too_large."""
    listed = said.get("health_ids")
    if not isinstance(listed, list) or not listed:
        raise invalid("health_ids lists the Health IDs to print.", expression="health_ids", code="required",
                      text_bn="health_ids-এ হেলথ আইডির তালিকা দিন।")  # fmt: skip
    if len(listed) > limit:
        raise too_large(f"One request prints {limit} cards at most.", expression="health_ids")
    wrong = [
        Issue("This is not a Health ID.", expression=f"health_ids[{place}]", code="value",
              text_bn="এটি হেলথ আইডি নয়।")
        for place, one in enumerate(listed)
        if not isinstance(one, str) or not is_health_id(one)
    ]  # fmt: skip
    if wrong:
        raise ShrError(Category.INVALID, wrong)
    return list(dict.fromkeys(listed))


def _answer(cards: Cards, *, shows_who: bool) -> JSONResponse:
    current = cards.current
    return JSONResponse(
        {
            "health_id": cards.health_id,
            "card": current.number if current else None,
            "status": current.status if current else None,
            "cards": [_listed(card, shows_who=shows_who) for card in reversed(cards.cards)],
        }
    )


def _listed(card: Card, *, shows_who: bool) -> dict[str, Any]:
    steps: list[dict[str, str | None]] = []
    for step in card.steps:
        who = {"by": step.by, "reason": step.reason} if shows_who else {}
        steps.append({"status": step.status, "at": rfc3339(step.at), **who})
    return {"card": card.number, "status": card.status, "history": steps}


def _file(content: bytes, media_type: str, name: str) -> Response:
    """Never kept by a cache in between: it names a person."""
    headers = {
        "Content-Disposition": f'inline; filename="{name}"',
        "Cache-Control": "private, no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(content, media_type=media_type, headers=headers)
