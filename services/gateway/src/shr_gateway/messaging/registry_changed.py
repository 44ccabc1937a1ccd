"""``registry.changed`` → names of facilities and practitioners, and their standing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shr_common.kafka import Record

from shr_gateway.messaging.parsing import value_of


def entry_of(record: Record) -> Mapping[str, Any]:
    """The registry entry of a record."""
    return value_of(record, "resource_type", "id", "version")
