"""Consents, registry, names, appointments, looks and rejections: each document folded by its own version."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo import ReplaceOne, UpdateOne
from shr_common.mongo import Collection, Database, Document, Session

from shr_gateway.projections.facts import fold_appointment, fold_consent, fold_registry, look_of, names_of
from shr_gateway.storage.views import APPOINTMENTS, CONSENTS, FLOWS, LOOKS, NAMES, REGISTRY, REJECTIONS

Value = Mapping[str, Any]
Fold = Callable[[Document | None, Any], Document | None]


@dataclass(frozen=True, slots=True)
class Dated:
    """A value with its moments parsed."""

    value: Value
    at: datetime
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Rejection:
    """A refused submission: never its words."""

    id: str
    source: str
    system: str
    day: str
    cause: str
    person: str | None
    at: datetime


class FactsView:
    """Applies events inside a unit of work."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def apply_consents(self, events: list[Dated], session: Session) -> None:
        """Fold ``consent.changed``."""
        pairs = [(event.value["consent_id"], event) for event in events]
        await self._fold(CONSENTS, pairs, lambda known, event: fold_consent(known, event.value, event.at), session)

    async def apply_registry(self, values: list[Value], session: Session) -> None:
        """Fold ``registry.changed``."""
        pairs = [(f"{value['resource_type']}/{value['id']}", value) for value in values]
        await self._fold(REGISTRY, pairs, fold_registry, session)

    async def apply_appointments(self, events: list[Dated], session: Session) -> None:
        """Fold ``appointment.changed``."""
        pairs = [(event.value["appointment_id"], event) for event in events]
        await self._fold(
            APPOINTMENTS,
            pairs,
            lambda known, event: fold_appointment(known, event.value, start=event.at, end=event.end),
            session,
        )

    async def apply_names(self, values: list[Value], session: Session) -> None:
        """Keep the Bangla names of ``terminology.changed``."""
        names = {name["_id"]: name for value in values for name in names_of(value)}
        if names:
            await self._database[NAMES].bulk_write(
                [ReplaceOne({"_id": key}, name, upsert=True) for key, name in names.items()], session=session
            )

    async def apply_looks(self, events: list[Dated], session: Session) -> None:
        """Keep each look once."""
        looks = {event.value["id"]: look_of(event.value, event.at) for event in events}
        fresh = await self._absent(self._database[LOOKS], looks, session)
        if fresh:
            await self._database[LOOKS].insert_many(fresh, session=session, ordered=False)

    async def apply_rejections(self, rejections: list[Rejection], session: Session) -> None:
        """Count each refused submission once."""
        documents = {
            one.id: {"_id": one.id, "source": one.source, "system": one.system, "day": one.day, "cause": one.cause,
                     "person": one.person, "at": one.at}
            for one in rejections
        }  # fmt: skip
        fresh = await self._absent(self._database[REJECTIONS], documents, session)
        if not fresh:
            return
        await self._database[REJECTIONS].insert_many(fresh, session=session, ordered=False)
        counts: dict[tuple[str, str, str], int] = {}
        for one in fresh:
            key = (one["day"], one["source"], one["system"])
            counts[key] = counts.get(key, 0) + 1
        await self._database[FLOWS].bulk_write(
            [
                UpdateOne(
                    {"_id": f"{day}|{source}"},
                    {"$inc": {"rejected": n}, "$setOnInsert": {"day": day, "source": source, "system": system}},
                    upsert=True,
                )
                for (day, source, system), n in counts.items()
            ],
            session=session,
        )

    @staticmethod
    async def _absent(collection: Collection, documents: Mapping[str, Document], session: Session) -> list[Document]:
        known = {
            found["_id"]
            async for found in collection.find({"_id": {"$in": list(documents)}}, {"_id": 1}, session=session)
        }
        return [document for key, document in documents.items() if key not in known]

    async def _fold(self, name: str, pairs: Sequence[tuple[str, Any]], fold: Fold, session: Session) -> None:
        collection = self._database[name]
        ids = sorted({key for key, _ in pairs})
        known: dict[str, Document] = {
            found["_id"]: found async for found in collection.find({"_id": {"$in": ids}}, session=session)
        }
        changed: dict[str, Document] = {}
        for key, event in pairs:
            after = fold(known.get(key), event)
            if after is not None:
                known[key] = changed[key] = after
        if changed:
            await collection.bulk_write(
                [ReplaceOne({"_id": key}, document, upsert=True) for key, document in changed.items()],
                session=session,
            )
