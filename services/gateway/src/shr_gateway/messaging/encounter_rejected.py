"""``encounter.rejected`` → counts by cause and source."""

from __future__ import annotations

import hashlib

from shr_common.kafka import Record

from shr_gateway.messaging.parsing import moment, value_of
from shr_gateway.projections.facts import cause_of, flow_of
from shr_gateway.storage.facts import Rejection


def rejection_of(record: Record) -> Rejection:
    """What is counted of it."""
    value = value_of(record, "source", "submission_id", "rejected_at", "outcome")
    source = str(value["source"])
    day, system = flow_of(source, value["rejected_at"])
    key = f"{source}\n{value['submission_id']}\n{value.get('version', 1)}"
    return Rejection(
        id=hashlib.sha256(key.encode()).hexdigest(),
        source=source,
        system=system,
        day=day,
        cause=cause_of(value["outcome"]),
        person=value.get("health_id"),
        at=moment(value["rejected_at"]),
    )
