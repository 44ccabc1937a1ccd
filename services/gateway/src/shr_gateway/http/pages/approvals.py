"""``/registry/approvals``: changes that wait for a second person, before and after."""

from __future__ import annotations

from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from shr_common.identifiers import is_person_id
from shr_common.security import Caller
from starlette.responses import RedirectResponse

from shr_gateway.http.pages.page import fields_of, pages_route
from shr_gateway.http.pages.registry_desk import REASON_CHARACTERS_LIMIT, Deciding, RegistryDesk, chosen, own_id
from shr_gateway.http.pages.reviews import CURSOR_CHARACTERS_LIMIT
from shr_gateway.pages import cases
from shr_gateway.pages.render import language_of

STATUSES = ("pending", "approved", "rejected", "all")
VERDICTS = ("approve", "reject")


def router(desk: RegistryDesk) -> APIRouter:
    """Routes of approvals."""
    routes = APIRouter(
        prefix="/registry/approvals", tags=["pages"], route_class=pages_route(desk.pages),
        default_response_class=Response,
    )  # fmt: skip

    @routes.get("")
    async def waiting(request: Request, caller: Deciding) -> Response:
        """What waits, the oldest first; of one person with ``?person=``."""
        lang = language_of(request)
        person = request.query_params.get("person", "")
        filters = {"status": chosen(request, "status", STATUSES), "person": person if is_person_id(person) else ""}
        params = filters | {"next": request.query_params.get("next", "")[:CURSOR_CHARACTERS_LIMIT]}
        found = await desk.read(request, caller, "/approvals", params={n: v for n, v in params.items() if v})
        kept = {name: value for name, value in filters.items() if value}
        return desk.show(
            request, caller, "registry_approvals.html", here="approvals", filters=filters,
            changes=[cases.change(one, lang) for one in found["entries"]],
            further=urlencode({**kept, "next": found["next"]}) if found["next"] else "",
        )  # fmt: skip

    @routes.get("/{id}")
    async def one(request: Request, id: str, caller: Deciding) -> Response:
        """One change, before and after."""
        return await _change(desk, request, caller, own_id(id))

    @routes.post("/{id}")
    async def decide(request: Request, id: str, caller: Deciding) -> Response:
        """Approve or reject."""
        said = dict(await fields_of(request))
        reason = said.get("reason", "").strip()[:REASON_CHARACTERS_LIMIT]
        body = {"decision": said.get("decision", ""), "reason": reason}
        bangla = language_of(request) == "bn"
        if body["decision"] not in VERDICTS or not reason:
            fault = "কারণ লিখুন।" if bangla else "Write the reason."
            return await _change(desk, request, caller, own_id(id), status=422, problem=fault)
        reply = await desk.send(request, caller, "POST", f"/approvals/{own_id(id)}/decision", json=body)
        if reply.problem is not None:
            return await _change(desk, request, caller, id, status=reply.status, problem=reply.problem, reason=reason)
        return RedirectResponse(f"/registry/approvals/{id}?done={body['decision']}", status_code=303)

    return routes


async def _change(
    desk: RegistryDesk, request: Request, caller: Caller, id_: str, *, status: int = 200, problem: str | None = None,
    reason: str = "",
) -> Response:  # fmt: skip
    lang = language_of(request)
    said = await desk.read(request, caller, f"/approvals/{id_}")
    return desk.show(
        request, caller, "registry_approval.html", here="approvals", status=status, problem=problem, reason=reason,
        change=cases.change(said, lang), own=said["asked_by"] == caller.id,
    )  # fmt: skip
