"""What the registry said: whose facility is open, whose posting and licence are in force."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from shr_common.mongo import Database, Document, categorised

from shr_appointments.domain.schedules import Standing
from shr_appointments.storage.collections import REGISTRY
from shr_appointments.storage.newer import newer


class RegistryReplica:
    """One document for each Organization, Practitioner and PractitionerRole; folded by version."""

    def __init__(self, database: Database) -> None:
        self._registry = database[REGISTRY]

    async def fold(self, entries: Mapping[str, Document]) -> None:
        """Keep what is newer; ``entries`` by ``Type/id``."""
        if entries:
            with categorised():
                await self._registry.bulk_write([newer(reference, row) for reference, row in entries.items()])

    async def standing(self, *, facility: str | None, practitioner: str | None) -> Standing:
        """What is said about a facility and a practitioner; what nobody has heard of is taken as good."""
        references = [f"Organization/{facility}", f"Practitioner/{practitioner}"]
        with categorised():
            rows = {row["_id"]: row async for row in self._registry.find({"_id": {"$in": references}})}
            roles: Sequence[Document] = []
            if practitioner is not None and facility is not None:
                wanted = {"practitioner": practitioner, "facility": facility, "type": "PractitionerRole"}
                roles = [row async for row in self._registry.find(wanted)]
        place, person = rows.get(references[0], {}), rows.get(references[1], {})
        return Standing(
            facility_open=place.get("active", True),
            practitioner_active=person.get("active", True),
            licence_until=_day(person.get("end")),
            postings=tuple((_day(role.get("start")), _day(role.get("end")), role["active"]) for role in roles),
        )


def _day(said: str | None) -> date | None:
    return date.fromisoformat(said) if said else None
