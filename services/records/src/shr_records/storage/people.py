"""The replica of persons: who is found under which look-up key, who is who now, and whose data key is which.

``lookups`` has one document for each look-up key: the persons who claim it, and whether submissions wait for it.
Parking and registering both write it, so that of "nobody there → park" and "nothing parked → register" one has to try
again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from pymongo import UpdateOne
from shr_common.keys import Envelope
from shr_common.mongo import Database, Document, Session, categorised

from shr_records.domain.people import Person
from shr_records.storage import schema
from shr_records.storage.vault import Vault

LINKS_LIMIT = 8
"""Longest chain of merges that is followed."""


@dataclass(slots=True)
class KnownPeople:
    """What was looked up so far in one unit of work."""

    persons: dict[str, Person] = field(default_factory=dict)
    lookups: dict[str, tuple[str, ...]] = field(default_factory=dict)
    waiting: set[str] = field(default_factory=set)

    def claimants(self, key: str) -> tuple[str, ...]:
        """Ids of the persons whom a look-up key names."""
        return self.lookups.get(key, ())

    def current(self, person: str) -> str:
        """The id that a person goes by now."""
        for _ in range(LINKS_LIMIT):
            known = self.persons.get(person)
            if known is None or known.to is None:
                break
            person = known.to
        return person

    def waits(self, key: str) -> bool:
        """Whether parked submissions may wait for this key."""
        return key in self.waiting

    def is_erased(self, person: str) -> bool:
        """Whether erasure was decided."""
        known = self.persons.get(person)
        return known is not None and known.erased


class People:
    """Reads the replica within units of work; the projections of ``patient.*`` write it."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._people = database[schema.PEOPLE]
        self._lookups = database[schema.LOOKUPS]
        self._vault = vault

    async def learn(
        self, known: KnownPeople, keys: Collection[str], people: Collection[str], session: Session | None
    ) -> None:
        """Look up keys and persons, following merges."""
        if keys:
            for row in await self._lookups.find({"_id": {"$in": list(keys)}}, session=session).to_list():
                known.lookups[row["_id"]] = tuple(row.get("persons", ()))
                if row.get("waiting"):
                    known.waiting.add(row["_id"])
        wanted = {person for key in keys for person in known.lookups.get(key, ())} | {one for one in people if one}
        for _ in range(LINKS_LIMIT):
            wanted -= known.persons.keys()
            if not wanted:
                return
            for row in await self._people.find({"_id": {"$in": list(wanted)}}, _PERSON, session=session).to_list():
                known.persons[row["_id"]] = _person(row)
            wanted = {person.to for one in wanted if (person := known.persons.get(one)) and person.to}

    async def keys_of(
        self, owners: Collection[str], known: KnownPeople, session: Session
    ) -> Mapping[str, tuple[bytes, Envelope]]:
        """Data keys of persons, made where there is none yet."""
        if not owners:
            return {}
        await self.learn(known, (), owners, session)
        ids = {one: person.key for one in owners if (person := known.persons.get(one)) and person.key}
        opened = await self._vault.open(set(ids.values()), session)
        keys = {one: (kept, opened[kept]) for one, kept in ids.items() if kept in opened}
        missing = sorted(set(owners) - keys.keys())
        if missing:
            made = dict(zip(missing, await self._vault.make(len(missing), session), strict=True))
            await self._people.bulk_write(
                [UpdateOne({"_id": one}, {"$set": {"key": new}}, upsert=True) for one, (new, _) in made.items()],
                session=session,
                ordered=False,
            )
            keys |= made
        return keys

    async def touch(self, keys: Collection[str], session: Session) -> None:
        """Note that submissions wait for these keys."""
        if keys:
            waits = {"$set": {"waiting": True}, "$inc": {"touched": 1}}
            await self._lookups.bulk_write(
                [UpdateOne({"_id": key}, waits, upsert=True) for key in sorted(keys)], session=session
            )

    async def directory(self, keys: Collection[str]) -> KnownPeople:
        """Who is found under these keys, outside of any unit of work."""
        known = KnownPeople()
        with categorised():
            await self.learn(known, keys, (), None)
        return known


_PERSON = {"to": 1, "erased": 1, "key": 1}


def _person(row: Document) -> Person:
    key = row.get("key")
    return Person(row["_id"], row.get("to"), bool(row.get("erased")), bytes(key) if key else None)
