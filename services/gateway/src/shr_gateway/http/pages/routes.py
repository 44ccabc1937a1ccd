"""All pages of the portal, and their one style sheet."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from fastapi import APIRouter
from starlette.responses import FileResponse

from shr_gateway.http.hand_on import HandOn
from shr_gateway.http.pages import admin, approvals, citizen, clinic, landing, merges, registry, reviews
from shr_gateway.http.pages.admin import ConsentAge
from shr_gateway.http.pages.registry_desk import RegistryDesk
from shr_gateway.pages.render import STATIC, Pages
from shr_gateway.storage.portal import PortalReads
from shr_gateway.use_cases.declare_emergency import DeclareEmergency
from shr_gateway.use_cases.read_profile import ReadProfile

KEPT_S = 3600


def routers(
    *,
    reads: PortalReads,
    read_profile: ReadProfile,
    declare: DeclareEmergency,
    hand_on: HandOn,
    consent_age: ConsentAge,
    now: Callable[[], datetime],
) -> list[APIRouter]:
    """The portal's routes."""
    pages = Pages()
    hers = citizen.CitizenPages(pages, reads, read_profile, now=now)
    at_work = clinic.ClinicPages(pages, reads, read_profile, now=now)
    desk = RegistryDesk(pages, hand_on, now=now)
    return [
        _static(),
        landing.router(pages, reads, hers.home, now=now),
        citizen.router(hers, hand_on),
        clinic.router(at_work, hand_on, declare),
        admin.router(pages, reads, hand_on, consent_age=consent_age, now=now),
        registry.router(desk),
        reviews.router(desk),
        merges.router(desk),
        approvals.router(desk),
    ]


def _static() -> APIRouter:
    routes = APIRouter(tags=["pages"])

    @routes.get("/static/portal.css", response_class=FileResponse)
    async def style() -> FileResponse:
        """The one style sheet."""
        return FileResponse(
            STATIC / "portal.css", media_type="text/css", headers={"Cache-Control": f"public, max-age={KEPT_S}"}
        )

    return routes
