"""JSON in which 1.50 stays 1.50: decimals are read as Decimal and written as they were."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

_ENCODER = msgspec.json.Encoder(decimal_format="number")
_DECODER = msgspec.json.Decoder(float_hook=Decimal)


def dumps(value: Any) -> bytes:
    """Compact JSON bytes."""
    return _ENCODER.encode(value)


def loads(raw: bytes) -> Any:
    """The value of JSON bytes, decimals exact."""
    return _DECODER.decode(raw)
