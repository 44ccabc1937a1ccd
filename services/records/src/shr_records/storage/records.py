"""Submissions and resources: read in bulk, written in bulk, in one transaction with their events."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Protocol, TypeVar

from pymongo import ReplaceOne
from shr_common.keys import Envelope
from shr_common.mongo import Client, Database, Document, Session, categorised, unit_of_work
from shr_common.outbox import Outbox
from shr_contracts.cloudevents import Event

from shr_records.domain.receipt import Receipt
from shr_records.domain.recording import Head, Version
from shr_records.storage import schema
from shr_records.storage.people import KnownPeople, People
from shr_records.storage.rows import (
    LARGEST_BODY_BYTES,
    head_of,
    receipt_of,
    receipt_row,
    split_key,
    version_key,
    version_row,
)
from shr_records.storage.vault import Vault

T = TypeVar("T")
_WITHOUT_BODY = {"body": 0, "key": 0}


class Written(Protocol):
    """What one unit of work writes; see ``use_cases.ledger.Changes``."""

    new: list[Receipt]
    changed: list[Receipt]
    archived: list[Receipt]
    versions: list[Version]
    events: list[Event]
    parked_keys: set[str]


class Records:
    """The store of submissions and resources."""

    def __init__(
        self, client: Client, database: Database, vault: Vault, people: People, outbox: Outbox, *, timeout_s: float
    ) -> None:
        self._client = client
        self._vault = vault
        self._people = people
        self._outbox = outbox
        self._timeout_s = timeout_s
        self._submissions = database[schema.SUBMISSIONS]
        self._resources = database[schema.RESOURCES]

    async def run(self, work: Callable[[RecordsTransaction], Awaitable[T]]) -> T:
        """Run in one transaction; again when MongoDB calls the failure transient."""

        async def within(session: Session) -> T:
            return await work(RecordsTransaction(self, session))

        return await unit_of_work(self._client, within, timeout_s=self._timeout_s)

    async def receipts(self, keys: Collection[bytes], session: Session | None = None) -> dict[bytes, Receipt]:
        """Receipts by key, bodies sealed."""
        rows = await self._submissions.find({"_id": {"$in": list(keys)}}, session=session).to_list()
        return {bytes(row["_id"]): receipt_of(row, self._vault.master) for row in rows}

    async def open(self, receipts: Sequence[Receipt], session: Session | None = None) -> None:
        """Fill in the bodies; one whose key was erased stays without."""
        keys = await self._vault.open({one.vault_key for one in receipts if one.vault_key}, session)
        for one in receipts:
            envelope = keys.get(one.vault_key or b"")
            if envelope is not None and one.sealed is not None:
                one.body = envelope.open(one.sealed, one.key[:16])

    async def heads(self, ids: Collection[str], session: Session | None = None) -> dict[str, Head]:
        """Newest versions of those resources that exist. First versions are looked up first: most have none."""
        first = [version_key(one, 1) for one in ids]
        there = await self._resources.find({"_id": {"$in": first}}, {"_id": 1}, session=session).to_list()
        heads = {}
        for begin in (bytes(row["_id"])[:16] for row in there):
            span = {"$gte": begin + b"\0\0\0\0", "$lte": begin + b"\xff\xff\xff\xff"}
            rows = await self._resources.find({"_id": span}, _WITHOUT_BODY, session=session).sort("_id", 1).to_list()
            heads[split_key(rows[0]["_id"])[0]] = head_of(rows)
        return heads

    async def versions(
        self, wanted: Collection[tuple[str, int]], session: Session | None = None
    ) -> dict[tuple[str, int], Version]:
        """Versions with their bodies; erased ones are missing."""
        keys = [version_key(one, number) for one, number in wanted]
        rows = await self._resources.find({"_id": {"$in": keys}}, session=session).to_list()
        return await self._opened(rows, session)

    async def history(self, id: str, *, limit: int, before: int | None = None) -> list[Version]:
        """Versions of a resource, newest first; those ``before`` a version."""
        begin = version_key(id, 0)[:16]
        end = {"$lte": begin + b"\xff\xff\xff\xff"} if before is None else {"$lt": version_key(id, before)}
        span = {"$gte": begin + b"\0\0\0\0"} | end
        with categorised():
            rows = await self._resources.find({"_id": span}).sort("_id", -1).limit(limit).to_list()
            found = await self._opened(rows, None)
        return sorted(found.values(), key=lambda one: one.version, reverse=True)

    async def head(self, id: str) -> Head | None:
        """The head of one resource."""
        with categorised():
            return (await self.heads([id])).get(id)

    async def version(self, id: str, number: int) -> Version | None:
        """One version."""
        with categorised():
            return (await self.versions([(id, number)])).get((id, number))

    async def parked(
        self, keys: Collection[str] | None, *, after: int, before: int | None = None, items: int, weight: int
    ) -> list[Receipt]:
        """Parked submissions with their bodies, in arrival order: those that wait for keys, or all."""
        wanted: Document = {"state": "parked", "arrival": {"$gt": after} | ({"$lt": before} if before else {})}
        if keys is not None:
            wanted["waiting"] = {"$in": list(keys)}
        found: list[Receipt] = []
        with categorised():
            async for row in self._submissions.find(wanted).sort("arrival", 1).limit(items).batch_size(20):
                found.append(receipt_of(row, self._vault.master))
                weight -= len(found[-1].sealed or b"")
                if weight <= 0:
                    break
            await self.open(found)
        return found

    async def refused(self, source: str | None, *, before: int | None, limit: int) -> list[Receipt]:
        """Rejected submissions, newest first."""
        wanted: Document = {"state": "rejected"} | ({"source": source} if source else {})
        if before is not None:
            wanted["arrival"] = {"$lt": before}
        with categorised():
            rows = self._submissions.find(wanted, {"sealed": 0}).sort("arrival", -1).limit(limit)
            return [receipt_of(row, self._vault.master) async for row in rows]

    async def _opened(self, rows: list[Document], session: Session | None) -> dict[tuple[str, int], Version]:
        keys = await self._vault.open({bytes(row["key"]) for row in rows}, session)
        found = {}
        for row in rows:
            envelope = keys.get(bytes(row["key"]))
            if envelope is None:
                continue
            resource, number = split_key(row["_id"])
            body = envelope.open(row["body"], bytes(row["_id"]))
            late = bool(row.get("late"))
            found[resource, number] = Version(
                resource, number, row["type"], row["person"], row["source"], body, row.get("stamp"), late, 0
            )
        return found

    async def write(self, changes: Written, session: Session, directory: KnownPeople) -> None:
        """Everything of one unit of work: keys, receipts, versions, look-ups that are waited for, events."""
        fresh = [one for one in changes.archived if one.sealed is None]  # amended within this batch
        unsealed = [*changes.new, *changes.changed, *fresh]  # what was archived before keeps its seal and its key
        owners = {one.person for one in unsealed if one.person}
        owners |= {version.person for version in changes.versions}
        keys = await self._people.keys_of(owners, directory, session)
        await self._seal(unsealed, keys, session)
        master = self._vault.master
        if changes.new:
            rows = [receipt_row(one, master) for one in changes.new]
            await self._submissions.insert_many(rows, session=session, ordered=False)
        if changes.archived:
            for one in changes.archived:
                one.key = one.key[:16] + one.version.to_bytes(4, "big")
            await self._submissions.insert_many([receipt_row(one, master) for one in changes.archived], session=session)
        if changes.changed:
            replaced = [ReplaceOne({"_id": one.key}, receipt_row(one, master)) for one in changes.changed]
            await self._submissions.bulk_write(replaced, session=session, ordered=False)
            await self._vault.forget([one.former_key for one in changes.changed if one.former_key], session)
        if changes.versions:
            await self._resources.insert_many(_rows(changes.versions, keys), session=session, ordered=False)
        await self._people.touch(changes.parked_keys, session)
        await self._outbox.add(changes.events, session)

    async def _seal(
        self, receipts: Sequence[Receipt], keys: Mapping[str, tuple[bytes, Envelope]], session: Session
    ) -> None:
        """Under the person's key, or, while she is unknown, under a key of the submission's own."""
        unresolved = [one for one in receipts if not one.person and one.body is not None]
        own = dict(zip((id(one) for one in unresolved), await self._vault.make(len(unresolved), session), strict=True))
        for one in receipts:
            if one.body is None:
                continue  # too large to be kept
            one.vault_key, envelope = own[id(one)] if not one.person else keys[one.person]
            if len(one.body) <= LARGEST_BODY_BYTES:
                one.sealed = envelope.seal(one.body, one.key[:16])


def _rows(versions: Sequence[Version], keys: Mapping[str, tuple[bytes, Envelope]]) -> list[Document]:
    rows = []
    for version in versions:
        vault_key, envelope = keys[version.person]
        rows.append(version_row(version, version_key(version.id, version.version), envelope, vault_key))
    return rows


class RecordsTransaction:
    """The store within one session."""

    def __init__(self, records: Records, session: Session) -> None:
        self._records = records
        self._session = session
        self._directory = KnownPeople()

    async def receipts(self, keys: Collection[bytes]) -> dict[bytes, Receipt]:
        """What stands under these keys."""
        return await self._records.receipts(keys, self._session)

    async def open(self, receipts: Sequence[Receipt]) -> None:
        """Fill in the bodies."""
        await self._records.open(receipts, self._session)

    async def directory(self, keys: Collection[str], people: Collection[str] = ()) -> KnownPeople:
        """Persons by look-up keys, and these persons themselves."""
        await self._records._people.learn(self._directory, keys, people, self._session)
        return self._directory

    async def parked_before(self, source: str, keys: Collection[str]) -> bool:
        """Whether a submission of this source waits for one of the keys."""
        waiting = {"waiting": {"$in": list(keys)}, "source": source, "state": "parked"}
        return await self._records._submissions.find_one(waiting, {"_id": 1}, session=self._session) is not None

    async def heads(self, ids: Collection[str]) -> dict[str, Head]:
        """The newest versions of those resources that exist."""
        return await self._records.heads(ids, self._session) if ids else {}

    async def bodies(self, versions: Collection[tuple[str, int]]) -> dict[tuple[str, int], bytes]:
        """Served bodies."""
        found = await self._records.versions(versions, self._session) if versions else {}
        return {key: version.body for key, version in found.items()}

    async def write(self, changes: Written) -> None:
        """All of it."""
        await self._records.write(changes, self._session, self._directory)
