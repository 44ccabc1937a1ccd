"""``patient.registered|updated|merged|erased``: who is who, and who guards whom."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Protocol

from shr_common.kafka import Record
from shr_contracts.events import PatientErased, PatientMerged, PatientRegistered
from shr_contracts.topics import PATIENT_ERASED, PATIENT_MERGED

from shr_consent.messaging.values import value_of
from shr_consent.storage.people import Merged, PeopleStore, PersonChanged
from shr_consent.use_cases.end_guardians_say import EndGuardiansSay


class Erasing(Protocol):
    """A store that holds something of persons."""

    async def erase(self, patients: Iterable[str]) -> None:
        """Forget them."""


class FollowPeople:
    """Folds a batch in one transaction; by version, so that repeats change nothing."""

    def __init__(
        self,
        people: PeopleStore,
        end_guardians_say: EndGuardiansSay,
        erasing: Sequence[Erasing],
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._people = people
        self._end_guardians_say = end_guardians_say
        self._erasing = erasing
        self._now = now

    async def __call__(self, records: Sequence[Record]) -> None:
        """Raises invalid, unavailable."""
        changes: dict[str, PersonChanged] = {}
        merges: list[Merged] = []
        erased: list[str] = []
        for record in records:
            if record.topic == PATIENT_MERGED:
                merged = value_of(record, PatientMerged)
                merges.append(Merged(merged.retired, merged.survivor, merged.version, merged.undone))
            elif record.topic == PATIENT_ERASED:
                erased.append(value_of(record, PatientErased).health_id)
            else:
                person = _person(value_of(record, PatientRegistered))
                known = changes.get(person.id)
                if known is None or person.version > known.version:
                    changes[person.id] = person
        await self._people.fold(list(changes.values()), merges, erased)
        dated = [person.id for person in changes.values() if person.birth_date]
        if dated:
            await self._end_guardians_say(dated, now=self._now())
        if erased:
            for store in self._erasing:
                await store.erase(erased)


def _person(value: PatientRegistered) -> PersonChanged:
    return PersonChanged(
        id=value.health_id,
        version=value.version,
        guardians=tuple(value.guardians),
        birth_date=value.birth_date,
        replaces=tuple(value.replaces),
    )
