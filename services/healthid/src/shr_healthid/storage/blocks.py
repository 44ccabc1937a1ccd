"""Blocks of Health IDs: laid out one after the other from one counter, used up in the registrations' units of work."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pymongo import UpdateOne
from shr_common.errors import Category, ShrError, busy, unavailable
from shr_common.mongo import Client, Database, Document, Session, categorised, unit_of_work

from shr_healthid.domain.blocks import BASE_DIGITS, FIRST_BASE, Block, Notices, laid_out
from shr_healthid.domain.ledger import Ledger
from shr_healthid.storage.collections import ID_BLOCKS, MINT

SERIES = "blocks"
TRIES = 6
LISTED_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Tally:
    """How the blocks of one system stand: ``state`` open, low, expiring, exhausted or expired; Health IDs left."""

    system: str
    state: str
    blocks: int
    left: int


class BlockStore:
    """Gives blocks out and says how they stand."""

    def __init__(self, client: Client, database: Database, *, open_limit: int, timeout_s: float = 10.0) -> None:
        self._client = client
        self._blocks = database[ID_BLOCKS]
        self._mint = database[MINT]
        self._open_limit = open_limit
        self._timeout_s = timeout_s

    async def issue(self, source: str, size: int, *, now: datetime, days: int) -> Block:
        """A new block. Raises conflict while the source has too many that are open, unavailable at the series' end."""

        async def work(session: Session) -> Block:
            await self._refuse_hoarding(source, now, session)
            counter = await self._mint.find_one({"_id": SERIES}, session=session)
            span = laid_out(int(counter["next"]) if counter else FIRST_BASE, size)
            if span is None:
                raise unavailable("The series of offline Health IDs are exhausted.", retry_after_s=3600)
            first, last = span
            # whoever lays out a block at the same time meets here, and tries again with what is left
            await self._mint.update_one({"_id": SERIES}, {"$set": {"next": last + 1}}, upsert=True, session=session)
            block = Block(str(first), str(last), source, size, 0, now, now + timedelta(days=days))
            await self._blocks.insert_one(_document_of(block), session=session)
            return block

        for _ in range(TRIES):
            try:
                return await unit_of_work(self._client, work, timeout_s=self._timeout_s)
            except ShrError as error:
                if error.category is not Category.CONFLICT or error.detail == "hoarding":
                    raise  # else two processes made the counter at once
        raise busy("Another block is being given out at this moment.")

    async def _refuse_hoarding(self, source: str, now: datetime, session: Session) -> None:
        open_ = {"source": source, "expires_at": {"$gt": now}, "$expr": {"$lt": ["$used", "$size"]}}
        if await self._blocks.count_documents(open_, session=session, limit=self._open_limit) >= self._open_limit:
            raise ShrError(
                Category.CONFLICT,
                f"{source} has {self._open_limit} open blocks already (GET /id-blocks). Use those first.",
                detail="hoarding",
            )

    async def by_id(self, id_: str) -> Block | None:
        """The block that begins with this base."""
        with categorised():
            found = await self._blocks.find_one({"_id": id_})
        return _block_of(found) if found else None

    async def of_source(self, source: str | None) -> list[Block]:
        """The newest blocks of a source, or of all."""
        query: Document = {} if source is None else {"source": source}
        with categorised():
            found = await self._blocks.find(query).sort("created_at", -1).limit(LISTED_LIMIT).to_list()
        return [_block_of(document) for document in found]

    async def prolong(self, id_: str, until: datetime) -> Block | None:
        """The block with another end; it is never shortened."""
        with categorised():
            await self._blocks.update_one({"_id": id_}, {"$max": {"expires_at": until}})
        return await self.by_id(id_)

    async def tally(self, now: datetime, when: Notices, *, since: datetime) -> list[Tally]:
        """How blocks stand, by system; those that ended before ``since`` are history."""
        left = {"$subtract": ["$size", "$used"]}
        state = {
            "$switch": {
                "branches": [
                    {"case": {"$lte": [left, 0]}, "then": "exhausted"},
                    {"case": {"$lte": ["$expires_at", now]}, "then": "expired"},
                    {"case": {"$lte": [left, {"$multiply": ["$size", when.left_share]}]}, "then": "low"},
                    {"case": {"$lte": ["$expires_at", now + when.before_expiry]}, "then": "expiring"},
                ],
                "default": "open",
            }
        }
        system = {"$arrayElemAt": [{"$split": ["$source", "/"]}, 0]}
        pipeline: Sequence[Document] = [
            {"$match": {"expires_at": {"$gt": since}}},
            {"$group": {"_id": {"system": system, "state": state}, "blocks": {"$sum": 1}, "left": {"$sum": left}}},
        ]
        with categorised():
            found = await (await self._blocks.aggregate(pipeline)).to_list()
        return [Tally(row["_id"]["system"], row["_id"]["state"], row["blocks"], row["left"]) for row in found]


async def blocks_of(database: Database, uhids: Iterable[str], session: Session) -> dict[str, Block]:
    """The block of each Health ID that lies in one."""
    found: dict[str, Block] = {}
    block: Block | None = None
    for uhid in sorted(uhids):  # neighbours mostly lie in one block
        if block is None or not block.covers(uhid):
            nearest = {"_id": {"$lte": uhid[:BASE_DIGITS]}}
            document = await database[ID_BLOCKS].find_one(nearest, sort=[("_id", -1)], session=session)
            block = _block_of(document) if document else None
        if block is not None and block.covers(uhid):
            found[uhid] = block
    return found


def uses(ledger: Ledger) -> list[UpdateOne]:
    """What a unit of work used of blocks."""
    return [UpdateOne({"_id": id_}, {"$inc": {"used": n}}) for id_, n in sorted(ledger.used.items())]


def _document_of(block: Block) -> Document:
    return {
        "_id": block.id,
        "last": block.last_base,
        "source": block.source,
        "size": block.size,
        "used": block.used,
        "created_at": block.created_at,
        "expires_at": block.expires_at,
    }


def _block_of(document: Document) -> Block:
    return Block(
        id=document["_id"],
        last_base=document["last"],
        source=document["source"],
        size=document["size"],
        used=document["used"],
        created_at=document["created_at"],
        expires_at=document["expires_at"],
    )
