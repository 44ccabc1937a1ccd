"""Cards: one document for all cards of a Health ID, and one for each card that no longer stands, by its number."""

from __future__ import annotations

from pymongo import ReturnDocument, UpdateOne
from pymongo.errors import DuplicateKeyError
from shr_common.mongo import Client, Database, Document, Session, categorised, unit_of_work

from shr_healthid.domain.cards import Card, Cards, Step
from shr_healthid.domain.status_list import PART_CARDS
from shr_healthid.storage.collections import CARD_STATUSES, CARDS, MINT
from shr_healthid.storage.sealing import Sealing

NUMBERS = "cards"
"""The series of card numbers, beside those of Health IDs."""


class CardStore:
    """Cards under the Health ID that stands on them, whatever is merged into whom."""

    def __init__(self, client: Client, database: Database, sealing: Sealing, *, timeout_s: float) -> None:
        self._client = client
        self._cards = database[CARDS]
        self._statuses = database[CARD_STATUSES]
        self._series = database[MINT]
        self._sealing = sealing
        self._timeout_s = timeout_s

    async def of(self, health_id: str) -> Cards:
        """All cards of a Health ID; of version 0 when there is none."""
        with categorised():
            document = await self._cards.find_one({"_id": health_id})
        if document is None:
            return Cards(health_id)
        listed = tuple(Card(card["number"], tuple(self._step(s, health_id) for s in card["steps"]))
                       for card in document["cards"])  # fmt: skip
        return Cards(health_id, document["version"], listed)

    async def new_number(self) -> int:
        """A card number that no card has or will have. One that is not used after all stays unused."""
        with categorised():
            before = await self._series.find_one_and_update(
                {"_id": NUMBERS}, {"$inc": {"next": 1}}, upsert=True, return_document=ReturnDocument.BEFORE
            )
        return (int(before["next"]) if before else 0) + 1

    async def last_number(self) -> int:
        """The highest number taken; 0 before the first."""
        with categorised():
            counted = await self._series.find_one({"_id": NUMBERS})
        return int(counted["next"]) if counted else 0

    async def save(self, cards: Cards) -> bool:
        """Store a change of version ``cards.version - 1``; False when somebody else changed it meanwhile."""
        document: Document = {
            "_id": cards.health_id,
            "version": cards.version,
            "cards": [
                {"number": card.number, "steps": [self._listed(step, cards.health_id) for step in card.steps]}
                for card in cards.cards
            ],
        }
        ended = [
            UpdateOne({"_id": card.number}, {"$set": {"status": card.status}}, upsert=True)
            for card in cards.cards
            if not card.stands
        ]

        async def work(session: Session) -> bool:
            if cards.version == 1:
                try:
                    await self._cards.insert_one(document, session=session)
                except DuplicateKeyError:
                    await session.abort_transaction()
                    return False
            else:
                before = {"_id": cards.health_id, "version": cards.version - 1}
                if (await self._cards.replace_one(before, document, session=session)).matched_count == 0:
                    return False
            if ended:
                await self._statuses.bulk_write(ended, session=session, ordered=False)
            return True

        return await unit_of_work(self._client, work, timeout_s=self._timeout_s)

    async def ended_in(self, part: int) -> list[tuple[int, str]]:
        """Number and status of each card of a part of the status list that no longer stands."""
        numbers = {"$gte": part * PART_CARDS, "$lt": (part + 1) * PART_CARDS}
        with categorised():
            return [(found["_id"], found["status"]) async for found in self._statuses.find({"_id": numbers})]

    def _listed(self, step: Step, health_id: str) -> Document:
        document: Document = {"status": step.status, "at": step.at, "by": step.by}
        if step.reason is not None:
            document["reason"] = self._sealing.seal(step.reason, health_id)
        return document

    def _step(self, document: Document, health_id: str) -> Step:
        sealed = document.get("reason")
        reason = None if sealed is None else str(self._sealing.open(sealed, health_id))
        return Step(document["status"], document["at"], document["by"], reason)
