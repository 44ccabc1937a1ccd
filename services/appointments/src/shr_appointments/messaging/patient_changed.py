"""``patient.registered|updated|merged|erased``: who is who, and who guards whom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shr_common.kafka import Record
from shr_contracts.events import PatientErased, PatientMerged, PatientRegistered
from shr_contracts.topics import PATIENT_ERASED, PATIENT_MERGED

from shr_appointments.messaging.values import value_of
from shr_appointments.storage.booking_store import BookingStore
from shr_appointments.storage.people_replica import PeopleReplica

Row = dict[str, Any]
REPLACED = 1 << 53
"""The version of a link to the id that replaced one."""


class FollowPeople:
    """Folds a batch by version; forgets the erased with all their appointments."""

    def __init__(self, people: PeopleReplica, bookings: BookingStore) -> None:
        self._people = people
        self._bookings = bookings

    async def __call__(self, records: Sequence[Record]) -> None:
        """Raises invalid, unavailable."""
        people: dict[str, Row] = {}
        links: dict[str, Row] = {}
        erased: list[str] = []
        for record in records:
            if record.topic == PATIENT_MERGED:
                merged = value_of(record, PatientMerged)
                link = {"version": merged.version, "to": merged.survivor, "undone": merged.undone}
                _keep(links, merged.retired, link)
            elif record.topic == PATIENT_ERASED:
                erased.append(value_of(record, PatientErased).health_id)
            else:
                value = value_of(record, PatientRegistered)
                said = {"version": value.version, "status": value.status, "guardians": list(value.guardians)}
                _keep(people, value.health_id, said)
                for former in value.replaces:
                    if former != value.health_id:
                        # for ever, whatever merges of the former id were told
                        _keep(links, former, {"version": REPLACED, "to": value.health_id, "undone": False})
        if erased:
            await self._bookings.erase(erased)
        await self._people.fold(people, links, erased)


def _keep(rows: dict[str, Row], id: str, row: Row) -> None:
    known = rows.get(id)
    if known is None or row["version"] > known["version"]:
        rows[id] = row
