"""Identity numbers in what one service tells another: sealed with ``messages.key``, so that no topic shows them.

A sealed value is ``enc:`` and base64url of an AES-256-GCM envelope bound to the ``system`` that stands beside it in
FHIR (of an Identifier or a ContactPoint; empty if there is none): an NID cannot be passed off as a phone number.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from shr_common.keys import Envelope

KEY = "messages"
"""The name of the key in the key store: ``Envelope.load(keys_dir, KEY)``."""
PREFIX = "enc:"


def seal_number(envelope: Envelope, system: str, number: str) -> str:
    """The value to write instead of a number of an identifier system (or ``phone``, ``sms``; empty for none)."""
    return PREFIX + base64.urlsafe_b64encode(envelope.seal(number.encode(), system.encode())).decode()


def open_number(envelope: Envelope, system: str, sealed: str) -> str:
    """The number. Raises ValueError for what was not sealed, or under another key, or for another system."""
    if not sealed.startswith(PREFIX):
        raise ValueError("this value is not sealed")
    try:
        raw = base64.b64decode(sealed.removeprefix(PREFIX), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("this value is not base64url") from None
    return envelope.open(raw, system.encode()).decode()


def with_numbers_opened(envelope: Envelope, resource: Any) -> Any:
    """A copy of a parsed resource with every sealed ``value`` open. Raises ValueError as ``open_number`` does."""
    if isinstance(resource, list):
        return [with_numbers_opened(envelope, item) for item in resource]
    if not isinstance(resource, dict):
        return resource
    opened = {name: with_numbers_opened(envelope, member) for name, member in resource.items()}
    value, system = opened.get("value"), opened.get("system", "")
    if isinstance(value, str) and value.startswith(PREFIX) and isinstance(system, str):
        opened["value"] = open_number(envelope, system, value)
    return opened
