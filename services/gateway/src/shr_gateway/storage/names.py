"""Names of facilities, practitioners and concepts, and who is in good standing: few, public, kept for a moment."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable

import pymongo
from shr_common.mongo import Database, Document, categorised

from shr_gateway.domain.standing import in_good_standing
from shr_gateway.storage.views import NAMES, REGISTRY

NAMES_AGE_S = 30.0
STANDING_AGE_S = 0.5
KEPT = 20_000


class Names:
    """Names by key, from memory where it can: ``Organization/<id>``, ``Practitioner/<id>``, ``system|code``."""

    def __init__(self, database: Database, *, timeout_s: float) -> None:
        self._registry = database[REGISTRY]
        self._names = database[NAMES]
        self._timeout_s = timeout_s
        self._kept: dict[str, tuple[float, str | None, str | None]] = {}
        self._standing: dict[tuple[str | None, str | None], tuple[float, list[Document]]] = {}

    async def of(self, keys: Collection[str]) -> dict[str, tuple[str | None, str | None]]:
        """key → (name, name in Bangla); (None, None) for what is not known. Raises unavailable."""
        now = time.monotonic()
        kept = self._kept
        if len(kept) > KEPT:
            kept.clear()
        missing = [key for key in keys if key not in kept or kept[key][0] < now]
        if missing:
            await self._fetch(missing, now + NAMES_AGE_S)
        return {key: self._kept[key][1:] for key in keys}

    async def _fetch(self, keys: Iterable[str], until: float) -> None:
        concepts = [key for key in keys if "|" in key]
        entries = [key for key in keys if "|" not in key]
        found: dict[str, tuple[str | None, str | None]] = {}
        with categorised(), pymongo.timeout(self._timeout_s):
            if entries:
                async for one in self._registry.find({"_id": {"$in": entries}}, {"name": 1, "name_bn": 1}):
                    found[one["_id"]] = (one["name"], one["name_bn"])
            if concepts:
                async for one in self._names.find({"_id": {"$in": concepts}}):
                    found[one["_id"]] = (None, one["display_bn"])
        for key in keys:
            self._kept[key] = (until, *found.get(key, (None, None)))

    async def in_good_standing(self, *, practitioner: str | None, facility: str | None, today: str) -> bool:
        """Whether posting, licence and facility are in force. Raises unavailable."""
        asked = (practitioner, facility)
        until, entries = self._standing.get(asked, (0.0, []))
        if until < time.monotonic():
            wanted = [{"_id": f"Practitioner/{practitioner}"}, {"_id": f"Organization/{facility}"}]
            with categorised(), pymongo.timeout(self._timeout_s):
                entries = await self._registry.find(
                    {"$or": [*wanted, {"practitioner": practitioner, "type": "PractitionerRole"}]}
                ).to_list()
            if len(self._standing) > KEPT:
                self._standing.clear()
            self._standing[asked] = (time.monotonic() + STANDING_AGE_S, entries)
        return in_good_standing(entries, practitioner=practitioner, facility=facility, today=today)
