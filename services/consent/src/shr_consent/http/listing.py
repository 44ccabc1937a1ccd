"""Who sees which statements: a citizen and her guardian all of hers, a requester those that are about itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fastapi import Request
from shr_common.errors import forbidden, invalid
from shr_common.security import Caller

from shr_consent.domain.persons import may_speak_for
from shr_consent.domain.statement import KINDS, STATUSES, Party, Statement
from shr_consent.http.caller import party_of
from shr_consent.http.request import cursor, next_page, page_size, person_asked
from shr_consent.storage.people import PeopleStore
from shr_consent.storage.statements import StatementStore, in_status

Page = tuple[list[Statement], str | None]


class Listing:
    """Pages of statements for one caller."""

    def __init__(self, statements: StatementStore, people: PeopleStore) -> None:
        self._statements = statements
        self._people = people

    async def page(
        self,
        request: Request,
        caller: Caller,
        *,
        patient: str | None,
        query: Mapping[str, Any],
        after: str | None,
        limit: int | None,
        now: datetime,
    ) -> Page:
        """Newest first, and the address of the next page. Raises forbidden, invalid."""
        size, begin = page_size(request, limit), cursor(after)
        ids, visible_to = await self._reach(party_of(caller), patient, now)
        found = await self._statements.page(
            patients=ids, visible_to=visible_to, query=query, after=begin, limit=size + 1
        )
        more = found[size - 1].id if len(found) > size else None
        return [one.as_of(now) for one in found[:size]], next_page(request, more)

    async def count(self, caller: Caller, *, patient: str | None, query: Mapping[str, Any], now: datetime) -> int:
        """How many there are on all pages. Raises forbidden, invalid."""
        ids, visible_to = await self._reach(party_of(caller), patient, now)
        return await self._statements.count(patients=ids, visible_to=visible_to, query=query)

    async def one(self, caller: Caller, id: str, now: datetime) -> Statement | None:
        """One statement, if it would be on a page of this caller."""
        found = await self._statements.find(id)
        return found.as_of(now) if found is not None and await self.sees(caller, found, now) else None

    async def _reach(self, by: Party, patient: str | None, now: datetime) -> tuple[frozenset[str] | None, Party | None]:
        """Whose statements (None: anybody's), and of these only what this requester may see (None: all)."""
        named = person_asked(patient)
        if by.role == "citizen":
            return await self._of_citizen(by.health_id or "", named, now), None
        return None if named is None else (await self._people.person(named)).ids, by

    async def sees(self, caller: Caller, stated: Statement, now: datetime) -> bool:
        """Whether one statement would be on a page of this caller."""
        by = party_of(caller)
        if by.role == "citizen":
            return may_speak_for(
                await self._people.person(by.health_id or ""), await self._people.person(stated.patient), now
            )
        found = await self._statements.page(patients=None, visible_to=by, query={"_id": stated.id}, after=None, limit=1)
        return bool(found)

    async def _of_citizen(self, own: str, named: str | None, now: datetime) -> frozenset[str]:
        caller = await self._people.person(own)
        person = await self._people.person(named or own)
        if not may_speak_for(caller, person, now):
            raise forbidden("Only the citizen herself or her guardian may see this.")
        return person.ids


def with_status(status: str | None, now: datetime) -> dict[str, Any]:
    """A query for a status as it reads now. Raises invalid."""
    if status is None:
        return {}
    if status not in STATUSES:
        raise invalid(f"The status is one of {', '.join(STATUSES)}.", expression="status")
    return in_status((status,), now)


def with_kind(kind: str | None) -> dict[str, Any]:
    """A query for a kind, consents by default. Raises invalid."""
    if kind is not None and kind not in KINDS:
        raise invalid(f"The kind is one of {', '.join(KINDS)}.", expression="kind")
    return {"kind": kind or "consent"}
