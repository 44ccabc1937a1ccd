"""Names of facilities, practitioners and concepts, and who is in good standing: few, public, kept for a moment."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable

import pymongo
from shr_common.mongo import Database, categorised

from shr_gateway.domain.standing import in_good_standing
from shr_gateway.storage.views import NAMES, REGISTRY

NAMES_AGE_S = 5.0
STANDING_AGE_S = 0.5
KEPT = 20_000
Name = tuple[str | None, str | None]
NAMELESS: Name = (None, None)


class Names:
    """Names by key, from memory where it can: ``Organization/<id>``, ``Practitioner/<id>``, ``system|code``."""

    def __init__(self, database: Database, *, timeout_s: float) -> None:
        self._registry = database[REGISTRY]
        self._names = database[NAMES]
        self._timeout_s = timeout_s
        self._kept: dict[str, Name] = {}
        self._until = 0.0
        self._standing: dict[tuple[str | None, str | None, str], tuple[float, bool]] = {}

    async def of(self, keys: Collection[str]) -> dict[str, Name]:
        """key → (name, name in Bangla), these and perhaps others; (None, None) for what is not known.

        The same dictionary for some seconds, then another. Raises unavailable.
        """
        now = time.monotonic()
        if now > self._until or len(self._kept) > KEPT:
            self._kept, self._until = {}, now + NAMES_AGE_S
        kept = self._kept
        missing = [key for key in keys if key not in kept]
        if missing:
            kept.update(await self._fetch(missing))
        return kept

    async def _fetch(self, keys: Iterable[str]) -> dict[str, Name]:
        concepts = [key for key in keys if "|" in key]
        entries = [key for key in keys if "|" not in key]
        found = dict.fromkeys(keys, NAMELESS)
        with categorised(), pymongo.timeout(self._timeout_s):
            if entries:
                async for one in self._registry.find({"_id": {"$in": entries}}, {"name": 1, "name_bn": 1}):
                    found[one["_id"]] = (one["name"], one["name_bn"])
            if concepts:
                async for one in self._names.find({"_id": {"$in": concepts}}):
                    found[one["_id"]] = (one.get("display"), one.get("display_bn"))
        return found

    async def in_good_standing(self, *, practitioner: str | None, facility: str | None, today: str) -> bool:
        """Whether posting, licence and facility are in force. Raises unavailable."""
        asked = (practitioner, facility, today)
        until, good = self._standing.get(asked, (0.0, False))
        if until < time.monotonic():
            wanted = [{"_id": f"Practitioner/{practitioner}"}, {"_id": f"Organization/{facility}"}]
            with categorised(), pymongo.timeout(self._timeout_s):
                entries = await self._registry.find(
                    {"$or": [*wanted, {"practitioner": practitioner, "type": "PractitionerRole"}]}
                ).to_list()
            if len(self._standing) > KEPT:
                self._standing.clear()
            good = in_good_standing(entries, practitioner=practitioner, facility=facility, today=today)
            self._standing[asked] = (time.monotonic() + STANDING_AGE_S, good)
        return good
