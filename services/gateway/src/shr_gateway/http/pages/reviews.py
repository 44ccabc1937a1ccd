"""``/registry/reviews``: the queue, one case with both people side by side, and its decision."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from shr_common.security import Caller
from starlette.responses import RedirectResponse

from shr_gateway.http.pages.page import fields_of, pages_route
from shr_gateway.http.pages.registry_desk import REASON_CHARACTERS_LIMIT, Deciding, RegistryDesk, chosen, own_id
from shr_gateway.pages import cases, words
from shr_gateway.pages.render import language_of

STATUSES = ("open", "decided", "all")
ASSIGNED = ("", "me", "nobody")
KINDS = ("", *words.CASES)
VERDICTS = ("same", "different")
CURSOR_CHARACTERS_LIMIT = 300


def router(desk: RegistryDesk) -> APIRouter:
    """Routes of the review queue."""
    routes = APIRouter(
        prefix="/registry/reviews", tags=["pages"], route_class=pages_route(desk.pages),
        default_response_class=Response,
    )  # fmt: skip

    @routes.get("")
    async def queue(request: Request, caller: Deciding) -> Response:
        """What waits, the most certain first."""
        lang = language_of(request)
        filters = {
            "status": chosen(request, "status", STATUSES),
            "assigned": chosen(request, "assigned", ASSIGNED),
            "kind": chosen(request, "kind", KINDS),
        }
        filters = {name: value for name, value in filters.items() if value}
        params = filters | {"next": request.query_params.get("next", "")[:CURSOR_CHARACTERS_LIMIT]}
        found = await desk.read(request, caller, "/duplicates", params={n: v for n, v in params.items() if v})
        further = urlencode({**filters, "next": found["next"]}) if found["next"] else ""
        return desk.show(
            request, caller, "registry_reviews.html", here="reviews", filters={"assigned": "", "kind": ""} | filters,
            kinds=[(code, words.said(words.CASES, code, lang)) for code in words.CASES], further=further,
            cases=[cases.listed(one, lang, me=caller.id) for one in found["entries"]],
        )  # fmt: skip

    @routes.get("/{id}")
    async def one(request: Request, id: str, caller: Deciding) -> Response:
        """Both people side by side."""
        return await _case(desk, request, caller, own_id(id))

    @routes.post("/{id}/assign")
    async def take(request: Request, id: str, caller: Deciding) -> Response:
        """Take a case."""
        said = dict(await fields_of(request))
        body = {"take_over": True} if said.get("take_over") else {}
        reply = await desk.send(request, caller, "POST", f"/duplicates/{own_id(id)}/assign", json=body)
        if reply.problem is not None:
            return await _case(desk, request, caller, id, status=reply.status, problem=reply.problem)
        return RedirectResponse(f"/registry/reviews/{id}?done=taken", status_code=303)

    @routes.post("/{id}")
    async def decide(request: Request, id: str, caller: Deciding) -> Response:
        """First asks whether this is meant, then decides."""
        fields = dict(await fields_of(request))
        said = {n: fields.get(n, "").strip()[:REASON_CHARACTERS_LIMIT] for n in ("decision", "survivor", "reason")}
        fault = _fault(said, language_of(request))
        if fault:
            return await _case(desk, request, caller, own_id(id), said=said, status=422, problem=fault)
        if not fields.get("confirmed"):
            return await _case(desk, request, caller, own_id(id), said=said, template="registry_review_confirm.html")
        body = {name: value for name, value in said.items() if value}
        if said["decision"] != "same":
            body.pop("survivor", None)
        reply = await desk.send(request, caller, "POST", f"/duplicates/{own_id(id)}/decision", json=body)
        if reply.problem is not None:
            return await _case(desk, request, caller, id, said=said, status=reply.status, problem=reply.problem)
        return RedirectResponse(f"/registry/reviews/{id}?done=decided", status_code=303)

    return routes


def _fault(said: dict[str, str], lang: str) -> str | None:
    bangla = lang == "bn"
    if said["decision"] not in VERDICTS:
        return "একই ব্যক্তি, নাকি দুজন: একটি বেছে নিন।" if bangla else "Choose: one person, or two."
    if not said["reason"]:
        return "সিদ্ধান্তের কারণ লিখুন।" if bangla else "Write the reason for your decision."
    return None


async def _case(
    desk: RegistryDesk, request: Request, caller: Caller, id_: str, *, said: dict[str, str] | None = None,
    status: int = 200, problem: str | None = None, template: str = "registry_review.html",
) -> Response:  # fmt: skip
    lang = language_of(request)
    case: dict[str, Any] = await desk.read(request, caller, f"/duplicates/{id_}")
    columns = cases.sides(case, lang)
    people = [side for side in columns if side.id]
    said = said or {"decision": "", "survivor": people[0].id or "" if people else "", "reason": ""}
    return desk.show(
        request, caller, template, here="reviews", status=status, problem=problem, said=said,
        case=cases.listed(case, lang, me=caller.id), columns=columns, people=people,
        rows=cases.compared(columns, differing=case["differences"]),
        explanation=cases.explanation(case.get("about") or {}, lang),
    )  # fmt: skip
