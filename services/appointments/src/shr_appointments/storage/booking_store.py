"""Appointments, the slots that they have, and what was answered to which request: one transaction a change."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from pymongo import ASCENDING, ReturnDocument
from shr_common.errors import Category, ShrError
from shr_common.keys import Envelope
from shr_common.mongo import Client, Database, Document, Session, categorised, unit_of_work
from shr_common.outbox import Outbox

from shr_appointments.domain.appointments import Appointment, Taken
from shr_appointments.domain.deciding import Change, Decide, Request, Seen
from shr_appointments.storage.collections import APPOINTMENTS, COUNTERS, REQUESTS, SLOTS

SEALED = ("comment", "reason")


class BookingStore:
    """What was said in free text lies encrypted; everything else is ids and times."""

    def __init__(
        self, client: Client, database: Database, outbox: Outbox, envelope: Envelope, *, timeout_s: float
    ) -> None:
        self._client = client
        self._appointments = database[APPOINTMENTS]
        self._slots = database[SLOTS]
        self._requests = database[REQUESTS]
        self._counters = database[COUNTERS]
        self._outbox = outbox
        self._envelope = envelope
        self._timeout_s = timeout_s

    async def change(
        self, decide: Decide, *, appointment: str | None, slots: Sequence[str], request: Request | None
    ) -> Change:
        """Read, decide, write with events. Changes that meet at a slot go one by one. Raises busy, conflict."""

        async def work(session: Session) -> Change:
            change = decide(await self._seen(appointment, slots, request, session))
            if change.writes:
                await self._write(change, request, session)
            return change

        try:
            change = await unit_of_work(self._client, work, timeout_s=self._timeout_s)
        except ShrError as error:
            if (
                error.category is not Category.CONFLICT
                or error.issues[0].code != "duplicate"
                or error.__cause__ is None
            ):
                raise
            # another one wrote the same key first: decide again, seeing it
            change = await unit_of_work(self._client, work, timeout_s=self._timeout_s)
        self._outbox.wake()
        return change

    async def _seen(
        self, appointment: str | None, slots: Sequence[str], request: Request | None, session: Session
    ) -> Seen:
        taken = {
            row["_id"]: _taken(row) async for row in self._slots.find({"_id": {"$in": list(slots)}}, session=session)
        }
        wanted = {one.appointment for one in taken.values()} | ({appointment} if appointment else set())
        answered = None
        if request is not None:
            row = await self._requests.find_one({"_id": request.key}, session=session)
            if row is not None:
                answered = (row["digest"], row["appointment"])
                wanted.add(row["appointment"])
        rows = self._appointments.find({"_id": {"$in": sorted(wanted)}}, session=session)
        return Seen({row["_id"]: self._appointment(row) async for row in rows}, taken, answered)

    async def _write(self, change: Change, request: Request | None, session: Session) -> None:
        if change.release:
            await self._slots.delete_many(
                {"_id": {"$in": change.release}, "appointment": change.appointment.id}, session=session
            )
        for taken in change.take:
            row = {"_id": taken.slot, "appointment": taken.appointment, "held_until": taken.held_until}
            await self._slots.replace_one({"_id": taken.slot}, row, upsert=True, session=session)
        for one in (*change.others, change.appointment):
            await self._appointments.replace_one({"_id": one.id}, self._row(one), upsert=True, session=session)
        if request is not None:
            row = {"_id": request.key, "digest": request.digest, "appointment": change.appointment.id}
            await self._requests.insert_one(row | {"at": change.appointment.updated_at}, session=session)
        await self._outbox.add(change.all_events(), session)

    async def read(self, id: str) -> Appointment | None:
        """An appointment."""
        with categorised():
            row = await self._appointments.find_one({"_id": id})
        return self._appointment(row) if row else None

    async def taken(self, slots: Collection[str]) -> Mapping[str, Taken]:
        """Those of these slots that somebody has."""
        with categorised():
            rows = self._slots.find({"_id": {"$in": list(slots)}})
            return {row["_id"]: _taken(row) async for row in rows}

    async def next_number(self, *, facility: str, department: str, day: str) -> int:
        """The next number in a queue; numbers of changes that failed are left out."""
        with categorised():
            row = await self._counters.find_one_and_update(
                {"_id": f"{facility}|{department}|{day}"},
                {"$inc": {"next": 1}},
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        assert row is not None  # noqa: S101 (an upsert answers what it wrote)
        return int(row["next"])

    async def search(
        self, condition: Mapping[str, Any], *, offset: int, count: int
    ) -> tuple[int, Sequence[Appointment]]:
        """How many appointments fit, and a page of them in order of time."""
        with categorised():
            total = await self._appointments.count_documents(condition)
            if not count:
                return total, []
            rows = self._appointments.find(condition).sort([("start", ASCENDING), ("_id", ASCENDING)])
            return total, [self._appointment(row) async for row in rows.skip(offset).limit(count)]

    async def open_for(self, patients: Collection[str], facilities: Collection[str]) -> Sequence[Appointment]:
        """Appointments of these persons at these facilities that a visit could fulfil."""
        wanted = {
            "patient": {"$in": list(patients)},
            "facility": {"$in": list(facilities)},
            "status": {"$in": ["booked", "arrived"]},
        }
        with categorised():
            return [self._appointment(row) async for row in self._appointments.find(wanted)]

    async def erase(self, patients: Collection[str]) -> None:
        """Forget these persons' appointments."""

        async def work(session: Session) -> None:
            wanted = {"patient": {"$in": list(patients)}}
            ids = [row["_id"] async for row in self._appointments.find(wanted, {"_id": 1}, session=session)]
            await self._slots.delete_many({"appointment": {"$in": ids}}, session=session)
            await self._requests.delete_many({"appointment": {"$in": ids}}, session=session)
            await self._appointments.delete_many(wanted, session=session)

        await unit_of_work(self._client, work, timeout_s=self._timeout_s)

    def _row(self, appointment: Appointment) -> Document:
        row: Document = asdict(appointment)
        row["_id"] = row.pop("id")
        for name in SEALED:
            if row[name] is not None:
                row[name] = self._envelope.seal(row[name].encode(), appointment.id.encode())
        return row

    def _appointment(self, row: Document) -> Appointment:
        said = {name: value for name, value in row.items() if name != "_id"}
        for name in SEALED:
            if said[name] is not None:
                said[name] = self._envelope.open(said[name], row["_id"].encode()).decode()
        return Appointment(id=row["_id"], **said)


def _taken(row: Document) -> Taken:
    held: datetime | None = row["held_until"]
    return Taken(row["_id"], row["appointment"], held)
