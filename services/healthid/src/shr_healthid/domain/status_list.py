"""The published list of cards that no longer stand, in the form of an IETF Token Status List.

Two bits a card, packed as that draft says (https://datatracker.ietf.org/doc/draft-ietf-oauth-status-list): the card
numbered ``n`` stands in part ``n // PART_CARDS`` at place ``n % PART_CARDS``. A whole part is fetched, so nobody learns
which card a verifier looks at.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Iterable, Mapping
from typing import Any

from shr_healthid.domain.cards import LOST, REPLACED, REVOKED

PART_CARDS = 131_072
BITS = 2
CODES = {REVOKED: 1, LOST: 2, REPLACED: 3}
"""1 is the draft's INVALID, 2 its SUSPENDED, 3 is left to the application."""
TYPE = "statuslist+jwt"
_PART_BYTES = PART_CARDS * BITS // 8
_STATUS_OF = {code: status for status, code in CODES.items()}


def part_of(number: int) -> int:
    """In which part a card is listed."""
    return number // PART_CARDS


def subject_of(part: int) -> str:
    """How a signed part names itself, so that none can be shown for another."""
    return f"urn:shr:card-status:{part}"


def packed(ended: Iterable[tuple[int, str]]) -> str:
    """``lst`` of a part: (number, status) of each card in it that no longer stands; zlib, base64url without padding."""
    statuses = bytearray(_PART_BYTES)
    for number, status in ended:
        place = number % PART_CARDS
        statuses[place * BITS // 8] |= CODES[status] << place * BITS % 8
    return base64.urlsafe_b64encode(zlib.compress(bytes(statuses), 9)).rstrip(b"=").decode()


def status_in(claims: Mapping[str, Any], number: int) -> str | None:
    """What a proven part says of a card; None: it stands. Raises ValueError for a list that cannot be read."""
    listed = claims.get("status_list")
    if not isinstance(listed, Mapping) or listed.get("bits") != BITS or not isinstance(listed.get("lst"), str):
        raise ValueError("no list of two bits")
    if claims.get("sub") != subject_of(part_of(number)):
        raise ValueError("another part")
    try:
        zipped = base64.urlsafe_b64decode(listed["lst"] + "=" * (-len(listed["lst"]) % 4))
        statuses = zlib.decompressobj().decompress(zipped, _PART_BYTES)
        place = number % PART_CARDS
        code = statuses[place * BITS // 8] >> place * BITS % 8 & (1 << BITS) - 1
    except (binascii.Error, zlib.error, IndexError) as error:
        raise ValueError("a list that cannot be unpacked") from error
    return _STATUS_OF.get(code)
