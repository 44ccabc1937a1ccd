"""``GET /access-log``: who looked, told to her whose record it is; with a proof that nothing was taken out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Request
from shr_common.audit import AuditTrail
from shr_common.errors import forbidden, invalid
from shr_common.security import Caller, allow
from shr_policy import EMERGENCY

from shr_consent.domain.persons import Person, may_speak_for
from shr_consent.http.caller import party_of
from shr_consent.http.request import cursor, next_page, page_size, person_asked
from shr_consent.storage.access_log import AccessLogStore
from shr_consent.storage.people import PeopleStore
from shr_consent.use_cases.seal_access_log import SealAccessLog

Reader = Annotated[Caller, allow("citizen", "administrator")]
OWN = "PATRQT"
ADMINISTRATION = "HSYSADMIN"
"""The purpose of an administrator's look (HL7 v3-ActReason: health system administration)."""


class AccessLog:
    """Pages of one person's entries for those who may see them."""

    def __init__(self, log: AccessLogStore, people: PeopleStore, audit: AuditTrail) -> None:
        self._log = log
        self._people = people
        self._audit = audit

    async def page(
        self, caller: Caller, *, patient: str | None, after: str | None, limit: int, now: datetime
    ) -> tuple[list[dict[str, Any]], str | None, Person]:
        """Newest first, where the next page begins, and whose they are.

        An administrator's look is in the log before it is answered.
        """
        begin = _position(after)
        person = await self._person(caller, person_asked(patient), now)
        found = await self._log.page(person.ids, after=begin, limit=limit + 1)
        shown = found[:limit]
        if caller.role == "administrator":
            await self._audit.record(
                patient=person.id,
                caller=caller,
                purpose=ADMINISTRATION,
                decision="permit",
                what=[("AuditEvent", len(shown))],
                at=now,
            )
        more = f"{shown[-1]['at']}~{shown[-1]['id']}" if len(found) > limit else None
        return shown, more, person

    async def _person(self, caller: Caller, named: str | None, now: datetime) -> Person:
        by = party_of(caller)
        if by.role == "administrator":
            if named is None:
                raise invalid("Say whose access log.", expression="patient")
            return await self._people.person(named)
        own = await self._people.person(by.health_id or "")
        person = await self._people.person(named or own.id)
        if not may_speak_for(own, person, now):
            await self._audit.record(
                patient=person.id, caller=caller, purpose=OWN, decision="deny", what=[("AuditEvent", 0)], at=now
            )
            raise forbidden("Only the citizen herself or her guardian may see this.")
        return person


def router(log: AccessLog, seal: SealAccessLog, *, proof_limit: int, now: Callable[[], datetime]) -> APIRouter:
    """``/access-log`` and ``/access-log/proof``."""
    routes = APIRouter(tags=["access log"])

    @routes.get("/access-log")
    async def access_log(
        request: Request,
        caller: Reader,
        patient: str | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> dict[str, Any]:
        """Looks and refused looks, newest first; ``own``: by the citizen herself."""
        shown, more, person = await log.page(
            caller, patient=patient, after=cursor(after), limit=page_size(request, limit), now=now()
        )
        return {"entries": [_entry(one, person) for one in shown], "next": next_page(request, more)}

    @routes.get("/access-log/proof")
    async def proof(
        request: Request, caller: Reader, patient: str | None = None, after: str | None = None
    ) -> dict[str, Any]:
        """The same entries as they were chained, with their paths to a signed root: for ``shr audit verify FILE``."""
        at = now()
        shown, more, _ = await log.page(caller, patient=patient, after=cursor(after), limit=proof_limit, now=at)
        return {**await seal.proof(shown, now=at), "next": next_page(request, more)}

    return routes


def _entry(entry: Mapping[str, Any], person: Person) -> dict[str, Any]:
    told = {name: entry[name] for name in ("id", "at", "actor", "purpose", "decision", "what", "consent_id")}
    own = entry["actor"]["role"] == "citizen" and entry["actor"]["id"] in person.ids
    emergency = entry["break_glass"]
    return {**told, "break_glass": bool(emergency) or entry["purpose"] == EMERGENCY, "emergency": emergency, "own": own}


def _position(after: str | None) -> tuple[str, str] | None:
    if after is None:
        return None
    at, _, identifier = after.partition("~")
    if not identifier:
        raise invalid("This is not where a page begins; follow `next` as it was given.", expression="after")
    return at, identifier
