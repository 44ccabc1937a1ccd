"""``appointment.changed`` → upcoming appointments."""

from __future__ import annotations

from shr_common.kafka import Record

from shr_gateway.messaging.parsing import moment, value_of
from shr_gateway.storage.facts import Dated


def booking_of(record: Record) -> Dated:
    """The booking of a record."""
    value = value_of(record, "appointment_id", "version", "status", "patient", "start", "end")
    return Dated(value, moment(value["start"]), moment(value["end"]))
