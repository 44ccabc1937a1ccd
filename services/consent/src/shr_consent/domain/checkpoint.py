"""A checkpoint: one signed root over all that the access log held at a moment.

Its block is a Merkle tree over the 16 shards: for each, the entries since the last checkpoint beside the shard's head.
Its root is that of the history of all blocks so far, so the newest root vouches for every entry there ever was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shr_consent.domain import merkle
from shr_consent.domain.audit_chain import Head


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """``number`` from 1; ``nodes`` as merkle.completed_at gives them (the first is the block); ``at`` RFC 3339."""

    number: int
    at: str
    heads: tuple[Head, ...]
    nodes: tuple[bytes, ...]
    root: bytes
    signature: str = ""

    @property
    def claim(self) -> dict[str, Any]:
        """What is signed."""
        return claim(number=self.number, at=self.at, root=self.root.hex(), heads=self.heads)


@dataclass(frozen=True, slots=True)
class Block:
    """What one checkpoint newly covers of one shard: the entries ``first`` to ``last``, whose tree has ``root``."""

    checkpoint: int
    shard: int
    first: int
    last: int
    root: bytes


def claim(*, number: int, at: str, root: str, heads: Sequence[Head]) -> dict[str, Any]:
    """What is signed: the root, its number and time, and how many entries it covers."""
    return {"checkpoint": number, "at": at, "root": root, "entries": sum(head.seq for head in heads)}


def entry_leaf(entry: Mapping[str, Any]) -> bytes:
    """An entry's leaf binds its place: the hash alone would not."""
    return merkle.leaf(f"{entry['seq']}:{entry['hash']}".encode())


def head_leaf(head: Head) -> bytes:
    """The leaf beside a shard's new entries."""
    return merkle.leaf(f"{head.shard}:{head.seq}:{head.hash}".encode())


def shard_node(head: Head, new: Sequence[bytes]) -> bytes:
    """One shard in a block; ``new``: the leaves of its new entries."""
    return merkle.node(merkle.root(new), head_leaf(head))


def path_in_block(
    index: int, new: Sequence[bytes], heads: Sequence[Head], shard: int, roots: Mapping[int, bytes]
) -> list[merkle.Step]:
    """From the entry leaf ``new[index]`` of a shard to the block. ``roots``: of each shard's new entries."""
    shards = [merkle.node(roots.get(head.shard, merkle.EMPTY), head_leaf(head)) for head in heads]
    return [*merkle.path(new, index), {"right": head_leaf(heads[shard]).hex()}, *merkle.path(shards, shard)]
