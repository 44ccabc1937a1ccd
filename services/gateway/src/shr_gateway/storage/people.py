"""People, links and counters of ``patient.*``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo import ReplaceOne, UpdateOne
from shr_common.mongo import Database, Session

from shr_gateway.projections.people import (
    Link,
    Person,
    erased,
    fold_merge,
    fold_person,
    fold_replaces,
    link_id,
    newly_issued,
)
from shr_gateway.storage.views import (
    APPOINTMENTS,
    CONSENTS,
    COUNTERS,
    LINKS,
    LOOKS,
    PEOPLE,
    PROFILES,
    REJECTIONS,
    RESOURCES,
    VERSIONS,
)


@dataclass(frozen=True, slots=True)
class Said:
    """One event: ``kind`` is person, merged or erased."""

    kind: str
    value: Mapping[str, Any]
    at: datetime


class PeopleView:
    """Applies events inside a unit of work."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._people = database[PEOPLE]
        self._links = database[LINKS]
        self._counters = database[COUNTERS]

    async def apply(self, events: list[Said], session: Session) -> None:
        """Fold registrations, updates, merges and erasures, in their order."""
        people, links = await self._load(events, session)
        known = dict(people)
        changed_links: dict[str, Link] = {}
        issued: dict[str, int] = {}
        for event in events:
            if event.kind == "merged":
                link = fold_merge(links.get(_pair(event.value)), event.value, event.at)
                links[link["_id"]] = changed_links[link["_id"]] = link
                continue
            health_id = event.value["health_id"]
            before = people.get(health_id)
            after = erased(before, health_id) if event.kind == "erased" else fold_person(before, event.value)
            if event.kind == "person":
                changed_links.update(_replaced(links, event))
                links.update(changed_links)
            if after is not None:
                via = newly_issued(before, after)
                if via is not None:
                    issued[via] = issued.get(via, 0) + 1
                people[health_id] = after
        changed = {person: doc for person, doc in people.items() if known.get(person) is not doc}
        await self._store(changed, changed_links, issued, session)
        for event in events:
            if event.kind == "erased":
                await self._erase(event.value["health_id"], session)

    async def _load(self, events: Iterable[Said], session: Session) -> tuple[dict[str, Person], dict[str, Link]]:
        ids = sorted({event.value["health_id"] for event in events if event.kind != "merged"})
        pairs = sorted({_pair(event.value) for event in events if event.kind == "merged"})
        people = {doc["_id"]: doc async for doc in self._people.find({"_id": {"$in": ids}}, session=session)}
        wanted = {"$or": [{"to": {"$in": ids}}, {"_id": {"$in": pairs}}]}
        links = {doc["_id"]: doc async for doc in self._links.find(wanted, session=session)}
        return people, links

    async def _store(
        self, people: Mapping[str, Person], links: Mapping[str, Link], issued: Mapping[str, int], session: Session
    ) -> None:
        for collection, documents in ((self._people, people), (self._links, links)):
            if documents:
                await collection.bulk_write(
                    [ReplaceOne({"_id": key}, doc, upsert=True) for key, doc in documents.items()], session=session
                )
        if issued:
            await self._counters.bulk_write(
                [UpdateOne({"_id": via}, {"$inc": {"n": n}}, upsert=True) for via, n in issued.items()],
                session=session,
            )

    async def _erase(self, health_id: str, session: Session) -> None:
        """Every view forgets her, and what was recorded under the ids that she replaced."""
        former = [
            link["former"]
            async for link in self._links.find({"to": health_id, "active": True}, {"former": 1}, session=session)
        ]
        ids = {"$in": [health_id, *former]}
        await self._database[PROFILES].delete_many({"_id": ids}, session=session)
        for name in (RESOURCES, VERSIONS, REJECTIONS):
            await self._database[name].delete_many({"person": ids}, session=session)
        for name in (CONSENTS, LOOKS, APPOINTMENTS):
            await self._database[name].delete_many({"patient": ids}, session=session)


def _pair(value: Mapping[str, Any]) -> str:
    return link_id(value["retired"], value["survivor"])


def _replaced(links: Mapping[str, Link], event: Said) -> dict[str, Link]:
    """The links that a person's state says, and those that it no longer says."""
    to, version = event.value["health_id"], event.value["version"]
    present = set(event.value.get("replaces") or ())
    before = {link["former"] for link in links.values() if link["to"] == to and link["replaced"]}
    changed = {}
    for former in sorted(present | before):
        key = link_id(former, to)
        link = fold_replaces(
            links.get(key), former=former, to=to, present=former in present, version=version, at=event.at
        )
        if link is not None and former != to:
            changed[key] = link
    return changed
