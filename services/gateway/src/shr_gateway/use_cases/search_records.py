"""Search one person's resources, or read everything, page by page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson
from shr_common.errors import Category, Issue, ShrError

from shr_gateway.domain.asking import Asking
from shr_gateway.domain.disclosure import admitted
from shr_gateway.domain.identity import patient_resource
from shr_gateway.domain.lines import Row
from shr_gateway.domain.search import Key, Query, refused
from shr_gateway.use_cases.disclose import Disclosure, Look

RowsOf = Callable[[Sequence[str]], Awaitable[Sequence[Row]]]
BodiesOf = Callable[[Iterable[str]], Awaitable[Mapping[str, bytes]]]


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a search goes on, and what it was bound to: caller, person, purpose, search and permit."""

    who: str
    patient: str
    purpose: str
    query: str
    permit: str
    position: Key


@dataclass(frozen=True, slots=True)
class Page:
    """``entries``: (reference, served bytes); ``total`` counts what this caller may be shown in all pages."""

    total: int
    entries: Sequence[tuple[str, bytes]]
    restricted: bool
    next: Cursor | None
    moved_to: str | None = None


class SearchRecords:
    """Decide, filter everything, count what is left, record, show one page."""

    def __init__(self, disclosure: Disclosure, *, rows: RowsOf, bodies: BodiesOf) -> None:
        self._disclosure = disclosure
        self._rows = rows
        self._bodies = bodies

    async def __call__(
        self, asking: Asking, query: Query, *, cursor: Cursor | None, at: datetime, with_patient: bool = False
    ) -> Page:
        """Raises forbidden (audited), unavailable, invalid, not_found (gone: a cursor of another permit)."""
        if query.patient is None:
            raise refused("Name the person: patient=<Health ID>.", "patient")
        action = "count" if query.totals_only else "read"
        scope = query.type or "*"
        look = await self._disclosure.open(asking, query.patient, resource_type=scope, at=at, action=action)
        if look.moved and with_patient:
            await self._disclosure.record(look, {})
            return Page(0, (), False, None, moved_to=look.root)
        if cursor is not None:
            _check(cursor, look, query)
        everything = await self._rows(look.known.family.ids)
        # whether something is withheld is a fact of the record, not of this search: else a search would tell what is
        shown = admitted(look.permit, everything)
        found = query.matching(_clinical(shown.rows))
        extra = 1 if with_patient and (query.types is None or "Patient" in query.types) else 0
        page, following = _cut(query, found, cursor, first=extra)
        entries = [] if query.totals_only else await self._entries(look, page)
        if extra and cursor is None and not query.totals_only:
            entries.insert(0, self._patient(look))
        what: Counter[str] = Counter(reference.partition("/")[0] for reference, _ in entries)
        if query.totals_only:
            what[scope] = len(found) + extra
        await self._disclosure.record(look, what or {scope: 0}, consent_id=shown.consent_id)
        return Page(
            total=len(found) + extra,
            entries=entries,
            restricted=shown.withheld,
            next=None if following is None else _cursor(look, query, following),
        )

    async def _entries(self, look: Look, page: Sequence[Row]) -> list[tuple[str, bytes]]:
        bodies = await self._bodies(row.reference for row in page)
        return [(row.reference, bodies[row.reference]) for row in page if row.reference in bodies]

    @staticmethod
    def _patient(look: Look) -> tuple[str, bytes]:
        resource = patient_resource(look.root, look.known.person, with_place=look.permit.reaches_all_types)
        return f"Patient/{look.root}", orjson.dumps(resource)


def _clinical(rows: Iterable[Row]) -> Iterable[Row]:
    """Without the Patient entries of submissions: who a person is, is said by healthid alone."""
    return (row for row in rows if row.type != "Patient")


def _cut(query: Query, found: Sequence[Row], cursor: Cursor | None, *, first: int) -> tuple[Sequence[Row], Key | None]:
    """The page, and where the next one starts."""
    rest = query.after(found, None if cursor is None else cursor.position)
    size = max(query.count - (first if cursor is None else 0), 0)
    page = rest[:size]
    more = len(rest) > len(page) and not query.totals_only
    if not more:
        return page, None
    return page, query.key(page[-1]) if page else ("~" if query.descending else "", "")


def _who(look: Look) -> str:
    return f"{look.asking.actor.role}/{look.asking.actor.id}"


def _cursor(look: Look, query: Query, position: Key) -> Cursor:
    return Cursor(_who(look), look.root, look.asking.purpose, query.digest, look.permit.digest, position)


def _check(cursor: Cursor, look: Look, query: Query) -> None:
    bound = (cursor.who, cursor.patient, cursor.purpose, cursor.query)
    if bound != (_who(look), look.root, look.asking.purpose, query.digest):
        raise refused("This page belongs to another search. Start it again.", "_cursor")
    if cursor.permit != look.permit.digest:
        issue = Issue("What is permitted has changed since the page before. Start the search again.", code="expired")
        raise ShrError(Category.NOT_FOUND, issue, detail="gone")
