"""``/registry/merges``: two Health IDs of one person, and undoing it. Each page asks before anything is changed."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from shr_common.identifiers import is_person_id
from shr_common.security import Caller
from starlette.responses import RedirectResponse

from shr_gateway.http.pages.page import fields_of, pages_route
from shr_gateway.http.pages.registry_desk import REASON_CHARACTERS_LIMIT, Registrar, RegistryDesk, plain
from shr_gateway.pages import cases
from shr_gateway.pages.render import language_of

SIDES = ("survivor", "retired")


def router(desk: RegistryDesk) -> APIRouter:
    """Routes to merge and to undo it."""
    routes = APIRouter(
        prefix="/registry/merges", tags=["pages"], route_class=pages_route(desk.pages), default_response_class=Response
    )

    @routes.get("")
    async def compare(request: Request, caller: Registrar) -> Response:
        """The form for two Health IDs; with both, the two side by side and the question."""
        return await _page(desk, request, caller, "merge", dict(request.query_params))

    @routes.post("")
    async def merge(request: Request, caller: Registrar) -> Response:
        """The survivor answers for the retired one from now on."""
        return await _done(desk, request, caller, "merge", dict(await fields_of(request)))

    @routes.get("/undo")
    async def ask_undo(request: Request, caller: Registrar) -> Response:
        """The question before a merge is undone."""
        return await _page(desk, request, caller, "unmerge", dict(request.query_params))

    @routes.post("/undo")
    async def undo(request: Request, caller: Registrar) -> Response:
        """Each answers for herself again."""
        return await _done(desk, request, caller, "unmerge", dict(await fields_of(request)))

    return routes


async def _done(desk: RegistryDesk, request: Request, caller: Caller, operation: str, said: dict[str, str]) -> Response:
    ids = {side: plain(said.get(side, "")) for side in SIDES}
    reason = said.get("reason", "").strip()[:REASON_CHARACTERS_LIMIT]
    if not reason or not all(is_person_id(one) for one in ids.values()):
        bangla = language_of(request) == "bn"
        fault = None if reason else "কারণ লিখুন।" if bangla else "Write the reason."
        return await _page(desk, request, caller, operation, said, status=422, problem=fault)
    body = {
        "resourceType": "Parameters",
        "parameter": [
            *({"name": side, "valueReference": {"reference": f"Patient/{one}"}} for side, one in ids.items()),
            {"name": "reason", "valueString": reason},
        ],
    }
    reply = await desk.send(request, caller, "POST", f"/fhir/Patient/${operation}", json=body)
    if reply.problem is not None:
        return await _page(desk, request, caller, operation, said, status=reply.status, problem=reply.problem)
    return RedirectResponse(f"/registry/person/{ids['survivor']}?done={operation}", status_code=303)


async def _page(
    desk: RegistryDesk, request: Request, caller: Caller, operation: str, said: dict[str, str], *,
    status: int = 200, problem: str | None = None,
) -> Response:  # fmt: skip
    lang = language_of(request)
    ids = {side: plain(said.get(side, "")) for side in SIDES}
    found: dict[str, Any] = {}
    if all(is_person_id(one) for one in ids.values()):
        found = await desk.people(request, caller, *ids.values())
    faults = {side: _fault(one, found, both=bool(found), lang=lang) for side, one in ids.items() if said.get(side)}
    columns = [cases.person_side(found[one], lang) for one in dict.fromkeys(ids.values()) if one in found]
    return desk.show(
        request, caller, "registry_merge.html", here="merges", problem=problem, ids=ids, operation=operation,
        status=422 if any(faults.values()) and status == 200 else status,
        typed={side: said.get(side, "")[:60] for side in SIDES}, faults={"survivor": None, "retired": None} | faults,
        columns=columns if len(columns) == len(SIDES) else [],
        rows=cases.compared(columns) if len(columns) == len(SIDES) else [], reason=said.get("reason", ""),
    )  # fmt: skip


def _fault(one: str, found: dict[str, Any], *, both: bool, lang: str) -> str | None:
    bangla = lang == "bn"
    if not is_person_id(one):
        return (
            "এটি হেলথ আইডি নয়। কার্ড দেখে আবার লিখুন।" if bangla else "This is not a Health ID. Check it against the card."
        )
    if both and one not in found:
        return "এই আইডির কোনো ব্যক্তি নেই।" if bangla else "No person has this id."
    return None
