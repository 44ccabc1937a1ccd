"""The value of a consumed record as its contract has it."""

from __future__ import annotations

from typing import TypeVar

from pydantic import ValidationError
from shr_common.errors import invalid
from shr_common.kafka import Record
from shr_contracts.events import Value

V = TypeVar("V", bound=Value)


def value_of(record: Record, kind: type[V]) -> V:
    """Raises invalid: such a record goes to the dead letters, since no retry can mend it."""
    try:
        return kind.model_validate_json(record.value)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise invalid(f"Not a {kind.__name__}: {first['type']}.", expression=place or None) from None
