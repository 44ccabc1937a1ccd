"""``patient.registered``, ``patient.updated``, ``patient.merged``, ``patient.erased``: the replica of persons."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import ValidationError
from shr_common.errors import invalid
from shr_common.kafka import Record
from shr_contracts.events import PatientErased, PatientMerged, PatientRegistered
from shr_contracts.topics import PATIENT_ERASED, PATIENT_MERGED

from shr_records.domain.people import Hash
from shr_records.domain.persons import Erased, link_of, state_of
from shr_records.use_cases.follow_patients import Change, FollowPatients


class PatientChanged:
    """Deals with one batch of records."""

    def __init__(self, follow: FollowPatients, hash_of: Hash) -> None:
        self._follow = follow
        self._hash = hash_of

    async def __call__(self, records: Sequence[Record]) -> None:
        """Raises invalid for a record that is no such event."""
        await self._follow([self._change(record) for record in records])

    def _change(self, record: Record) -> Change:
        try:
            if record.topic == PATIENT_MERGED:
                return link_of(PatientMerged.model_validate_json(record.value))
            if record.topic == PATIENT_ERASED:
                return Erased(PatientErased.model_validate_json(record.value).health_id)
            return state_of(PatientRegistered.model_validate_json(record.value), self._hash)
        except ValidationError as error:
            raise invalid(f"This is no {record.topic} event.") from error
