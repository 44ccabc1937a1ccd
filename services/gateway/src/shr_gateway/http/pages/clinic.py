"""The doctor's pages: find by Health ID, ask, read; emergency access with a reason."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Request, Response
from shr_common.errors import Category, ShrError
from shr_common.identifiers import check_digit, is_person_id, latin_digits
from shr_common.security import Caller, allow
from starlette.responses import RedirectResponse

from shr_gateway.http.asking import asking_for
from shr_gateway.http.hand_on import HandOn
from shr_gateway.http.pages.page import csrf_of, fields_of, pages_route
from shr_gateway.pages import formatting, permissions, record, words
from shr_gateway.pages.render import Pages, language_of
from shr_gateway.storage.portal import PortalReads
from shr_gateway.use_cases.declare_emergency import DeclareEmergency, declaration_of
from shr_gateway.use_cases.read_profile import ReadProfile

Doctor = Annotated[Caller, allow("practitioner")]
DAYS = (1, 7, 30, 90)


def fault_of(typed: str, lang: str) -> str | None:
    """What is wrong with a typed Health ID, in plain words; None when it can be one."""
    bangla = lang == "bn"
    if is_person_id(typed):
        return None
    if not typed.isdigit() or len(typed) != 11:
        count = sum(character.isdigit() for character in typed)
        told = formatting.number(count, lang)
        return (
            f"হেলথ আইডি ১১ অঙ্কের হয়। আপনি {told}টি লিখেছেন।"
            if bangla
            else f"A Health ID has 11 digits. You wrote {told}."
        )
    wrong = typed[0] != "9" or check_digit(typed[:10]) != int(typed[10])
    if wrong:
        return (
            "নম্বরটি মিলছে না। কার্ড দেখে আবার লিখুন।" if bangla else "This number is not right. Check it against the card."
        )
    return None


class ClinicPages:
    """Reads and renders for one doctor at a time."""

    def __init__(
        self, pages: Pages, reads: PortalReads, read_profile: ReadProfile, *, now: Callable[[], datetime]
    ) -> None:
        self.pages = pages
        self.reads = reads
        self._read_profile = read_profile
        self.now = now

    async def doctor(self, caller: Caller, lang: str) -> dict[str, str]:
        """Her name and her facility's, as the registry has them."""
        who, where = f"Practitioner/{caller.practitioner}", f"Organization/{caller.facility}"
        registry = await self.reads.registry_entries([who, where])
        return {
            "name": permissions.named(registry.get(who), caller.name or caller.practitioner or "", lang),
            "facility": permissions.named(registry.get(where), caller.facility or "", lang),
        }

    async def find(self, request: Request, caller: Caller, *, typed: str = "", error: str | None = None) -> Response:
        """The form to find somebody by her Health ID."""
        lang = language_of(request)
        return self.pages.show(
            request,
            "clinic_find.html",
            status=422 if error else 200,
            csrf=csrf_of(request),
            doctor=await self.doctor(caller, lang),
            typed=typed,
            error=error,
            asked=[],
        )

    async def ask(self, request: Request, caller: Caller, health_id: str, *, sent: bool = False,
                  problem: str | None = None) -> Response:  # fmt: skip
        """The form to ask for permission: the same for a Health ID that nobody has."""
        lang = language_of(request)
        return self.pages.show(
            request,
            "clinic_ask.html",
            status=422 if problem else 200,
            csrf=csrf_of(request),
            doctor=await self.doctor(caller, lang),
            health_id=health_id,
            types=[(one, words.of_type(one, lang)) for one in words.ASKABLE],
            sent=sent,
            problem=problem,
        )

    async def summary(self, request: Request, caller: Caller, health_id: str) -> Response:
        """The record under consent, or under the emergency that was declared. Raises forbidden (audited)."""
        lang, now = language_of(request), self.now()
        purpose = "BTG" if request.query_params.get("emergency") else "CAREMGT"
        read = await self._read_profile(asking_for(caller, purpose), health_id, before=None, at=now)
        if read.moved_to is not None:
            return RedirectResponse(f"/clinic/{read.moved_to}", status_code=303)
        profile = orjson.loads(read.body)
        return self.pages.show(
            request,
            "clinic_record.html",
            csrf=csrf_of(request),
            now=now,
            doctor=await self.doctor(caller, lang),
            **_shown(profile, lang, now),
        )


def _shown(profile: dict[str, Any], lang: str, now: datetime) -> dict[str, Any]:
    sections, restricted = profile["sections"], profile["restricted"]
    access = profile.get("access") or {}
    bangla = lang == "bn"
    nothing = "এখানে কিছু দেখানো হচ্ছে না।" if bangla else "Nothing is shown here."
    if not restricted:
        nothing = "এখনো কোনো তথ্য আসেনি।" if bangla else "Nothing recorded yet."
    born = profile["identity"]
    return {
        "person": record.person(
            born, health_id=profile["health_id"], today=formatting.local(now).date(), lang=lang
        ),
        "restricted": restricted,
        "emergency": access.get("by") == "emergency",
        "permission": access.get("until"),
        "nothing": nothing,
        "allergies": _clinical(sections["allergies"], lang),
        "problems": _clinical(sections["problems"], lang),
        "medicines": _clinical(sections["medicines"], lang),
        "immunisations": [record.line(one, "en") for one in sections["immunisations"]],
        "encounters": [record.line(one, lang) for one in sections["encounters"][:6]],
        "results": record.results(sections["results"], lang)[:12],
    }  # fmt: skip


def _clinical(items: list[dict[str, Any]], lang: str) -> list[dict[str, Any]]:
    """Names as on the report, places in the page's language."""
    return [record.line(one, "en") | {"facility": record.facility_of(one, lang)} for one in items]


def router(clinic: ClinicPages, hand_on: HandOn, declare: DeclareEmergency) -> APIRouter:
    """Routes under ``/clinic``."""
    pages = clinic.pages
    routes = APIRouter(
        prefix="/clinic", tags=["pages"], route_class=pages_route(pages), default_response_class=Response
    )

    @routes.get("")
    async def find(request: Request, caller: Doctor) -> Response:
        """Find somebody by her Health ID."""
        return await clinic.find(request, caller)

    @routes.post("")
    async def found(request: Request, caller: Doctor) -> Response:
        """Bangla digits, blanks and dashes are taken as they are typed."""
        typed = dict(await fields_of(request)).get("health_id", "")[:40]
        plain = latin_digits(typed).replace(" ", "").replace("-", "") if not typed.startswith("P-") else typed
        error = fault_of(plain, language_of(request))
        if error:
            return await clinic.find(request, caller, typed=typed, error=error)
        return RedirectResponse(f"/clinic/{plain}", status_code=303)

    @routes.get("/{health_id}")
    async def summary(request: Request, health_id: str, caller: Doctor) -> Response:
        """The record; without permission the form to ask."""
        if fault_of(health_id, "en"):
            return RedirectResponse("/clinic", status_code=303)
        try:
            return await clinic.summary(request, caller, health_id)
        except ShrError as error:
            if error.category is not Category.FORBIDDEN:
                raise
            return await clinic.ask(request, caller, health_id)

    @routes.get("/{health_id}/ask")
    async def ask(request: Request, health_id: str, caller: Doctor) -> Response:
        """The form to ask for permission."""
        if fault_of(health_id, "en"):
            return RedirectResponse("/clinic", status_code=303)
        return await clinic.ask(request, caller, health_id)

    @routes.post("/{health_id}/ask")
    async def send_request(request: Request, health_id: str, caller: Doctor) -> Response:
        """Ask the patient."""
        fields = await fields_of(request)
        types = [text for name, text in fields if name == "record_types" and text in words.ASKABLE]
        days = dict(fields).get("days", "30")
        body = {
            "patient": health_id,
            "recipient": {"type": "practitioner", "id": caller.practitioner},
            "purpose": "CAREMGT",
            "record_types": types,
            "expires_at": _in_days(clinic.now(), int(days) if days.isascii() and days.isdigit() else 30),
            "access_mode": "VIEW",
        }
        answer = await hand_on("consent", "POST", "/consent-requests", caller=caller, json=body)
        if answer.status >= 300 or not types:
            bangla = language_of(request) == "bn"
            problem = "অনুরোধটি পাঠানো যায়নি। অন্তত একটি ঘরে টিক দিন।" if bangla else "Not sent. Tick at least one box."
            return await clinic.ask(request, caller, health_id, problem=problem)
        return await clinic.ask(request, caller, health_id, sent=True)

    @routes.post("/{health_id}/emergency")
    async def emergency(request: Request, health_id: str, caller: Doctor) -> Response:
        """Declare an emergency: reason and kind are required, for hours, told to the citizen, reviewed."""
        fields = dict(await fields_of(request))
        hours = fields.get("hours", "1")
        said = {
            "patient": health_id,
            "reason": fields.get("reason", ""),
            "kind": fields.get("kind", ""),
            "hours": int(hours) if hours.isascii() and hours.isdigit() else 1,
        }
        try:
            answer = await hand_on("consent", "POST", "/break-glass", caller=caller, json=said)
            refused = answer.status >= 300
        except ShrError as error:
            if not error.temporary:
                raise
            await declare(asking_for(caller, "BTG"), declaration_of(said), at=clinic.now())
            refused = False
        if refused:
            bangla = language_of(request) == "bn"
            problem = "কারণ বেছে নিন ও নিজের ভাষায় লিখুন।" if bangla else "Choose a reason and say it in your own words."
            return await clinic.ask(request, caller, health_id, problem=problem)
        return RedirectResponse(f"/clinic/{health_id}?emergency=1", status_code=303)

    return routes


def _in_days(now: datetime, days: int) -> str:
    days = min(days, max(DAYS))
    return (now + timedelta(days=days)).isoformat(timespec="seconds").replace("+00:00", "Z")
