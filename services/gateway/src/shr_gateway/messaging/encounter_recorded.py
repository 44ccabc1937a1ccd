"""``encounter.recorded`` → rows, profiles, flows."""

from __future__ import annotations

from shr_common.kafka import Record

from shr_gateway.projections.records import Recorded, recorded_of


def event_of(record: Record) -> Recorded:
    """The event of a record, its resources still in their bytes."""
    return recorded_of(record.value)
