"""``notification.requested``: what a citizen is told about her consents. No clinical word, no number of hers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from shr_contracts.cloudevents import Event, event_id, event_type
from shr_contracts.events import NotificationRequested
from shr_contracts.topics import NOTIFICATION_REQUESTED

from shr_consent.domain.statement import Statement

ASKED = "consent-requested"
CODE = "consent-code"
GRANTED = "consent-granted"
DENIED = "consent-denied"
EMERGENCY = "break-glass"
Seal = Callable[[str, str], str]
"""(secret, id of the notification) → what only healthid can open."""


def message(
    stated: Statement,
    template: str,
    *,
    to: str,
    who: str,
    at: datetime,
    secret: str | None = None,
    seal: Seal | None = None,
) -> Event:
    """One message of a template about one statement to one person; the same again is the same event."""
    named = f"{stated.id}-{template}-{to}"
    value = NotificationRequested(
        id=named,
        health_id=to,
        template=template,
        parameters={"recipient": who},
        secret=seal(secret, named) if secret is not None and seal is not None else None,
        at=at,
    )
    kind = event_type(NOTIFICATION_REQUESTED)
    return Event(
        topic=NOTIFICATION_REQUESTED,
        key=to,
        id=event_id(aggregate=named, version=1, type=kind),
        type=kind,
        source="consent",
        subject=stated.id,
        time=at,
        value=value.model_dump_json(by_alias=True).encode(),
    )
