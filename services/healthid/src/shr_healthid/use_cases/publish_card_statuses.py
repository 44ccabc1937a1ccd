"""The signed list of cards that no longer stand, part by part, for verifiers without a connection at every look."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from shr_common.errors import not_found

from shr_healthid.domain.status_list import BITS, TYPE, packed, part_of, subject_of

PARTS_KEPT = 32


class EndedCards(Protocol):
    """The store of cards."""

    async def last_number(self) -> int:
        """The highest card number taken."""

    async def ended_in(self, part: int) -> list[tuple[int, str]]:
        """Number and status of each card of a part that no longer stands."""


class Signer(Protocol):
    """Signs the list."""

    def sign(self, payload: Mapping[str, Any], *, type: str | None = None) -> str:
        """A compact JWS."""


class PublishCardStatuses:
    """A part is signed again when it is ``ttl`` old; it says so, and when it is too old to be relied on (``valid``)."""

    def __init__(self, cards: EndedCards, signer: Signer, *, ttl: timedelta, valid: timedelta) -> None:
        self._cards = cards
        self._signer = signer
        self._ttl = ttl
        self._valid = valid
        self._kept: dict[int, tuple[datetime, str]] = {}

    @property
    def ttl_s(self) -> int:
        """How long a fetched part is good, in seconds."""
        return int(self._ttl.total_seconds())

    async def parts(self) -> int:
        """How many parts there are: one at least."""
        return part_of(await self._cards.last_number()) + 1

    async def __call__(self, part: int, now: datetime) -> str:
        """A part as a compact JWS. Raises not_found beyond the last one."""
        kept = self._kept.get(part)
        if kept is not None and now - kept[0] < self._ttl:
            return kept[1]
        if not 0 <= part < await self.parts():
            raise not_found("There is no such part of the list.")
        claims = {
            "sub": subject_of(part),
            "iat": int(now.timestamp()),
            "exp": int((now + self._valid).timestamp()),
            "ttl": self.ttl_s,
            "status_list": {"bits": BITS, "lst": packed(await self._cards.ended_in(part))},
        }
        signed = self._signer.sign(claims, type=TYPE)
        while len(self._kept) >= PARTS_KEPT:
            self._kept.pop(next(iter(self._kept)))
        self._kept[part] = (now, signed)
        return signed
