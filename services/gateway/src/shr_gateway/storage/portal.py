"""Plain reads for the pages: looks, permissions, appointments, counters, flows. Who may see them is the page's duty."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pymongo
from pymongo import ASCENDING, DESCENDING
from shr_common.mongo import Database, Document, categorised

from shr_gateway.domain.family import Family
from shr_gateway.storage.known import KnownReader
from shr_gateway.storage.views import (
    APPOINTMENTS,
    CONSENTS,
    COUNTERS,
    FLOWS,
    LOOKS,
    PEOPLE,
    PROFILES,
    REGISTRY,
    REJECTIONS,
)

CONSENTS_LIMIT = 500


class PortalReads:
    """Every method raises unavailable when the store does not answer. ``ids`` are ``family(...).ids``."""

    def __init__(self, database: Database, known: KnownReader, *, timeout_s: float) -> None:
        self._database = database
        self._known = known
        self._timeout_s = timeout_s

    async def family(self, person: str) -> Family:
        """All ids of a person, the one in use first."""
        return (await self._known.families([person]))[person]

    async def person(self, health_id: str) -> Document | None:
        """``{name, name_bn, gender, birth_date, district, upazila, status, guardians, …}``."""
        with categorised(), pymongo.timeout(self._timeout_s):
            return await self._database[PEOPLE].find_one({"_id": health_id, "erased": False})

    async def wards(self, ids: Sequence[str]) -> list[Document]:
        """The people of whom healthid says that this person is guardian, under any of her ids."""
        wanted = {"guardians": {"$in": list(ids)}, "guardians.0": {"$exists": True}, "erased": False}
        with categorised(), pymongo.timeout(self._timeout_s):
            found = self._database[PEOPLE].find(wanted)
            return await found.limit(50).to_list()

    async def looks(
        self, ids: Sequence[str], *, since: datetime, before: datetime | None = None, limit: int = 200
    ) -> list[Document]:
        """``{_id, at, patient, actor: {role, id, facility, name}, purpose, decision, consent_id, what, break_glass}``,
        newest first.
        """
        moments: dict[str, Any] = {"$gte": since} | ({"$lt": before} if before else {})
        with categorised(), pymongo.timeout(self._timeout_s):
            found = self._database[LOOKS].find({"patient": {"$in": list(ids)}, "at": moments})
            return await found.sort("at", DESCENDING).limit(limit).to_list()

    async def consents(self, ids: Sequence[str], *, statuses: Sequence[str] | None = None) -> list[Document]:
        """``{_id, patient, version, status, kind, granted_at, at, value: consent.changed value}``, newest first;
        pending requests have the status ``requested``.
        """
        wanted: dict[str, Any] = {"patient": {"$in": list(ids)}}
        if statuses is not None:
            wanted["status"] = {"$in": list(statuses)}
        with categorised(), pymongo.timeout(self._timeout_s):
            found = self._database[CONSENTS].find(wanted).sort("at", DESCENDING)
            return await found.limit(CONSENTS_LIMIT).to_list()

    async def consent(self, consent_id: str) -> Document | None:
        """One consent or request; check its ``patient`` against who asks."""
        with categorised(), pymongo.timeout(self._timeout_s):
            return await self._database[CONSENTS].find_one({"_id": consent_id})

    async def appointments(self, ids: Sequence[str], *, since: datetime, limit: int = 50) -> list[Document]:
        """``{_id, status, facility, practitioner, department, start, end}`` from a moment on, soonest first."""
        wanted = {"patient": {"$in": list(ids)}, "start": {"$gte": since}}
        with categorised(), pymongo.timeout(self._timeout_s):
            found = self._database[APPOINTMENTS].find(wanted).sort("start", ASCENDING)
            return await found.limit(limit).to_list()

    async def registry_entries(self, references: Sequence[str]) -> dict[str, Document]:
        """Registry entries by ``Organization/<id>`` or ``Practitioner/<id>``: ``{name, name_bn, active, …}``."""
        with categorised(), pymongo.timeout(self._timeout_s):
            found = self._database[REGISTRY].find({"_id": {"$in": list(references)}})
            return {one["_id"]: one async for one in found}

    async def facilities_of(self, practitioners: Sequence[str]) -> dict[str, list[Document]]:
        """practitioner → the registry's entries of the facilities where he is posted: ``{id, name, name_bn}``."""
        wanted = {"type": "PractitionerRole", "practitioner": {"$in": sorted(set(practitioners))}, "active": True}
        with categorised(), pymongo.timeout(self._timeout_s):
            roles = await self._database[REGISTRY].find(wanted).limit(500).to_list()
        places = await self.registry_entries(sorted({f"Organization/{one['facility']}" for one in roles}))
        found: dict[str, list[Document]] = {}
        for role in roles:
            place = places.get(f"Organization/{role['facility']}")
            if place is not None:
                found.setdefault(role["practitioner"], []).append(place)
        return found

    async def counters(self) -> dict[str, Any]:
        """``{"total", "by_source": {system: n}}``: Health IDs issued, by first source. The total is the sum."""
        with categorised(), pymongo.timeout(self._timeout_s):
            found = await self._database[COUNTERS].find().sort("_id", ASCENDING).to_list()
        by_source = {one["_id"]: one["n"] for one in found}
        return {"total": sum(by_source.values()), "by_source": by_source}

    async def flows(self, *, day: str) -> list[Document]:
        """By source system of a day (Asia/Dhaka): ``{system, facilities, recorded, resources, rejected, last}``."""
        total: dict[str, Any] = {name: {"$sum": f"${name}"} for name in ("recorded", "resources", "rejected")}
        stages: list[dict[str, Any]] = [
            {"$match": {"day": day}},
            {"$group": {"_id": "$system", "facilities": {"$sum": 1}, "last": {"$max": "$last"}, **total}},
            {"$addFields": {"system": "$_id"}},
            {"$sort": {"_id": 1}},
        ]
        with categorised(), pymongo.timeout(self._timeout_s):
            return await (await self._database[FLOWS].aggregate(stages)).to_list()

    async def rejections(self, *, day: str) -> list[Document]:
        """Refused submissions of a day by cause: ``{cause, n, systems}``, most frequent first."""
        stages: list[dict[str, Any]] = [
            {"$match": {"day": day}},
            {"$group": {"_id": "$cause", "n": {"$sum": 1}, "systems": {"$addToSet": "$system"}}},
            {"$project": {"_id": 0, "cause": "$_id", "n": 1, "systems": 1}},
            {"$sort": {"n": -1, "cause": 1}},
            {"$limit": 100},
        ]
        with categorised(), pymongo.timeout(self._timeout_s):
            return await (await self._database[REJECTIONS].aggregate(stages)).to_list()

    async def sizes(self) -> dict[str, int]:
        """About how many people, profiles and consents the views hold."""
        with categorised(), pymongo.timeout(self._timeout_s):
            return {
                name: await self._database[name].estimated_document_count() for name in (PEOPLE, PROFILES, CONSENTS)
            }
