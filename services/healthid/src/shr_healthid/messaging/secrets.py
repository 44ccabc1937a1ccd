"""What other services encrypted to healthid."""

from __future__ import annotations

import base64
import binascii
import contextlib
from collections.abc import Callable

from shr_common.keys import Envelope


def opener(envelope: Envelope) -> Callable[[str, str], str]:
    """Opens (sealed, notification id): base64 of an envelope, bound to the notification's id or to nothing."""

    def open_secret(sealed: str, notification_id: str) -> str:
        try:
            raw = base64.b64decode(sealed, validate=True)
        except binascii.Error:
            raise ValueError("not base64") from None
        for bound_to in (notification_id.encode(), None):
            with contextlib.suppress(ValueError):
                return envelope.open(raw, bound_to).decode()
        raise ValueError("not encrypted to healthid")

    return open_secret
