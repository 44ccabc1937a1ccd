"""Signed checkpoints of the access log, and the blocks that they cover."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

import pymongo
from shr_common.mongo import Client, Database, Document, Session, categorised, unit_of_work

from shr_consent.domain.audit_chain import Head
from shr_consent.domain.checkpoint import Block, Checkpoint
from shr_consent.storage.indexes import AUDIT_BLOCKS, CHECKPOINTS


class CheckpointStore:
    """``audit_checkpoints`` (``_id`` = number, from 1) and ``audit_blocks`` (which checkpoint covers which entries)."""

    def __init__(self, client: Client, database: Database, *, timeout_s: float) -> None:
        self._client = client
        self._checkpoints = database[CHECKPOINTS]
        self._blocks = database[AUDIT_BLOCKS]
        self._timeout_s = timeout_s

    async def last(self) -> Checkpoint | None:
        """The newest."""
        with categorised(), pymongo.timeout(self._timeout_s):
            row = await self._checkpoints.find_one(sort=[("_id", -1)])
        return _checkpoint_of(row) if row else None

    async def at(self, numbers: Iterable[int]) -> Mapping[int, Checkpoint]:
        """Some, by number."""
        with categorised(), pymongo.timeout(self._timeout_s):
            found = self._checkpoints.find({"_id": {"$in": list(numbers)}})
            return {row["_id"]: _checkpoint_of(row) async for row in found}

    async def add(self, made: Checkpoint, blocks: Sequence[Block]) -> None:
        """Keep one. Raises conflict when its number is taken."""
        rows: list[Document] = [
            {
                "_id": f"{block.checkpoint}-{block.shard}",
                "checkpoint": block.checkpoint,
                "shard": block.shard,
                "first": block.first,
                "last": block.last,
                "root": block.root.hex(),
            }
            for block in blocks
        ]

        async def work(session: Session) -> None:
            await self._checkpoints.insert_one(_row_of(made), session=session)
            await self._blocks.insert_many(rows, session=session)

        await unit_of_work(self._client, work, timeout_s=self._timeout_s)

    async def blocks(self, numbers: Iterable[int]) -> Sequence[Block]:
        """All blocks of some checkpoints."""
        with categorised(), pymongo.timeout(self._timeout_s):
            return [_block_of(row) async for row in self._blocks.find({"checkpoint": {"$in": list(numbers)}})]

    async def covering(self, shard: int, first: int, last: int) -> Sequence[Block]:
        """The blocks of a shard that hold any of its entries ``first`` to ``last``."""
        query = {"shard": shard, "last": {"$gte": first}, "first": {"$lte": last}}
        with categorised(), pymongo.timeout(self._timeout_s):
            return [_block_of(row) async for row in self._blocks.find(query).sort("last", 1)]

    async def all(self) -> AsyncIterator[dict[str, Any]]:
        """As the verifier and an export take them, in order."""
        with categorised():
            async for row in self._checkpoints.find().sort("_id", 1):
                yield {"number": row["_id"], **{name: row[name] for name in ("at", "heads", "root", "signature")}}


def _row_of(made: Checkpoint) -> Document:
    return {
        "_id": made.number,
        "at": made.at,
        "heads": [{"shard": h.shard, "seq": h.seq, "hash": h.hash, "id": h.id} for h in made.heads],
        "nodes": [node.hex() for node in made.nodes],
        "root": made.root.hex(),
        "signature": made.signature,
    }


def _checkpoint_of(row: Document) -> Checkpoint:
    return Checkpoint(
        number=row["_id"],
        at=row["at"],
        heads=tuple(Head(h["shard"], h["seq"], h["hash"], h["id"]) for h in row["heads"]),
        nodes=tuple(bytes.fromhex(node) for node in row["nodes"]),
        root=bytes.fromhex(row["root"]),
        signature=row["signature"],
    )


def _block_of(row: Document) -> Block:
    return Block(row["checkpoint"], row["shard"], row["first"], row["last"], bytes.fromhex(row["root"]))
