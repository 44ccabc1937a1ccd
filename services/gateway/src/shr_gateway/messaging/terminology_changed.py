"""``terminology.changed`` → Bangla names of concepts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shr_common.kafka import Record

from shr_gateway.messaging.parsing import value_of


def concepts_of(record: Record) -> Mapping[str, Any]:
    """The concepts of a record."""
    return value_of(record, "kind", "url", "version")
