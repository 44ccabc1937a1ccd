"""What every adapter gives: a canonical bundle as bytes, and what it could not map."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shr_common.errors import Issue


@dataclass(frozen=True, slots=True)
class Adapted:
    """``bundle`` is canonical FHIR; ``warnings`` say what was kept unmapped; with ``issues`` it cannot be read."""

    bundle: bytes
    warnings: tuple[Issue, ...] = ()
    issues: tuple[Issue, ...] = ()


Adapter = Callable[[dict[str, Any], bytes], Adapted]
"""Given the strictly parsed payload and its bytes (numbers must keep their zeros). Pure."""
