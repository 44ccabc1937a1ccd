"""``patient.registered|updated|merged|erased`` → people, links, counters. One view: they are one story."""

from __future__ import annotations

from shr_common.kafka import Record
from shr_contracts.topics import PATIENT_ERASED, PATIENT_MERGED

from shr_gateway.messaging.parsing import moment, value_of
from shr_gateway.storage.people import Said


def said_of(record: Record) -> Said:
    """The event of a record."""
    if record.topic == PATIENT_MERGED:
        value = value_of(record, "survivor", "retired", "at")
        value["version"] = int(value.get("version", 0))
        return Said("merged", value, moment(value["at"]))
    value = value_of(record, "health_id", "at")
    if record.topic == PATIENT_ERASED:
        return Said("erased", value, moment(value["at"]))
    value["version"] = int(value["version"])
    return Said("person", value, moment(value["at"]))
