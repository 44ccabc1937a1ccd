"""What ``patient.*`` tells, written so that parking and registering cannot pass each other by."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from pymongo import UpdateOne
from shr_common.mongo import Client, Database, Session, categorised, unit_of_work

from shr_records.domain.persons import Erased, Linked, PersonState
from shr_records.storage import schema
from shr_records.storage.rows import version_key
from shr_records.storage.vault import Vault

Change = PersonState | Linked | Erased


class Replica:
    """Applies what the registry said about persons; idempotent, in the order of versions."""

    def __init__(self, client: Client, database: Database, vault: Vault, *, timeout_s: float) -> None:
        self._client = client
        self._vault = vault
        self._timeout_s = timeout_s
        self._people = database[schema.PEOPLE]
        self._lookups = database[schema.LOOKUPS]
        self._submissions = database[schema.SUBMISSIONS]
        self._resources = database[schema.RESOURCES]

    async def apply(self, changes: Sequence[Change]) -> set[str]:
        """Apply in order; the look-up keys whose meaning may have changed."""

        async def within(session: Session) -> set[str]:
            touched: set[str] = set()
            for change in changes:
                if isinstance(change, PersonState):
                    touched |= await self._state(change, session)
                elif isinstance(change, Linked):
                    touched |= await self._link(change, session)
            return touched

        touched = await unit_of_work(self._client, within, timeout_s=self._timeout_s)
        for change in changes:
            if isinstance(change, Erased):
                await self._erase(change.person)
        return touched

    async def _state(self, state: PersonState, session: Session) -> set[str]:
        before = await self._people.find_one({"_id": state.person}, session=session) or {}
        if before.get("erased") or before.get("version", 0) >= state.version:
            return set()
        gone = set(before.get("keys", ())) - state.keys
        writes = [
            UpdateOne({"_id": key}, {"$addToSet": {"persons": state.person}, "$inc": {"touched": 1}}, upsert=True)
            for key in sorted(state.keys)
        ]
        writes += [
            UpdateOne({"_id": key}, {"$pull": {"persons": state.person}, "$inc": {"touched": 1}})
            for key in sorted(gone)
        ]
        await self._lookups.bulk_write(writes, session=session)
        held = {"version": state.version, "status": state.status, "keys": sorted(state.keys)}
        links = [UpdateOne({"_id": one}, {"$set": {"to": state.person}}, upsert=True) for one in state.replaces]
        person = UpdateOne({"_id": state.person}, {"$set": held}, upsert=True)
        await self._people.bulk_write([person, *links], session=session)
        return state.keys | gone | await self._keys_of(state.replaces, session)

    async def _link(self, link: Linked, session: Session) -> set[str]:
        before = await self._people.find_one({"_id": link.retired}, session=session) or {}
        if before.get("erased") or before.get("link_version", 0) >= link.version:
            return set()
        change = {"$unset": {"to": ""}} if link.undone else {"$set": {"to": link.survivor}}
        change.setdefault("$set", {})["link_version"] = link.version  # type: ignore[assignment]
        await self._people.update_one({"_id": link.retired}, change, upsert=True, session=session)
        return await self._keys_of((link.retired, link.survivor), session)

    async def _keys_of(self, people: Collection[str], session: Session) -> set[str]:
        if not people:
            return set()
        rows = self._people.find({"_id": {"$in": list(people)}}, {"keys": 1}, session=session)
        return {key async for row in rows for key in row.get("keys", ())}

    async def _erase(self, person: str) -> None:
        """The key first: from then on nothing that it sealed can be read, whatever happens to the rest."""
        with categorised():
            held = await self._people.find_one({"_id": person}) or {}
            if "key" in held:
                await self._vault.forget([bytes(held["key"])])
            await self._lookups.update_many({"_id": {"$in": held.get("keys", [])}}, {"$pull": {"persons": person}})
            erased = {"$set": {"erased": True}, "$unset": {"key": "", "keys": ""}}
            await self._people.update_one({"_id": person}, erased, upsert=True)
            hers = {"$or": [{"person": person}, {"people": person}]}
            async for row in self._submissions.find(hers, {"references": 1}):
                keys = [_version_key(one) for one in row["references"] if "/_history/" in one]
                await self._resources.delete_many({"_id": {"$in": keys}, "person": person})
            forgotten = {"$unset": {"sealed": "", "outcome": "", "vault_key": "", "unverified": ""}}
            await self._submissions.update_many(hers, forgotten)

    async def settled(self, keys: Collection[str]) -> set[str]:
        """Take the mark off keys that nobody waits for any more; returns those that are still waited for."""

        async def within(session: Session) -> set[str]:
            waiting = {"waiting": {"$in": list(keys)}, "state": "parked"}
            still: set[str] = set()
            async for row in self._submissions.find(waiting, {"waiting": 1}, session=session):
                still.update(row["waiting"])
            free = sorted(set(keys) - still)
            if free:
                await self._lookups.delete_many(
                    {"_id": {"$in": free}, "$or": [{"persons": {"$size": 0}}, {"persons": {"$exists": False}}]},
                    session=session,
                )
                unmark = {"$set": {"waiting": False}, "$inc": {"touched": 1}}
                await self._lookups.update_many({"_id": {"$in": free}, "waiting": True}, unmark, session=session)
            return still & set(keys)

        return await unit_of_work(self._client, within, timeout_s=self._timeout_s)

    async def awaited(self, keys: Collection[str] | None, *, limit: int) -> list[str]:
        """Keys that submissions wait for although somebody claims them now."""
        wanted: dict[str, object] = {"waiting": True, "persons.0": {"$exists": True}}
        if keys is not None:
            wanted["_id"] = {"$in": list(keys)}
        with categorised():
            return [row["_id"] async for row in self._lookups.find(wanted, {"_id": 1}).limit(limit)]


def _version_key(reference: str) -> bytes:
    path, _, number = reference.partition("/_history/")
    return version_key(path.rpartition("/")[2], int(number))
