"""The citizen's pages: her record, her permissions, who looked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

import orjson
from fastapi import APIRouter, Request, Response
from shr_common.errors import conflict, forbidden, invalid, not_found
from shr_common.security import Caller, allow
from starlette.responses import RedirectResponse

from shr_gateway.http.asking import asking_for
from shr_gateway.http.hand_on import Answer, HandOn
from shr_gateway.http.pages.page import csrf_of, fields_of, pages_route
from shr_gateway.pages import permissions, record
from shr_gateway.pages.formatting import local
from shr_gateway.pages.render import Pages, language_of
from shr_gateway.storage.portal import PortalReads
from shr_gateway.use_cases.read_profile import ReadProfile

Citizen = Annotated[Caller, allow("citizen")]
LOOKS_DAYS = 90
DONE = {
    "granted": ("অনুমতি দেওয়া হয়েছে।", "Permission given."),
    "denied": ("অনুমতি দেওয়া হয়নি। তিনি কিছু দেখতে পাবেন না।", "Permission not given. Nothing is shown."),
    "withdrawn": (
        "অনুমতি তুলে নেওয়া হয়েছে। এখন থেকে আর কিছু দেখা যাবে না।",
        "Permission withdrawn. From now on nothing more can be seen under it.",
    ),
}


class CitizenPages:
    """Reads and renders for one citizen at a time."""

    def __init__(
        self, pages: Pages, reads: PortalReads, read_profile: ReadProfile, *, now: Callable[[], datetime]
    ) -> None:
        self.pages = pages
        self.reads = reads
        self._read_profile = read_profile
        self.now = now

    async def home(self, request: Request, caller: Caller) -> Response:
        """Her record."""
        lang, now = language_of(request), self.now()
        ids = await self.ids_of(caller)
        before = request.query_params.get("before")
        read = await self._read_profile(asking_for(caller, None), ids[0], before=before, at=now)
        profile = orjson.loads(read.body)
        sections = profile["sections"]
        requests = await self.requests(ids, lang)
        looks = await self.reads.looks(ids, since=now - timedelta(days=LOOKS_DAYS), limit=100)
        others = [one for one in looks if one["actor"]["id"] not in ids]
        registry = await self._registry_of_looks(others[:1])
        return self.pages.show(
            request,
            "citizen_home.html",
            csrf=csrf_of(request),
            now=now,
            person=record.person(profile["identity"], health_id=ids[0], today=local(now).date(), lang=lang),
            requests=requests,
            allergies=[record.line(one, lang) for one in sections["allergies"]],
            problems=[record.line(one, lang) for one in sections["problems"]],
            medicines=[record.medicine(one, lang) for one in sections["medicines"]],
            results=record.results(sections["results"], lang)[:20],
            months=record.months(profile["timeline"], lang),
            earlier=profile.get("next"),
            appointments=await self._appointments(ids, lang, now),
            last_look=permissions.look(others[0], registry, {}, lang=lang) if others else None,
            family=[],
        )

    async def ids_of(self, caller: Caller) -> Sequence[str]:
        """All her ids, the one in use first. Raises forbidden for a token without a Health ID."""
        if caller.health_id is None:
            raise forbidden("This token names no Health ID.")
        return list((await self.reads.family(caller.health_id)).ids)

    async def requests(self, ids: Sequence[str], lang: str) -> list[dict[str, Any]]:
        """Who asks and waits for her answer."""
        found = [one for one in await self.reads.consents(ids, statuses=["requested"]) if _open(one, self.now())]
        return await self.asked(found, lang)

    async def asked(self, found: Sequence[Any], lang: str) -> list[dict[str, Any]]:
        """Requests as lines: who asks, from where."""
        registry = await self.reads.registry_entries(sorted(permissions.references_of(one["value"] for one in found)))
        askers = [(one["value"].get("recipient") or {}).get("id", "") for one in found]
        postings = await self.reads.facilities_of(askers)
        places = {
            asker: ", ".join(permissions.named(place, place["id"], lang) for place in where)
            for asker, where in postings.items()
        }
        return [permissions.asked(one, registry, places, lang=lang) for one in found]

    async def granted(self, ids: Sequence[str], lang: str) -> list[dict[str, Any]]:
        """What is in force."""
        found = [
            one
            for one in await self.reads.consents(ids, statuses=["granted"])
            if one["kind"] == "consent" and one["value"].get("decision") != "deny" and _open(one, self.now())
        ]
        registry = await self.reads.registry_entries(sorted(permissions.references_of(one["value"] for one in found)))
        return [permissions.granted(one, registry, lang=lang) for one in found]

    async def own_consent(self, ids: Sequence[str], consent_id: str, status: str) -> Any:
        """One consent or request of hers. Raises not_found for another's too."""
        found = await self.reads.consent(consent_id)
        if found is None or found["patient"] not in ids:
            raise not_found("There is no such request.")
        if found["status"] != status:
            raise conflict("This was answered already.")
        return found

    async def _appointments(self, ids: Sequence[str], lang: str, now: datetime) -> list[dict[str, Any]]:
        found = [one for one in await self.reads.appointments(ids, since=now, limit=5) if one["status"] == "booked"]
        references = {f"Practitioner/{one['practitioner']}" for one in found}
        references |= {f"Organization/{one['facility']}" for one in found}
        registry = await self.reads.registry_entries(sorted(references))

        def with_whom(one: Any) -> str:
            doctor = permissions.named(registry.get(f"Practitioner/{one['practitioner']}"), "", lang)
            place = permissions.named(registry.get(f"Organization/{one['facility']}"), one["facility"] or "", lang)
            return ", ".join(part for part in (doctor, place) if part)

        return [{"start": one["start"], "with": with_whom(one)} for one in found]

    async def _registry_of_looks(self, looks: Sequence[Any]) -> dict[str, Any]:
        references = {f"Practitioner/{one['actor']['id']}" for one in looks}
        references |= {f"Organization/{one['actor'].get('facility')}" for one in looks}
        return await self.reads.registry_entries(sorted(references))

    async def access(self, request: Request, caller: Caller) -> Response:
        """Who looked."""
        lang, now = language_of(request), self.now()
        ids = await self.ids_of(caller)
        found = await self.reads.looks(ids, since=now - timedelta(days=LOOKS_DAYS), limit=500)
        registry = await self._registry_of_looks(found)
        consents = {one["_id"]: one for one in await self.reads.consents(ids)}
        show = request.query_params.get("show", "")
        looks = [permissions.look(one, registry, consents, lang=lang) for one in found if one["actor"]["id"] not in ids]
        if show == "emergency":
            looks = [one for one in looks if one["emergency"]]
        elif show == "refused":
            looks = [one for one in looks if one["decision"] == "deny"]
        return self.pages.show(
            request,
            "citizen_access.html",
            csrf=csrf_of(request),
            waiting=len(await self.requests(ids, lang)),
            tally=permissions.tally(found, ids),
            days=permissions.by_day(looks, lang=lang),
            show=show if show in ("emergency", "refused") else "",
            granted=await self.granted(ids, lang),
        )


def _open(document: Any, now: datetime) -> bool:
    ends = document["value"].get("expires_at")
    return ends is None or local(ends) > now


def _settled(how: str, consent_id: str) -> Response:
    return RedirectResponse(f"/me/permissions?{urlencode({'done': how, 'id': consent_id})}", status_code=303)


def _check(answer: Answer) -> None:
    """What the owner refused, as a category again."""
    if answer.status < 300:
        return
    if answer.status in (403, 404):
        raise not_found("There is no such request.")
    if answer.status in (409, 412):
        raise conflict("This was answered already.")
    raise invalid("The consent service refused this.")


def router(citizen: CitizenPages, hand_on: HandOn) -> APIRouter:
    """Routes under ``/me``."""
    pages = citizen.pages
    routes = APIRouter(prefix="/me", tags=["pages"], route_class=pages_route(pages), default_response_class=Response)

    @routes.get("/permissions")
    async def list_permissions(request: Request, caller: Citizen) -> Response:
        """Requests that wait, and permissions in force."""
        lang = language_of(request)
        ids = await citizen.ids_of(caller)
        done = DONE.get(request.query_params.get("done", ""))
        settled = request.query_params.get("id")  # our view follows the decision within a second; she need not see that
        return pages.show(
            request,
            "citizen_permissions.html",
            csrf=csrf_of(request),
            requests=[one for one in await citizen.requests(ids, lang) if one["id"] != settled],
            granted=[
                one for one in await citizen.granted(ids, lang) if done != DONE["withdrawn"] or one["id"] != settled
            ],
            done=done[0 if lang == "bn" else 1] if done else None,
        )

    @routes.get("/permissions/{consent_id}")
    async def read_request(request: Request, consent_id: str, caller: Citizen) -> Response:
        """One request with its choices."""
        return await _request_page(citizen, request, consent_id, caller)

    @routes.post("/permissions/{consent_id}")
    async def decide(request: Request, consent_id: str, caller: Citizen) -> Response:
        """Yes, as asked or narrower; or no."""
        fields = await fields_of(request)
        ids = await citizen.ids_of(caller)
        asked = await citizen.own_consent(ids, consent_id, "requested")
        decision = dict(fields).get("decision")
        if decision == "deny":
            _check(await hand_on("consent", "POST", f"/consent-requests/{asked['_id']}/deny", caller=caller, json={}))
            return _settled("denied", asked["_id"])
        body = permissions.narrowed(asked["value"], fields, now=citizen.now())
        if decision != "grant" or body.get("record_types") == []:
            return await _request_page(citizen, request, consent_id, caller, nothing_ticked=True)
        _check(await hand_on("consent", "POST", f"/consent-requests/{asked['_id']}/grant", caller=caller, json=body))
        return _settled("granted", asked["_id"])

    @routes.get("/permissions/{consent_id}/withdraw")
    async def confirm_withdrawal(request: Request, consent_id: str, caller: Citizen) -> Response:
        """The question before a withdrawal."""
        lang = language_of(request)
        found = await citizen.own_consent(await citizen.ids_of(caller), consent_id, "granted")
        registry = await citizen.reads.registry_entries(sorted(permissions.references_of([found["value"]])))
        grant = permissions.granted(found, registry, lang=lang)
        return pages.show(request, "citizen_withdraw.html", csrf=csrf_of(request), grant=grant, problem=None)

    @routes.post("/permissions/{consent_id}/withdraw")
    async def withdraw(request: Request, consent_id: str, caller: Citizen) -> Response:
        """Take a permission back."""
        await fields_of(request)
        found = await citizen.own_consent(await citizen.ids_of(caller), consent_id, "granted")
        _check(await hand_on("consent", "POST", f"/consents/{found['_id']}/revoke", caller=caller, json={}))
        return _settled("withdrawn", found["_id"])

    @routes.get("/access")
    async def access(request: Request, caller: Citizen) -> Response:
        """Who looked at her record."""
        return await citizen.access(request, caller)

    return routes


async def _request_page(
    citizen: CitizenPages, request: Request, consent_id: str, caller: Caller, *, nothing_ticked: bool = False
) -> Response:
    lang = language_of(request)
    found = await citizen.own_consent(await citizen.ids_of(caller), consent_id, "requested")
    line = (await citizen.asked([found], lang))[0]
    problem = None
    if nothing_ticked:
        bangla, english = "অন্তত একটি ঘরে টিক দিন, নয়তো ‘না’ বেছে নিন।", "Tick at least one box, or choose “No”."
        problem = bangla if lang == "bn" else english
    return citizen.pages.show(
        request,
        "citizen_request.html",
        status=422 if problem else 200,
        csrf=csrf_of(request),
        asked=permissions.request(found, line, lang=lang, now=citizen.now()),
        problem=problem,
    )
