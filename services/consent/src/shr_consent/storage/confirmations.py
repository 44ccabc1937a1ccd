"""The codes of requests and the PINs of citizens: sealed at rest, tries counted before anything is compared."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import Protocol

import pymongo
from pymongo import ReturnDocument
from shr_common.errors import ShrError
from shr_common.keys import Envelope
from shr_common.mongo import Database, Document, Session, categorised

from shr_consent.domain.confirmation import Confirmation
from shr_consent.storage.indexes import CONFIRMATIONS, PINS

PINS_LIMIT = 4
"""Of one person and her guardians, so many are compared at most."""


class ConfirmationStore:
    """``confirmations``: one a request, by its id."""

    def __init__(self, database: Database, envelope: Envelope, *, timeout_s: float) -> None:
        self._rows = database[CONFIRMATIONS]
        self._envelope = envelope
        self._timeout_s = timeout_s

    async def add(self, made: Confirmation, session: Session) -> None:
        """Keep one, in the transaction of its request."""
        sealed = None if made.code is None else self._envelope.seal(made.code.encode(), made.request.encode())
        row = {"patient": made.patient, "made_at": made.made_at, "until": made.until, "sealed": sealed, "tries": 0}
        await self._rows.insert_one({"_id": made.request, **row}, session=session)

    async def sent_since(self, patient: str, since: datetime) -> int:
        """How many codes were sent to a person."""
        with categorised(), pymongo.timeout(self._timeout_s):
            return await self._rows.count_documents(
                {"patient": patient, "made_at": {"$gte": since}, "sealed": {"$ne": None}}
            )

    async def take_try(self, id: str, *, patient: str, limit: int, now: datetime) -> tuple[int, Confirmation] | None:
        """Use up one try: how many that makes, and the code; None when none is left."""
        first: Document = {"patient": patient, "made_at": now, "until": now, "sealed": None}
        try:
            with categorised(), pymongo.timeout(self._timeout_s):
                row = await self._rows.find_one_and_update(
                    {"_id": id, "tries": {"$lt": limit}},
                    {"$inc": {"tries": 1}, "$set": {"tried_at": now}, "$setOnInsert": first},
                    upsert=True,
                    return_document=ReturnDocument.AFTER,
                )
        except ShrError as error:
            if error.category == "conflict":  # it is there, with no try left
                return None
            raise
        return (row["tries"], self._confirmation_of(row)) if row is not None else None

    async def forgive(self, id: str) -> None:
        """The try was right; the code is used."""
        with categorised(), pymongo.timeout(self._timeout_s):
            await self._rows.update_one({"_id": id}, {"$set": {"tries": 0, "sealed": None}})

    async def tries_since(self, patients: Collection[str], since: datetime) -> int:
        """How many wrong ones were told about a person."""
        query = {"patient": {"$in": sorted(patients)}, "tried_at": {"$gte": since}}
        with categorised(), pymongo.timeout(self._timeout_s):
            return sum([row["tries"] async for row in self._rows.find(query, {"tries": 1})])

    async def erase(self, patients: Iterable[str]) -> None:
        """Forget persons."""
        with categorised(), pymongo.timeout(self._timeout_s):
            await self._rows.delete_many({"patient": {"$in": sorted(patients)}})

    def _confirmation_of(self, row: Document) -> Confirmation:
        sealed = row["sealed"]
        code = None if sealed is None else self._envelope.open(bytes(sealed), row["_id"].encode()).decode()
        return Confirmation(
            row["_id"], row["patient"], row["made_at"].astimezone(UTC), row["until"].astimezone(UTC), code
        )


class Hash(Protocol):
    """A salted slow hash."""

    async def make(self, secret: str) -> bytes:
        """Salt and hash."""

    async def matches(self, secret: str, made: bytes) -> bool:
        """Whether it is the hash of this secret."""


class PinStore:
    """``pins``: one a person; the hash is sealed besides, since four digits are soon guessed from any hash."""

    def __init__(self, database: Database, envelope: Envelope, hash: Hash, *, timeout_s: float) -> None:
        self._rows = database[PINS]
        self._envelope = envelope
        self._hash = hash
        self._timeout_s = timeout_s

    async def keep(self, person: str, pin: str, *, at: datetime) -> None:
        """The only one from now on."""
        sealed = self._envelope.seal(await self._hash.make(pin), person.encode())
        with categorised(), pymongo.timeout(self._timeout_s):
            await self._rows.replace_one({"_id": person}, {"sealed": sealed, "set_at": at}, upsert=True)

    async def matches(self, pin: str, people: Collection[str]) -> bool:
        """Whether one of these people has this PIN."""
        with categorised(), pymongo.timeout(self._timeout_s):
            rows = await self._rows.find({"_id": {"$in": sorted(people)}}).sort("set_at", -1).to_list(PINS_LIMIT)
        for row in rows:
            if await self._hash.matches(pin, self._envelope.open(bytes(row["sealed"]), row["_id"].encode())):
                return True
        return False

    async def erase(self, patients: Iterable[str]) -> None:
        """Forget persons."""
        with categorised(), pymongo.timeout(self._timeout_s):
            await self._rows.delete_many({"_id": {"$in": sorted(patients)}})
