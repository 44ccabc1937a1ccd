"""A message on its way to a citizen."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Message:
    """One message; ``channel`` is ``sms``."""

    id: str
    health_id: str
    at: datetime
    channel: str
    text: str = field(repr=False)
