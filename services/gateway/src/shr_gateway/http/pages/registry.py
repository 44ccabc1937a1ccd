"""``/registry``: find a person, see who she is, and her Health card. Numbers are posted, never in an address."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qs, urlsplit

from fastapi import APIRouter, Request, Response
from shr_common.errors import not_found, unavailable
from shr_common.identifiers import is_health_id, is_person_id
from shr_common.security import Caller
from starlette.responses import RedirectResponse

from shr_gateway.http.pages.page import fields_of, pages_route
from shr_gateway.http.pages.registry_desk import Deciding, Registrar, RegistryDesk, parameters, person_id, plain
from shr_gateway.pages import citizens, formatting, words
from shr_gateway.pages.cases import born_on
from shr_gateway.pages.render import language_of

NUMBER_LENGTHS = (10, 13, 17)
NAME_CHARACTERS_LIMIT = 100
PAGE = "20"
CARD_FORMS = ("pdf", "png")
CARD_CHANGES = ("issued", "lost", "replaced", "revoked")
EMPTY = {"number": "", "name": "", "birth_date": "", "after": ""}


def router(desk: RegistryDesk) -> APIRouter:
    """Routes of single persons."""
    routes = APIRouter(
        prefix="/registry", tags=["pages"], route_class=pages_route(desk.pages), default_response_class=Response
    )

    @routes.get("")
    async def search(request: Request, caller: Deciding) -> Response:
        """The form to find somebody."""
        return _found(desk, request, caller, EMPTY)

    @routes.post("")
    async def found(request: Request, caller: Deciding) -> Response:
        """By number: to the one person who has it. By name and birth date: a page of people."""
        typed = EMPTY | {n: text.strip()[:NAME_CHARACTERS_LIMIT] for n, text in await fields_of(request) if n in EMPTY}
        wanted, error = _wanted(typed, language_of(request))
        if error:
            return _found(desk, request, caller, typed, status=422, problem=error)
        reply = await desk.send(request, caller, "POST", "/fhir/Patient/_search", json=parameters(*wanted))
        if reply.problem is not None:
            return _found(desk, request, caller, typed, status=422, problem=reply.problem)
        people = [entry["resource"] for entry in reply.json.get("entry", ())]
        if typed["number"] and len(people) == 1:
            return RedirectResponse(f"/registry/person/{people[0]['id']}", status_code=303)
        lang = language_of(request)
        shown = [citizens.person(one, lang, today=desk.today) for one in people]
        return _found(
            desk, request, caller, typed, people=shown, total=reply.json.get("total", 0), after=_after(reply.json)
        )

    @routes.get("/person/{id}")
    async def person(request: Request, id: str, caller: Deciding) -> Response:
        """Who she is, her history, her card. Whoever was merged: the one who answers for her, unless ``?itself=1``."""
        return await _person(desk, request, caller, person_id(id))

    @routes.post("/person/{id}/card")
    async def card_status(request: Request, id: str, caller: Registrar) -> Response:
        """Note what became of a card."""
        said = dict(await fields_of(request))
        body = {"status": said.get("status", ""), "reason": said.get("reason", "").strip() or None}
        path = f"/cards/{person_id(id)}/status"
        reply = await desk.send(request, caller, "POST", path, json={k: v for k, v in body.items() if v})
        if reply.problem is not None:
            return await _person(desk, request, caller, id, status=reply.status, problem=reply.problem)
        return RedirectResponse(f"/registry/person/{id}?done=card#card", status_code=303)

    for form in CARD_FORMS:
        routes.get(f"/person/{{id}}/card.{form}")(_card_as(desk, form))
    return routes


def _card_as(desk: RegistryDesk, form: str) -> Any:
    async def card(request: Request, id: str, caller: Registrar) -> Response:
        """The card to print."""
        answer = await desk.file(caller, f"/cards/{person_id(id)}.{form}")
        if answer.status == 429:
            raise unavailable("Too many cards are drawn at the moment.")
        if answer.status != 200:
            raise not_found("There is no card to print.")
        headers = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff",
                   "Content-Disposition": f'inline; filename="health-card-{id}.{form}"'}  # fmt: skip
        return Response(answer.body, media_type=answer.media_type, headers=headers)

    card.__name__ = f"card_as_{form}"
    return card


def _found(
    desk: RegistryDesk, request: Request, caller: Caller, typed: dict[str, str], *, status: int = 200,
    problem: str | None = None, people: list[dict[str, Any]] | None = None, total: int = 0, after: str = "",
) -> Response:  # fmt: skip
    return desk.show(
        request, caller, "registry_find.html", here="find", status=status, typed=typed, error=problem, people=people,
        total=total, after=after,
    )  # fmt: skip


def _wanted(typed: dict[str, str], lang: str) -> tuple[list[tuple[str, str]], str | None]:
    """(what to ask healthid, what is wrong with the form in plain words)."""
    bangla = lang == "bn"
    fields: list[tuple[str, str]] = [("_count", PAGE)]
    number, born = plain(typed["number"]), plain_date(typed["birth_date"])
    if number:
        if not (number.startswith("P-") or is_health_id(number) or _is_number(number)):
            count = formatting.number(sum(c.isdigit() for c in number), lang)
            return [], (
                f"হেলথ আইডি ১১ অঙ্কের, এনআইডি ১০, ১৩ বা ১৭, জন্ম নিবন্ধন ১৭ অঙ্কের। আপনি {count}টি লিখেছেন, বা একটি অঙ্ক ভুল।"
                if bangla
                else f"A Health ID has 11 digits, an NID 10, 13 or 17, a birth registration 17. You wrote {count}, "
                "or one digit is wrong."
            )
        fields.append(("_id" if number.startswith("P-") else "identifier", number))
    if born is None:
        return [], (
            "জন্ম তারিখ এভাবে লিখুন: ২০/০৫/১৯৮৫, বা শুধু সাল।"
            if bangla
            else "Write the birth date like 20/05/1985, or the year."
        )
    if not number and len(typed["name"]) < 2 and len(born) < 10:
        return [], (
            "একটি নম্বর, অথবা নাম, অথবা পুরো জন্ম তারিখ দিন।" if bangla else "Give a number, or a name, or a whole birth date."
        )
    fields += [(n, v) for n, v in (("name", typed["name"]), ("birthdate", born), ("_after", typed["after"])) if v]
    return fields, None


def plain_date(typed: str) -> str | None:
    """A typed date in ISO, nothing for nothing; None when it is no date."""
    return born_on(plain(typed.replace("-", "/"))) if typed else ""


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) in NUMBER_LENGTHS


def _after(bundle: dict[str, Any]) -> str:
    """Where the next page begins, out of the link that healthid gives."""
    link = next((one["url"] for one in bundle.get("link", ()) if one.get("relation") == "next"), "")
    return parse_qs(urlsplit(link).query).get("_after", [""])[0]


async def _person(
    desk: RegistryDesk, request: Request, caller: Caller, id_: str, *, status: int = 200, problem: str | None = None
) -> Response:
    lang = language_of(request)
    reading = desk.read(request, caller, f"/fhir/Patient/{id_}/_history")
    if caller.role == "registrar" and is_health_id(id_):
        history, cards = await asyncio.gather(reading, desk.read(request, caller, f"/cards/{id_}"))
    else:
        history, cards = await reading, None
    patient = history["entry"][0]["resource"]
    shown = citizens.person(patient, lang, today=desk.today)
    if shown["id"] != id_:
        return RedirectResponse(f"/registry/person/{shown['id']}", status_code=303)
    if shown["survivor"] and not request.query_params.get("itself") and problem is None:
        return RedirectResponse(f"/registry/person/{shown['survivor']}?from={id_}", status_code=303)
    came = request.query_params.get("from", "")
    return desk.show(
        request,
        caller,
        "registry_person.html",
        here="find",
        status=status,
        problem=problem,
        person=shown,
        versions=citizens.versions(history["entry"], lang),
        cards=_cards(cards, lang) if cards else None,
        changes=[(code, words.said(words.CARDS, code, lang)) for code in CARD_CHANGES],
        came_from=came if is_person_id(came) else "",
    )


def _cards(said: dict[str, Any], lang: str) -> dict[str, Any]:
    def step(one: dict[str, Any]) -> dict[str, Any]:
        return {**one, "word": words.said(words.CARDS, one["status"], lang)}

    return {
        "current": said["card"],
        "status": said["status"],
        "word": words.said(words.CARDS, said["status"], lang),
        "stands": said["status"] in ("registered", "issued", None),
        "all": [
            {"number": card["card"], "word": words.said(words.CARDS, card["status"], lang),
             "history": [step(one) for one in card["history"]]}
            for card in said["cards"]
        ],
    }  # fmt: skip
