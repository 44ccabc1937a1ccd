"""``patient.registered|updated|merged|erased``: who is who, and who guards whom."""

from __future__ import annotations

from collections.abc import Sequence

from shr_common.kafka import Record
from shr_contracts.events import PatientErased, PatientMerged, PatientRegistered
from shr_contracts.topics import PATIENT_ERASED, PATIENT_MERGED

from shr_consent.messaging.values import value_of
from shr_consent.storage.authorship import AuthorshipStore
from shr_consent.storage.people import Merged, PeopleStore, PersonChanged
from shr_consent.storage.statements import StatementStore


class FollowPeople:
    """Folds a batch in one transaction; by version, so that repeats change nothing."""

    def __init__(self, people: PeopleStore, statements: StatementStore, authorship: AuthorshipStore) -> None:
        self._people = people
        self._statements = statements
        self._authorship = authorship

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
        if erased:
            await self._statements.erase(erased)
            await self._authorship.erase(erased)


def _person(value: PatientRegistered) -> PersonChanged:
    return PersonChanged(
        id=value.health_id,
        version=value.version,
        guardians=tuple(value.guardians),
        birth_date=value.birth_date,
        replaces=tuple(value.replaces),
    )
