"""``consent.changed`` → consents. Heartbeats fold to nothing but the position, which is what makes the view fresh."""

from __future__ import annotations

from shr_common.kafka import Record
from shr_contracts.cloudevents import CONSENT_HEARTBEAT
from shr_policy import Grant

from shr_gateway.messaging.parsing import moment, value_of
from shr_gateway.storage.facts import Dated


def consent_of(record: Record) -> Dated | None:
    """The consent of a record; None for a heartbeat. What the policy cannot read is refused here."""
    if record.type == CONSENT_HEARTBEAT:
        return None
    value = value_of(record, "consent_id", "patient", "version", "status", "at")
    Grant.of(value)
    return Dated(value, moment(value["at"]))
