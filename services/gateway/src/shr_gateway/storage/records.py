"""Rows, versions, profiles and flows of ``encounter.recorded`` and ``result.acknowledged``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pymongo import ReplaceOne, UpdateOne
from shr_common.mongo import Database, Session

from shr_gateway.projections.facts import flow_of
from shr_gateway.projections.records import (
    Changes,
    Recorded,
    Row,
    fold,
    fold_acknowledgement,
    fold_profile,
    to_refill,
)
from shr_gateway.storage.profiles import Profiles
from shr_gateway.storage.views import FLOWS, PEOPLE, RESOURCES, VERSIONS


class RecordsView:
    """Applies events inside a unit of work."""

    def __init__(self, database: Database) -> None:
        self._rows = database[RESOURCES]
        self._versions = database[VERSIONS]
        self._profiles = Profiles(database)
        self._people = database[PEOPLE]
        self._flows = database[FLOWS]

    async def apply(self, events: list[Recorded], session: Session) -> None:
        """Fold recorded submissions."""
        events = await self._of_the_living(events, session)
        references = {f"{entry.type}/{entry.id}" for event in events for entry in event.resources}
        known: dict[str, Row] = {
            row["_id"]: row async for row in self._rows.find({"_id": {"$in": sorted(references)}}, session=session)
        }
        folded = fold(known, events)
        await self._write_rows(folded.current, known, session)
        if folded.passed:
            await self._versions.bulk_write(
                [ReplaceOne({"_id": row["_id"]}, row, upsert=True) for row in folded.passed.values()], session=session
            )
        await self._fold_profiles(folded.changes, session)
        await self._count(folded.effective, session)

    async def apply_acknowledgements(self, said: list[Mapping[str, Any]], session: Session) -> None:
        """Fold who has seen which result."""
        profiles = await self._profiles.load({value["patient"] for value in said}, session)
        for value in said:
            profiles[value["patient"]] = fold_acknowledgement(profiles[value["patient"]], value)
        await self._profiles.store(profiles.values(), session)

    async def _of_the_living(self, events: list[Recorded], session: Session) -> list[Recorded]:
        """Without those of erased persons, which may come late."""
        persons = sorted({event.health_id for event in events})
        erased = self._people.find({"_id": {"$in": persons}, "erased": True}, {"_id": 1}, session=session)
        gone = {person["_id"] async for person in erased}
        return [event for event in events if event.health_id not in gone] if gone else events

    async def _write_rows(self, current: Mapping[str, Row], known: Mapping[str, Row], session: Session) -> None:
        fresh = [row for reference, row in current.items() if reference not in known]
        if fresh:
            await self._rows.insert_many(fresh, session=session, ordered=False)
        changed = [ReplaceOne({"_id": ref}, row) for ref, row in current.items() if ref in known]
        if changed:
            await self._rows.bulk_write(changed, session=session, ordered=False)

    async def _fold_profiles(self, changes: Changes, session: Session) -> None:
        if not changes:
            return
        profiles = await self._profiles.load(changes, session)
        for person, of_person in changes.items():
            before = profiles[person]
            after = fold_profile(before, of_person)
            for section in sorted(to_refill(before, of_person)):
                after = await self._profiles.refill(after, section, session)
            profiles[person] = after
        await self._profiles.store(profiles.values(), session)

    async def _count(self, events: Sequence[Recorded], session: Session) -> None:
        counts: dict[tuple[str, str, str], list[Any]] = {}
        for event in events:
            day, system = flow_of(event.source, event.recorded_at)
            count = counts.setdefault((day, event.source, system), [0, 0, ""])
            count[0] += 1
            count[1] += len(event.resources)
            count[2] = max(count[2], event.recorded_at)
        if counts:
            await self._flows.bulk_write(
                [
                    UpdateOne(
                        {"_id": f"{day}|{source}"},
                        {
                            "$inc": {"recorded": n, "resources": resources},
                            "$max": {"last": last},
                            "$setOnInsert": {"day": day, "source": source, "system": system},
                        },
                        upsert=True,
                    )
                    for (day, source, system), (n, resources, last) in counts.items()
                ],
                session=session,
            )
