"""The own store: audit outbox, emergency declarations, sessions. It is no view; a rebuild never touches it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import pymongo
from pymongo import ASCENDING, IndexModel
from shr_common.mongo import Database, Document, categorised
from shr_common.outbox import COLLECTION as OUTBOX
from shr_common.outbox import LEASES

EMERGENCIES = "emergencies"
SESSIONS = "sessions"
SIGN_INS = "sign_ins"

INDEXES: Mapping[str, Sequence[IndexModel]] = {
    OUTBOX: [],
    LEASES: [],
    EMERGENCIES: [IndexModel([("practitioner", ASCENDING), ("patient", ASCENDING)])],
    SESSIONS: [IndexModel([("expires_at", ASCENDING)], expireAfterSeconds=0)],
    SIGN_INS: [IndexModel([("expires_at", ASCENDING)], expireAfterSeconds=0)],
}


class Emergencies:
    """Emergency declarations made here while consent was away."""

    def __init__(self, database: Database, *, timeout_s: float) -> None:
        self._emergencies = database[EMERGENCIES]
        self._timeout_s = timeout_s

    async def add(self, declaration: Document) -> None:
        """Keep one, durably. Raises unavailable."""
        with categorised(), pymongo.timeout(self._timeout_s):
            await self._emergencies.insert_one(declaration)

    async def in_force(self, *, practitioner: str, patients: Sequence[str], now: datetime) -> list[Document]:
        """The declarations of a practitioner for any of these ids that have not run out. Raises unavailable."""
        wanted = {"practitioner": practitioner, "patient": {"$in": list(patients)}, "expires_at": {"$gt": now}}
        with categorised(), pymongo.timeout(self._timeout_s):
            return await self._emergencies.find(wanted).to_list()
