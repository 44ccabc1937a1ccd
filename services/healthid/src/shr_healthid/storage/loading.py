"""Loads a ledger: numbers, claims and intakes first, then whom they name, former ids and merges followed."""

from __future__ import annotations

from collections.abc import Iterable

from shr_common.mongo import Database, Document, Session

from shr_healthid.domain.cases import PENDING
from shr_healthid.domain.ledger import HOPS_LIMIT, Intake, Ledger, Owner, Settled, Wanted, local_key, newborn_key
from shr_healthid.storage.approvals import approval_of
from shr_healthid.storage.blocks import blocks_of
from shr_healthid.storage.collections import APPROVALS, INTAKES, LOCAL_IDS, NEWBORNS, NUMBERS, PERSONS, REVIEWS
from shr_healthid.storage.reviews import case_of
from shr_healthid.storage.sealing import Sealing


class Loading:
    """Reads inside the unit of work, so that what was decided on is what is changed."""

    def __init__(self, database: Database, sealing: Sealing) -> None:
        self._database = database
        self._sealing = sealing

    async def ledger(self, wanted: Wanted, session: Session) -> Ledger:
        """The ledger of a unit of work."""
        numbers = await self._by_id(NUMBERS, wanted.numbers, session)
        claims = await self._by_id(LOCAL_IDS, (local_key(one) for one in wanted.local_ids), session)
        intakes = await self._by_id(INTAKES, wanted.intakes, session)
        ledger = Ledger(
            owners={n["_id"]: Owner(n["kind"], tuple(n["persons"]), n["verified"]) for n in numbers},
            claims={claim["_id"]: tuple(claim["persons"]) for claim in claims},
            settled={intake["_id"]: _settled(intake) for intake in intakes},
        )
        named = {id_ for document in (*numbers, *claims) for id_ in document["persons"]}
        named |= {intake["person"] for intake in intakes}
        named |= wanted.persons | {mother for mother, _ in wanted.newborns}
        named |= await self._questions(ledger, wanted, session)
        await self._persons(ledger, named, session)
        await self._newborns(ledger, wanted, session)
        ledger.blocks = await blocks_of(self._database, wanted.offline - ledger.known_ids(), session)
        ledger.loaded = {id_: person.version for id_, person in ledger.persons.items()}
        return ledger

    async def _questions(self, ledger: Ledger, wanted: Wanted, session: Session) -> set[str]:
        """Cases and approvals; answers whom they are about."""
        cases = await self._by_id(REVIEWS, wanted.cases, session)
        approvals = await self._by_id(APPROVALS, wanted.approvals, session)
        if wanted.waiting_of:
            waiting = {"person": {"$in": sorted(wanted.waiting_of)}, "status": PENDING}
            approvals += await self._database[APPROVALS].find(waiting, session=session).to_list()
        ledger.cases = {case["_id"]: case_of(case, self._sealing) for case in cases}
        ledger.approvals = {one["_id"]: approval_of(one, self._sealing) for one in approvals}
        return {id_ for case in cases for id_ in case["persons"]} | {one["person"] for one in approvals}

    async def _newborns(self, ledger: Ledger, wanted: Wanted, session: Session) -> None:
        mothers = ((ledger.current(id_), born) for id_, born in wanted.newborns)
        keys = {newborn_key(side, born) for mother, born in mothers if mother for side in ledger.family(mother)}
        found = await self._by_id(NEWBORNS, keys, session)
        ledger.newborns = {document["_id"]: tuple(document["persons"]) for document in found}
        await self._persons(ledger, {id_ for document in found for id_ in document["persons"]}, session)

    async def _persons(self, ledger: Ledger, ids: set[str], session: Session) -> None:
        asked: set[str] = set()
        for _ in range(HOPS_LIMIT):
            missing = ids - asked - ledger.persons.keys()
            if not missing:
                return
            asked |= missing
            for document in await self._by_id(PERSONS, missing, session):
                if "moved_to" in document:
                    ledger.forwarded[document["_id"]] = document["moved_to"]
                    ids = ids | {document["moved_to"]}
                else:
                    person = self._sealing.person_of(document)
                    ledger.persons[person.id] = person
                    ids = ids | {*person.absorbed, *filter(None, [person.survivor])}  # all sides of a merge

    async def _by_id(self, name: str, ids: Iterable[str], session: Session) -> list[Document]:
        wanted = sorted(set(ids))
        if not wanted:
            return []
        projection = {"body": 0, "answer_as": 0} if name == INTAKES else None
        return await self._database[name].find({"_id": {"$in": wanted}}, projection, session=session).to_list()


def _settled(document: Document) -> Settled:
    intake = Intake(
        id=document["_id"],
        digest=document["digest"],
        source=document["source"],
        facility=document["facility"],
        channel=document["channel"],
        at=document["at"],
        keyed=True,
    )
    return Settled(intake, document["outcome"], document["person"])
