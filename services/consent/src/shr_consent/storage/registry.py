"""The replica of the registry: which practitioners, facilities and postings are in force."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import pymongo
from shr_common.mongo import Client, Database, Document, Session, categorised, unit_of_work
from shr_policy import Posting, Registered, dhaka_day, in_good_standing

from shr_consent.storage.indexes import POSTINGS, REGISTRY
from shr_consent.storage.newer import newer


@dataclass(frozen=True, slots=True)
class RegistryEntry:
    """One practitioner, facility (``until``: last day of the licence) or posting (all others), as an event has it."""

    id: str
    version: int
    active: bool
    until: str | None = None
    practitioner: str | None = None
    facility: str | None = None
    start: str | None = None
    end: str | None = None
    name: str | None = None


class RegistryStore:
    """``registry`` (``Practitioner/…``, ``Organization/…``) and ``postings``; folded by version."""

    def __init__(self, client: Client, database: Database, *, timeout_s: float) -> None:
        self._client = client
        self._registry = database[REGISTRY]
        self._postings = database[POSTINGS]
        self._timeout_s = timeout_s

    async def in_good_standing(self, *, practitioner: str | None, facility: str | None, now: datetime) -> bool:
        """Whether posting, licence and facility are in force; whom the registry never named is taken at the word."""
        wanted = [f"Practitioner/{practitioner}"] * (practitioner is not None)
        wanted += [f"Organization/{facility}"] * (facility is not None)
        if not wanted:
            return True
        with categorised(), pymongo.timeout(self._timeout_s):
            known = {row["_id"]: row async for row in self._registry.find({"_id": {"$in": wanted}})}
            postings = []
            if len(wanted) == 2:
                postings = await self._postings.find({"practitioner": practitioner, "facility": facility}).to_list()
        return in_good_standing(
            practitioner=_registered(known.get(f"Practitioner/{practitioner}")),
            facility=_registered(known.get(f"Organization/{facility}")),
            postings=[Posting(row["active"], row["start"], row["end"]) for row in postings],
            today=dhaka_day(now),
        )

    async def names(self, references: Sequence[str]) -> Mapping[str, str]:
        """The names of ``Practitioner/…`` and ``Organization/…``, of those that are known."""
        with categorised(), pymongo.timeout(self._timeout_s):
            rows = await self._registry.find({"_id": {"$in": list(references)}}, {"name": 1}).to_list()
        return {row["_id"]: row["name"] for row in rows if row.get("name")}

    async def fold(self, entries: Sequence[RegistryEntry]) -> None:
        """Keep what is newer than what is known; all or nothing."""
        registry = [
            newer(e.id, {"version": e.version, "active": e.active, "until": e.until, "name": e.name})
            for e in entries
            if e.practitioner is None
        ]
        postings = [
            newer(
                e.id,
                {
                    "version": e.version,
                    "active": e.active,
                    "practitioner": e.practitioner,
                    "facility": e.facility,
                    "start": e.start,
                    "end": e.end,
                },
            )
            for e in entries
            if e.practitioner is not None
        ]

        async def work(session: Session) -> None:
            if registry:
                await self._registry.bulk_write(registry, session=session)
            if postings:
                await self._postings.bulk_write(postings, session=session)

        await unit_of_work(self._client, work, timeout_s=self._timeout_s)


def _registered(row: Document | None) -> Registered | None:
    return None if row is None else Registered(row["active"], row["until"])
