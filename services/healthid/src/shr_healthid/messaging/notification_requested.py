"""``notification.requested``: what other services want a citizen to know."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from pydantic import ValidationError
from shr_common.errors import invalid
from shr_common.kafka import Record
from shr_contracts.events import NotificationRequested

from shr_healthid.use_cases.deliver_notifications import DeliverNotifications


def handler(deliver: DeliverNotifications) -> Callable[[Sequence[Record]], Awaitable[None]]:
    """Delivers a batch; a record that is no request, or whose secret is not ours, goes to the dead letters."""

    async def handle(records: Sequence[Record]) -> None:
        try:
            await deliver([NotificationRequested.model_validate_json(record.value) for record in records])
        except ValidationError:
            raise invalid("This is not a notification request.") from None
        except ValueError:
            raise invalid("The secret of this notification was not encrypted to healthid.") from None

    return handle
