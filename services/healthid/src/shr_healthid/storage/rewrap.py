"""Sealing everything anew under the current master key, in batches, while the service works.

Each value is replaced only if it is still the one that was read, so what a registration writes meanwhile (under the
current key) stays. Passes are made until one finds nothing to do: then former keys are needed no more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pymongo
from pymongo import ReturnDocument, UpdateOne
from shr_common.keys import Envelope, sealed_under
from shr_common.mongo import Database, Document, categorised

from shr_healthid.storage import collections as names

ROTATION = "master"
HOLDER_LIVES = timedelta(seconds=15)
"""A process that said nothing for so long has ended."""

Place = tuple[str, bytes, str]
"""Dotted path of a sealed value, the value, and what it is bound to."""
Places = Callable[[Document], Iterator[Place]]


def _at(*paths: str) -> Places:
    """Values bound to the document's id."""
    return lambda document: _values(document, dict.fromkeys(paths, str(document["_id"])))


def _person(document: Document) -> Iterator[Place]:
    key = document.get("key", "")
    return _values(document, {"sealed": key, "traits": f"{key}|traits"})


def _cards(document: Document) -> Iterator[Place]:
    paths = (
        f"cards.{card}.steps.{step}.reason"
        for card, said in enumerate(document["cards"])
        for step in range(len(said["steps"]))
    )
    return _values(document, dict.fromkeys(paths, str(document["_id"])))


def _values(document: Document, paths: Mapping[str, str]) -> Iterator[Place]:
    for path, bound_to in paths.items():
        value: Any = document
        for part in path.split("."):
            if isinstance(value, list):
                value = value[int(part)]
            else:
                value = value.get(part) if isinstance(value, dict) else None
        if isinstance(value, bytes):
            yield path, value, bound_to


SEALED: Mapping[str, Places] = {
    names.PERSONS: _person,
    names.VERSIONS: _person,
    names.INTAKES: _at("body", "answer_as"),
    names.REVIEWS: _at("about", "decision.reason"),
    names.APPROVALS: _at("sealed", "decision.reason"),
    names.CARDS: _cards,
    names.MESSAGES: _at("text"),
    names.REFUSALS: _at("outcome", "body"),
    "outbox": _at("sealed"),
}
"""Where sealed values lie. A test looks at every value of the database, so that none is forgotten here."""
ORDER = tuple(SEALED)


@dataclass(frozen=True, slots=True)
class Stand:
    """How far a re-wrap is. ``unreadable`` values open under no key that is there: their key must be put back."""

    key: str
    state: str
    collection: str
    looked: int
    rewrapped: int
    unreadable: int
    passes: int
    began_at: datetime
    done_at: datetime | None


class Rewrapping:
    """The work, its place, and which process holds which keys."""

    def __init__(self, database: Database, envelope: Envelope, *, replica: str, batch: int, settle_s: float) -> None:
        self._database = database
        self._envelope = envelope
        self._replica = replica
        self._batch = batch
        self._settle = timedelta(seconds=settle_s)
        self._held: tuple[str, datetime] | None = None
        self._holders = database[names.KEY_HOLDERS]
        self._stand = database[names.KEY_ROTATIONS]

    async def hold(self, now: datetime) -> None:
        """Look at the key store, and say which keys this process has."""
        self._envelope.refresh()
        if self._held is None or self._held[0] != self._envelope.id:
            self._held = self._envelope.id, now
        current, since = self._held
        said = {"current": current, "since": since, "known": sorted(self._envelope.ids), "at": now}
        with categorised(), pymongo.timeout(5):
            await self._holders.update_one({"_id": self._replica}, {"$set": said}, upsert=True)

    async def leave(self) -> None:
        """This process ends."""
        with categorised(), pymongo.timeout(1):
            await self._holders.delete_one({"_id": self._replica})

    async def holders(self, now: datetime) -> list[Document]:
        """The processes that live, and their keys."""
        with categorised():
            return await self._holders.find({"at": {"$gt": now - HOLDER_LIVES}}).sort("_id", 1).to_list()

    async def stand(self) -> Stand | None:
        """How far it is."""
        with categorised():
            found = await self._stand.find_one({"_id": ROTATION})
        if found is None:
            return None
        return Stand(**{name: found[name] for name in Stand.__dataclass_fields__})

    async def total(self) -> int:
        """About how many documents a pass looks at."""
        with categorised():
            return sum([await self._database[name].estimated_document_count() for name in ORDER])

    async def step(self, now: datetime) -> bool:
        """One batch; False when there is nothing to do, or a process may still write what another key sealed."""
        current = self._envelope.id
        holders = await self.holders(now)
        if not holders or any(one["current"] != current or one["since"] > now - self._settle for one in holders):
            return False
        with categorised(), pymongo.timeout(30):
            place = await self._stand.find_one({"_id": ROTATION})
            known = sorted(self._envelope.ids)
            if place is None or place["key"] != current or (place["unreadable"] and place["known"] != known):
                place = await self._begin(current, known, now)
            if place["state"] == "done":
                return False
            name = str(place["collection"])
            after = {"_id": {"$gt": place["after"]}} if place["after"] is not None else {}
            found = await self._database[name].find(after).sort("_id", 1).limit(self._batch).to_list()
            rewrapped, unreadable = await self._rewrap(name, found)
            await self._go_on(place, found, rewrapped, unreadable, now)
        return True

    async def _begin(self, key: str, known: list[str], now: datetime) -> Document:
        made: Document = {
            "key": key, "state": "running", "collection": ORDER[0], "after": None, "looked": 0, "rewrapped": 0,
            "unreadable": 0, "passes": 0, "stale": 0, "began_at": now, "done_at": None, "known": known,
        }  # fmt: skip
        found = await self._stand.find_one_and_replace(
            {"_id": ROTATION}, made, upsert=True, return_document=ReturnDocument.AFTER
        )
        return found or made

    async def _rewrap(self, name: str, documents: list[Document]) -> tuple[int, int]:
        writes: list[UpdateOne] = []
        unreadable = 0
        for document in documents:
            changed: Document = {}
            for path, value, bound_to in SEALED[name](document):
                if sealed_under(value) == self._envelope.id:
                    continue
                try:
                    plain = self._envelope.open(value, bound_to.encode())
                except ValueError:
                    unreadable += 1
                    continue
                changed[path] = (value, self._envelope.seal(plain, bound_to.encode()))
            if changed:
                as_read = {path: before for path, (before, _) in changed.items()}
                state = {path: after for path, (_, after) in changed.items()}
                if "key_id" in document:
                    state["key_id"] = self._envelope.id
                writes.append(UpdateOne({"_id": document["_id"], **as_read}, {"$set": state}))
        if writes:
            await self._database[name].bulk_write(writes, ordered=False)
        return len(writes), unreadable

    async def _go_on(
        self, place: Document, found: list[Document], rewrapped: int, unreadable: int, now: datetime
    ) -> None:
        """Note the place; at the end of a pass that found nothing stale, that it is done."""
        stale, failed = place["stale"] + rewrapped, place["unreadable"] + unreadable
        state: Document = {"stale": stale, "unreadable": failed}
        following = ORDER.index(place["collection"]) + 1
        if len(found) == self._batch:
            state["after"] = found[-1]["_id"]
        elif following < len(ORDER):
            state |= {"collection": ORDER[following], "after": None}
        else:
            state |= {"collection": ORDER[0], "after": None, "passes": place["passes"] + 1}
            # what cannot be opened is counted anew in each pass, and stays said after the last
            state |= {"stale": 0, "unreadable": 0} if stale else {"state": "done", "done_at": now}
        # only whoever is still at this place moves it: two processes do not count twice
        here = {"_id": ROTATION, **{name: place[name] for name in ("key", "collection", "after", "passes")}}
        more = {"looked": len(found), "rewrapped": rewrapped}
        await self._stand.update_one(here, {"$set": state, "$inc": more})
