"""Sign what the access log holds now, and prove to a citizen that her entries stand under that signature."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol

from shr_common.errors import ShrError, unavailable
from shr_contracts.cloudevents import rfc3339

from shr_consent.domain import merkle
from shr_consent.domain.audit_chain import Head
from shr_consent.domain.checkpoint import Block, Checkpoint, entry_leaf, path_in_block, shard_node

TRIES = 5


class Log(Protocol):
    """The stored access log."""

    async def heads(self) -> Sequence[Head]:
        """The newest entry of each shard, by shard."""

    async def links(self, shard: int, first: int, last: int) -> Sequence[Mapping[str, Any]]:
        """seq and hash of a shard's entries, in order."""


class Checkpoints(Protocol):
    """The stored checkpoints."""

    async def last(self) -> Checkpoint | None:
        """The newest."""

    async def at(self, numbers: Iterable[int]) -> Mapping[int, Checkpoint]:
        """Some, by number."""

    async def add(self, made: Checkpoint, blocks: Sequence[Block]) -> None:
        """Keep one. Raises conflict when its number is taken."""

    async def blocks(self, numbers: Iterable[int]) -> Sequence[Block]:
        """All blocks of some checkpoints."""

    async def covering(self, shard: int, first: int, last: int) -> Sequence[Block]:
        """The blocks of a shard that hold any of its entries ``first`` to ``last``."""


class Signer(Protocol):
    """Holds the key of the access log."""

    def sign(self, claim: Mapping[str, Any]) -> str:
        """A compact JWS."""


class SealAccessLog:
    """Makes checkpoints and proofs."""

    def __init__(self, log: Log, checkpoints: Checkpoints, signer: Signer) -> None:
        self._log = log
        self._checkpoints = checkpoints
        self._signer = signer

    async def __call__(self, *, now: datetime) -> Checkpoint | None:
        """The newest checkpoint: a new one if entries came since, else the last; None while there is no entry."""
        for _ in range(TRIES):
            last = await self._checkpoints.last()
            heads = await self._log.heads()
            if not any(head.seq for head in heads) or (last and tuple(heads) == last.heads):
                return last
            try:
                return await self._seal(last, heads, now)
            except ShrError as error:
                if error.category != "conflict":
                    raise
        raise unavailable("The access log is being sealed by others; ask again.")

    async def _seal(self, last: Checkpoint | None, heads: Sequence[Head], now: datetime) -> Checkpoint:
        number = last.number + 1 if last else 1
        covered = [head.seq for head in last.heads] if last else [0] * len(heads)
        blocks, shards = [], []
        for head in heads:
            first = covered[head.shard] + 1
            new = [entry_leaf(link) for link in await self._log.links(head.shard, first, head.seq)]
            if len(new) != head.seq - first + 1:
                raise unavailable("The access log has a gap; `shr audit verify` tells where.")
            shards.append(shard_node(head, new))
            if new:
                blocks.append(Block(number, head.shard, first, head.seq, merkle.root(new)))
        nodes = await self._subtrees(merkle.merged_by(number))
        completed = merkle.completed_at(number, merkle.root(shards), nodes.__getitem__)
        nodes |= {(level, number): found for level, found in enumerate(completed)}
        nodes |= await self._subtrees(place for place in merkle.peaks(number) if place not in nodes)
        root = merkle.history_root(number, nodes.__getitem__)
        unsigned = Checkpoint(number, rfc3339(now), tuple(heads), tuple(completed), root)
        made = replace(unsigned, signature=self._signer.sign(unsigned.claim))
        await self._checkpoints.add(made, blocks)
        return made

    async def proof(self, entries: Sequence[Mapping[str, Any]], *, now: datetime) -> dict[str, Any]:
        """``entries`` with their paths, the root and its signature; seals first what is not covered yet."""
        newest = await self._checkpoints.last()
        if newest is None or any(entry["seq"] > newest.heads[entry["shard"]].seq for entry in entries):
            newest = await self(now=now)
        if newest is None:
            return {"entries": [], "root": None, "signature": None}
        paths: dict[tuple[int, int], list[merkle.Step]] = {}
        for shard in sorted({entry["shard"] for entry in entries}):
            wanted = [entry["seq"] for entry in entries if entry["shard"] == shard]
            for block in await self._checkpoints.covering(shard, min(wanted), max(wanted)):
                inside = [seq for seq in wanted if block.first <= seq <= block.last]
                if inside:
                    paths |= await self._paths(block, inside, newest.number)
        proven = [{**entry, "path": paths[entry["shard"], entry["seq"]]} for entry in entries]
        return {
            "entries": proven,
            "root": newest.root.hex(),
            "signature": newest.signature,
            "checkpoint": newest.number,
            "at": newest.at,
        }

    async def _paths(self, block: Block, wanted: Sequence[int], size: int) -> dict[tuple[int, int], list[merkle.Step]]:
        links = await self._log.links(block.shard, block.first, block.last)
        leaves = [entry_leaf(link) for link in links]
        sealed = (await self._checkpoints.at([block.checkpoint]))[block.checkpoint]
        roots = {one.shard: one.root for one in await self._checkpoints.blocks([block.checkpoint])}
        onward = await self._history_path(block.checkpoint, size)
        return {
            (block.shard, seq): [
                *path_in_block(seq - block.first, leaves, sealed.heads, block.shard, roots),
                *onward,
            ]
            for seq in wanted
        }

    async def _history_path(self, number: int, size: int) -> list[merkle.Step]:
        wanted: set[merkle.Place] = set()

        def note(place: merkle.Place) -> bytes:
            wanted.add(place)
            return merkle.EMPTY

        merkle.history_path(number, size, note)
        nodes = await self._subtrees(wanted)
        return merkle.history_path(number, size, nodes.__getitem__)

    async def _subtrees(self, places: Iterable[merkle.Place]) -> dict[merkle.Place, bytes]:
        wanted = list(places)
        found = await self._checkpoints.at(sorted({end for _, end in wanted})) if wanted else {}
        return {(level, end): found[end].nodes[level] for level, end in wanted}
