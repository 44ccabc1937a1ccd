"""``result.acknowledged`` → who has seen which result, in the profile."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shr_common.kafka import Record

from shr_gateway.messaging.parsing import value_of


def acknowledgement_of(record: Record) -> Mapping[str, Any]:
    """The acknowledgement of a record."""
    return value_of(record, "patient", "reference", "practitioner", "at")
