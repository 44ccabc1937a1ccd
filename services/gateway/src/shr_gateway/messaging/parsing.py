"""From records to values: what cannot be read is invalid, and lands in the dead letter queue."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson
from shr_common.errors import malformed
from shr_common.fhir.times import instant_of
from shr_common.kafka import Record


def value_of(record: Record, *needed: str) -> dict[str, Any]:
    """The value as an object that has these members. Raises invalid."""
    try:
        value = orjson.loads(record.value)
    except orjson.JSONDecodeError as error:
        raise malformed("This is not JSON.", diagnostics=str(error)) from None
    if not isinstance(value, dict):
        raise malformed("This is not a JSON object.")
    missing = [name for name in needed if value.get(name) is None]
    if missing:
        raise malformed(f"{record.topic} needs {', '.join(missing)}.")
    return value


def moment(said: Any) -> datetime:
    """An instant, as precise as the store keeps it (milliseconds). Raises invalid."""
    found = instant_of(said) if isinstance(said, str) else None
    if found is None:
        raise malformed("A moment cannot be read.")
    return found.replace(microsecond=found.microsecond // 1000 * 1000)
