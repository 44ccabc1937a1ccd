"""Data keys: one for each person, or for a submission while she is unknown; wrapped by the service's master key.

They lie in a database of their own, under random ids that say nothing about anybody. Deleting one erases what it seals.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Collection, Iterable

from shr_common.keys import Envelope, new_key
from shr_common.mongo import Collection as MongoCollection
from shr_common.mongo import Session

CACHE_LIMIT = 20_000
ID_BYTES = 12


class Vault:
    """Makes, finds and deletes data keys; keys in use are cached unwrapped."""

    def __init__(self, keys: MongoCollection, master: Envelope) -> None:
        self._keys = keys
        self._master = master
        self._cache: OrderedDict[bytes, Envelope] = OrderedDict()

    @property
    def master(self) -> Envelope:
        """For what belongs to no person (outcomes)."""
        return self._master

    async def open(self, ids: Collection[bytes], session: Session | None = None) -> dict[bytes, Envelope]:
        """Envelopes by key id; an erased key is missing."""
        found: dict[bytes, Envelope] = {}
        missing = []
        for key_id in set(ids):
            known = self._cache.get(key_id)
            if known is None:
                missing.append(key_id)
            else:
                found[key_id] = known
        if missing:
            async for row in self._keys.find({"_id": {"$in": missing}}, session=session):
                found[row["_id"]] = self._remember(row["_id"], self._master.open(row["wrapped"], row["_id"]))
        return found

    async def make(self, count: int, session: Session) -> list[tuple[bytes, Envelope]]:
        """New keys. They are not cached before they are read again: the unit of work may still fail."""
        made = [(os.urandom(ID_BYTES), new_key()) for _ in range(count)]
        if made:
            rows = [{"_id": key_id, "wrapped": self._master.seal(key, key_id)} for key_id, key in made]
            await self._keys.insert_many(rows, session=session, ordered=False)
        return [(key_id, Envelope(key)) for key_id, key in made]

    async def forget(self, ids: Iterable[bytes], session: Session | None = None) -> None:
        """Delete keys: what they seal cannot be opened any more."""
        wanted = list(ids)
        for key_id in wanted:
            self._cache.pop(key_id, None)
        if wanted:
            await self._keys.delete_many({"_id": {"$in": wanted}}, session=session)

    def _remember(self, key_id: bytes, key: bytes) -> Envelope:
        envelope = Envelope(key)
        self._cache[key_id] = envelope
        if len(self._cache) > CACHE_LIMIT:
            self._cache.popitem(last=False)
        return envelope
