"""The registry's unit of work: load what a decision needs, store what it changed and its events, in one transaction."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import TypeVar

import pymongo
from pymongo import DeleteOne, InsertOne, ReplaceOne, UpdateMany, UpdateOne
from shr_common.errors import Category, ShrError, busy
from shr_common.mongo import Client, Database, Document, Session, categorised, unit_of_work
from shr_common.outbox import Outbox
from shr_contracts.cloudevents import Event

from shr_healthid.domain.answers import VERIFIED_LATER, Asked, registered
from shr_healthid.domain.events import events_of, merge_events
from shr_healthid.domain.feed import entries_of
from shr_healthid.domain.ledger import Ledger, Wanted
from shr_healthid.storage.approvals import approval_writes
from shr_healthid.storage.blocks import uses
from shr_healthid.storage.collections import (
    APPROVALS,
    ID_BLOCKS,
    INTAKES,
    LOCAL_IDS,
    NEWBORNS,
    NUMBERS,
    PAIRS,
    PERSONS,
    REVIEWS,
    VERSIONS,
)
from shr_healthid.storage.counters import increments
from shr_healthid.storage.feed import add_waiting
from shr_healthid.storage.loading import Loading
from shr_healthid.storage.mint import Mint
from shr_healthid.storage.reviews import pair_writes, review_writes
from shr_healthid.storage.sealing import Sealing

T = TypeVar("T")
TRIES = 6
Write = InsertOne[Document] | ReplaceOne[Document] | UpdateOne | UpdateMany | DeleteOne


class RegistryStore:
    """Persons with everything that must change together with them."""

    def __init__(
        self,
        client: Client,
        database: Database,
        *,
        outbox: Outbox,
        mint: Mint,
        sealing: Sealing,
        timeout_s: float = 10.0,
    ) -> None:
        self._client = client
        self._database = database
        self._outbox = outbox
        self._mint = mint
        self._sealing = sealing
        self._timeout_s = timeout_s
        self._loading = Loading(database, sealing)

    async def proven(self, hashes: Sequence[str]) -> frozenset[str]:
        """Which of these numbers are somebody's by proof."""
        return (await self.proven_each([hashes]))[0]

    async def proven_each(self, asked: Sequence[Sequence[str]]) -> list[frozenset[str]]:
        """The same for several who ask at once, in one read."""
        wanted = {hash_ for hashes in asked for hash_ in hashes}
        if not wanted:
            return [frozenset() for _ in asked]
        with categorised(), pymongo.timeout(self._timeout_s):
            found = self._database[NUMBERS].find({"_id": {"$in": list(wanted)}, "verified": True}, {"_id": 1})
            proven = {document["_id"] for document in await found.to_list()}
        return [frozenset(proven.intersection(hashes)) for hashes in asked]

    async def change(self, wanted: Wanted, decide: Callable[[Ledger], T], *, fresh: int = 0) -> T:
        """Load, decide, store. A number that another process registered meanwhile is met by deciding again."""
        for attempt in range(TRIES):
            ids = await self._mint.take(fresh) if fresh else []
            try:
                result, minted = await self._once(wanted, decide, ids)
            except ShrError as error:
                if error.category is not Category.CONFLICT or error.issues[0].code != "duplicate":
                    self._mint.give_back(ids)
                    raise
                # the ids are not given back: one of them may be the duplicate
                await asyncio.sleep(random.uniform(0, 0.01 * 2**attempt))  # noqa: S311 (spreads the tries)
                continue
            self._mint.give_back(ids[minted:])
            self._outbox.wake()
            return result
        raise busy("The same number is being registered elsewhere at this moment.")

    async def _once(self, wanted: Wanted, decide: Callable[[Ledger], T], ids: list[str]) -> tuple[T, int]:
        async def work(session: Session) -> tuple[T, int]:
            left = iter(ids)
            ledger = await self._loading.ledger(wanted, session)
            ledger.fresh = left
            result = decide(ledger)
            await self._write(ledger, session)
            return result, len(ids) - len(list(left))

        return await unit_of_work(self._client, work, timeout_s=self._timeout_s)

    async def _write(self, ledger: Ledger, session: Session) -> None:
        writes: dict[str, Sequence[Write]] = {
            PERSONS: self._persons(ledger),
            VERSIONS: self._versions(ledger),
            NUMBERS: _numbers(ledger),
            LOCAL_IDS: [_persons_of(key, ledger.claims[key]) for key in sorted(ledger.changed_claims)],
            NEWBORNS: [_persons_of(key, ledger.newborns[key]) for key in sorted(ledger.changed_newborns)],
            INTAKES: self._intakes(ledger),
            REVIEWS: await review_writes(ledger, self._database, self._sealing, session),
            PAIRS: pair_writes(ledger),
            APPROVALS: approval_writes(ledger, self._sealing),
            ID_BLOCKS: list(uses(ledger)),
        }
        for name, requests in writes.items():
            if requests:
                await self._database[name].bulk_write(list(requests), session=session, ordered=False)
        if ledger.issued:
            await increments(self._database, ledger.issued, session)
        events = [event for said in ledger.said for event in events_of(said)]
        events += [event for merged in ledger.merges for event in merge_events(merged)]
        events += await self._late_answers(ledger, session)
        await add_waiting(self._database, entries_of(ledger), session)
        await self._outbox.add(events, session)

    async def _late_answers(self, ledger: Ledger, session: Session) -> list[Event]:
        """To the sources that sent, by topic, whoever was provisional until now."""
        settled = ledger.no_longer_provisional()
        if not settled:
            return []
        asking = {"person": {"$in": sorted(settled)}, "channel": "topic", "outcome": "provisional"}
        found = await self._database[INTAKES].find(asking, {"body": 0}, session=session).to_list()
        answers: list[Event] = []
        for intake in found:
            if "answer_as" not in intake:
                continue
            person = settled[intake["person"]]
            answer_as = self._sealing.open(intake["answer_as"], intake["_id"])
            asked = Asked(intake["source"], answer_as, person.updated_at, version=2)
            answers += registered(asked, person, VERIFIED_LATER)
        return answers

    def _persons(self, ledger: Ledger) -> list[Write]:
        writes: list[Write] = []
        for id_ in sorted(ledger.changed_persons):
            document = self._sealing.document_of(ledger.persons[id_])
            if id_ in ledger.loaded:
                writes.append(ReplaceOne({"_id": id_}, document))
            else:
                writes.append(InsertOne(document))
        for former, to in sorted(ledger.moved.items()):
            writes.append(ReplaceOne({"_id": former}, {"_id": former, "moved_to": to}, upsert=True))
        return writes

    def _versions(self, ledger: Ledger) -> list[Write]:
        writes: list[Write] = []
        for person in ledger.superseded:
            document = self._sealing.document_of(person)
            for current_only in ("pending", "keys", "keys_version", "traits"):
                document.pop(current_only, None)
            document |= {"_id": f"{person.key}|{person.version}", "id": person.id}
            writes.append(InsertOne(document))
        return writes

    def _intakes(self, ledger: Ledger) -> list[Write]:
        return [
            InsertOne(
                {
                    "_id": settled.intake.id,
                    "digest": settled.intake.digest,
                    "outcome": settled.outcome,
                    "person": settled.person,
                    "source": settled.intake.source,
                    "system": settled.intake.system,
                    "facility": settled.intake.facility,
                    "channel": settled.intake.channel,
                    "at": settled.intake.at,
                    "body": self._sealing.seal_bytes(settled.intake.body, settled.intake.id),
                    "answer_as": self._sealing.seal(settled.intake.answer_as, settled.intake.id),
                }
            )
            for settled in ledger.new_settled
        ]


def _numbers(ledger: Ledger) -> list[Write]:
    writes: list[Write] = []
    for hash_ in sorted(ledger.changed_owners):
        owner = ledger.owners[hash_]
        state = {"kind": owner.kind, "persons": list(owner.persons), "verified": owner.verified}
        writes.append(UpdateOne({"_id": hash_}, {"$set": state}, upsert=True))
    return writes


def _persons_of(key: str, persons: Sequence[str]) -> Write:
    return UpdateOne({"_id": key}, {"$set": {"persons": list(persons)}}, upsert=True)
