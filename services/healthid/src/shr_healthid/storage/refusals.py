"""Registrations by topic that were refused: the first answer and the bytes, sealed, for whoever repeats them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pymongo import ReturnDocument
from shr_common.mongo import Database, Document, categorised

from shr_healthid.domain.answers import Refusal
from shr_healthid.domain.ledger import Intake
from shr_healthid.storage.collections import REFUSALS
from shr_healthid.storage.sealing import Sealing


class RefusalStore:
    """One document for each; what several replicas decide at once is what the first one stored."""

    def __init__(self, database: Database, sealing: Sealing) -> None:
        self._refusals = database[REFUSALS]
        self._sealing = sealing

    async def of(self, intake_id: str) -> Refusal | None:
        """The refusal of an intake."""
        with categorised():
            found = await self._refusals.find_one({"_id": intake_id}, {"body": 0})
        return self._refusal_of(found) if found else None

    async def keep(self, intake: Intake, outcome: Mapping[str, Any]) -> Refusal:
        """Keep a refusal; the first one stays, and is answered."""
        kept: Document = {
            "digest": intake.digest,
            "source": intake.source,
            "channel": intake.channel,
            "at": intake.at,
            "outcome": self._sealing.seal(dict(outcome), intake.id),
            "body": self._sealing.seal_bytes(intake.body, intake.id),
        }
        with categorised():
            found = await self._refusals.find_one_and_update(
                {"_id": intake.id}, {"$setOnInsert": kept}, upsert=True, return_document=ReturnDocument.AFTER
            )
        assert found is not None  # noqa: S101 (an upsert answers what it made)
        return self._refusal_of(found)

    def _refusal_of(self, document: Document) -> Refusal:
        return Refusal(document["digest"], self._sealing.open(document["outcome"], document["_id"]))
