"""Is this card genuine, and does it stand? For whoever scans one."""

from __future__ import annotations

from typing import Protocol

from shr_healthid.domain.cards import Cards, Claims, UnprovenError, Verdict, judge
from shr_healthid.domain.person import Person


class Prover(Protocol):
    """Knows the published keys."""

    def card(self, text: str) -> Claims:
        """What a card's text says. Raises UnprovenError."""


class KnownCards(Protocol):
    """The store of cards."""

    async def of(self, health_id: str) -> Cards:
        """All cards of a Health ID."""


class People(Protocol):
    """The store of persons."""

    async def by_id(self, id_: str) -> Person | None:
        """The person of an id."""

    async def answering(self, person: Person) -> Person:
        """Who answers for a person: herself, or whom she was merged into."""


class VerifyCard:
    """First the signature, then the registry: nothing is looked up for a text that is not genuine."""

    def __init__(self, prover: Prover, cards: KnownCards, people: People) -> None:
        self._prover = prover
        self._cards = cards
        self._people = people

    async def __call__(self, text: str) -> Verdict:
        """The verdict on a scanned text. Raises unavailable when the registry cannot be asked."""
        try:
            claims = self._prover.card(text)
        except UnprovenError as error:
            return Verdict(False, reason=error.reason)
        cards = await self._cards.of(claims.health_id)
        person = await self._people.by_id(claims.health_id)
        holder = await self._people.answering(person) if person is not None else None
        return judge(claims, cards, current_id=holder.id if holder is not None else None)
