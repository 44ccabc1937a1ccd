"""The access log as a chain of hashes: what was once written cannot be changed, dropped or moved unnoticed.

Entries of one person lie in one of 16 shards. In a shard each entry's ``hash`` is the SHA-256 of its canonical JSON
(sorted keys, no spaces, UTF-8; without seq, previous, hash, path) followed by the hash of the entry before it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SHARDS = 16
BEGINNING = "0" * 64
_BESIDE = frozenset({"seq", "previous", "hash", "path"})


@dataclass(frozen=True, slots=True)
class Head:
    """The newest entry of a shard; ``seq`` 0 while there is none."""

    shard: int
    seq: int = 0
    hash: str = BEGINNING
    id: str | None = None


def shard_of(patient: str) -> int:
    """The shard of a person's entries."""
    return hashlib.sha256(patient.encode()).digest()[0] % SHARDS


def hash_of(entry: Mapping[str, Any], previous: str) -> str:
    """The hash of an entry that follows one with the hash ``previous``."""
    content = {name: value for name, value in entry.items() if name not in _BESIDE}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode() + previous.encode()).hexdigest()


def chained(head: Head, contents: Sequence[Mapping[str, Any]]) -> tuple[list[dict[str, Any]], Head]:
    """``contents`` as the next entries of a shard, and its new head."""
    entries = []
    for content in contents:
        entry = {**content, "shard": head.shard, "previous_id": head.id}
        hashed = hash_of(entry, head.hash)
        entries.append({**entry, "seq": head.seq + 1, "previous": head.hash, "hash": hashed})
        head = Head(head.shard, head.seq + 1, hashed, str(content["id"]))
    return entries, head
