"""Cursors as opaque, sealed text: nobody can read, change or lend one."""

from __future__ import annotations

import base64
import binascii

import orjson
from shr_common.keys import Envelope

from shr_gateway.domain.search import refused
from shr_gateway.use_cases.search_records import Cursor

_CONTEXT = b"gateway search cursor"
LENGTH_LIMIT = 2000


class Cursors:
    """Seals and opens them under the gateway's master key."""

    def __init__(self, envelope: Envelope) -> None:
        self._envelope = envelope

    def seal(self, cursor: Cursor) -> str:
        """As the ``_cursor`` of a link."""
        said = [cursor.who, cursor.patient, cursor.purpose, cursor.query, cursor.permit, *cursor.position]
        return base64.urlsafe_b64encode(self._envelope.seal(orjson.dumps(said), _CONTEXT)).decode().rstrip("=")

    def open(self, text: str) -> Cursor:
        """Raises invalid (400) for one that was not made here."""
        try:
            if len(text) > LENGTH_LIMIT:
                raise ValueError
            sealed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
            who, patient, purpose, query, permit, first, second = orjson.loads(self._envelope.open(sealed, _CONTEXT))
        except (ValueError, binascii.Error):
            raise refused("This page is not one that this system gave out.", "_cursor") from None
        return Cursor(who, patient, purpose, query, permit, (first, second))
