"""Make a card, and note what becomes of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from shr_common.errors import Category, Issue, ShrError, busy

from shr_healthid.domain.cards import LOST, REGISTERED, REVOKED, Card, Cards, Step, change, needs_number
from shr_healthid.domain.person import Person

TRIES = 6


class CardBook(Protocol):
    """The store of cards."""

    async def of(self, health_id: str) -> Cards:
        """All cards of a Health ID; of version 0 when there is none."""

    async def new_number(self) -> int:
        """A card number that no card has."""

    async def save(self, cards: Cards) -> bool:
        """Store the next version; False when somebody else did."""


class ChangeCard:
    """One step in the life of a person's card. Two desks at once: one after the other, by the rules of the first."""

    def __init__(self, book: CardBook) -> None:
        self._book = book

    async def __call__(self, person: Person, step: Step, *, number: int | None = None) -> Cards:
        """Her cards afterwards. ``number``: the card that is meant, if it was named. Raises conflict, busy."""
        check_holder(person, step.status)

        def meant(cards: Cards) -> None:
            current = cards.current
            if number is not None and (current is None or current.number != number):
                what = f"is {current.number}" if current else "has not been made"
                raise _conflict(f"The current card {what}; card {number} cannot be changed any more.",
                                f"বর্তমান কার্ড অন্যটি; {number} নম্বর কার্ড আর বদলানো যায় না।", "card")  # fmt: skip

        for _ in range(TRIES):
            cards = await self._book.of(person.id)
            meant(cards)
            fresh = await self._book.new_number() if needs_number(cards, step.status) else None
            changed = change(cards, step, number=fresh)
            if changed is cards:
                return cards
            changed = replace(changed, version=cards.version + 1)
            if await self._book.save(changed):
                return changed
        raise busy("The cards of this person are being changed elsewhere.")

    async def standing(self, person: Person, step: Step) -> Card:
        """The card to draw: the current one; the first look makes it. Raises conflict when it is lost or revoked."""
        cards = await self._book.of(person.id)
        if cards.current is None:
            check_holder(person, REGISTERED)
            cards = await self(person, step)
        current = cards.current
        if current is None or not current.stands:
            status = current.status if current else "missing"
            raise _conflict(
                f"The card of this person is {status}. POST /cards/{person.id}/status with registered makes a new one.",
                f"এই ব্যক্তির কার্ডের অবস্থা: {status}। নতুন কার্ডের জন্য registered অবস্থা পাঠান।",
                "status",
            )
        return current


def check_holder(person: Person, status: str) -> None:
    """Raises conflict for whom no card is made: without a Health ID yet, or merged into somebody."""
    if not person.is_active:
        raise _conflict(
            "There is no Health ID yet, so no card: the number is still to be verified.",
            "এখনো হেলথ আইডি নেই, তাই কার্ডও নেই: নম্বর যাচাই বাকি।",
            "health_id",
        )
    if person.survivor is not None and status not in (LOST, REVOKED):
        raise _conflict(
            f"{person.id} was joined with {person.survivor}. Make the card there; here only lost and revoked go.",
            f"{person.id} যুক্ত হয়েছে {person.survivor}-এর সঙ্গে। কার্ড সেখানে করুন; এখানে কেবল lost ও revoked।",
            "health_id",
        )


def _conflict(text: str, bangla: str, expression: str) -> ShrError:
    return ShrError(Category.CONFLICT, Issue(text, expression=expression, code="conflict", text_bn=bangla))
