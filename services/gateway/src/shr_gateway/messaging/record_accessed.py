"""``record.accessed`` → looks, for the citizen's page."""

from __future__ import annotations

from shr_common.kafka import Record

from shr_gateway.messaging.parsing import moment, value_of
from shr_gateway.storage.facts import Dated


def look_of(record: Record) -> Dated:
    """The look of a record."""
    value = value_of(record, "id", "patient", "actor", "decision", "at")
    return Dated(value, moment(value["at"]))
