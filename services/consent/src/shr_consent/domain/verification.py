"""Is the access log what it was? Checked offline, over the whole store or over one citizen's proof."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shr_consent.domain import merkle
from shr_consent.domain.audit_chain import BEGINNING, SHARDS, Head, hash_of
from shr_consent.domain.checkpoint import claim, entry_leaf, shard_node

UNKNOWN = "unknown"
Signed = Callable[[str], Mapping[str, Any] | None]
"""The claim in a signature, or None when it is not one of our keys."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it was. ``what``: edited, missing, reordered, forked; for checkpoints other words."""

    id: str
    what: str
    shard: int | None = None
    seq: int | None = None

    def __str__(self) -> str:
        if self.shard is None:
            return f"audit: {self.id}: {self.what}"
        return f"audit: entry {self.id} (shard {self.shard}, seq {self.seq}): {self.what}"


@dataclass(frozen=True, slots=True)
class Report:
    """What a verification says, in lines."""

    entries: int
    shards: int
    findings: tuple[Finding, ...] = ()

    def lines(self) -> list[str]:
        """One line for each finding, or the one that all is well."""
        return [*map(str, self.findings)] or [f"audit: {self.entries} entries, {self.shards} shards, ok"]


@dataclass(slots=True)
class Shard:
    """What the verifier remembers of a shard: the leaf and hash of each good entry, in order."""

    number: int
    leaves: list[bytes] = field(default_factory=list)
    hashes: list[str] = field(default_factory=list)
    last_id: str | None = None
    finding: Finding | None = None


def check_shard(number: int, entries: Iterable[Mapping[str, Any]], *, has_hash: Callable[[str], bool]) -> Shard:
    """Follow a shard from its beginning to its first fault. ``entries`` in the order of (seq, id), each with ``id``.

    ``has_hash``: whether any entry of this shard in the store has that hash (asked at a fault only).
    """
    shard = Shard(number)
    followed: set[str] = set()
    for entry in entries:
        what = _fault(entry, shard, followed, has_hash)
        if what is not None:
            shard.finding = what
            return shard
        followed.add(entry["previous"])
        shard.leaves.append(entry_leaf(entry))
        shard.hashes.append(entry["hash"])
        shard.last_id = entry["id"]
    return shard


def _fault(
    entry: Mapping[str, Any], shard: Shard, followed: set[str], has_hash: Callable[[str], bool]
) -> Finding | None:
    seq, previous = entry.get("seq"), entry.get("previous")
    if not isinstance(seq, int) or not isinstance(previous, str):
        return Finding(str(entry.get("id")), "edited", shard.number, 0)
    if entry.get("shard") != shard.number or entry.get("hash") != hash_of(entry, previous):
        return Finding(str(entry.get("id")), "edited", shard.number, seq)
    expected = len(shard.hashes) + 1
    last = shard.hashes[-1] if shard.hashes else BEGINNING
    if seq == expected and previous == last:
        return None
    if seq < expected or previous in followed:
        return Finding(entry["id"], "forked", shard.number, seq)
    if previous == last or has_hash(previous):
        return Finding(entry["id"], "reordered", shard.number, seq)
    if seq == expected and entry["previous_id"] == shard.last_id:
        return Finding(str(shard.last_id), "edited", shard.number, expected - 1)  # edited, and its hash made to fit
    known = seq <= expected + 1
    return Finding(str(entry["previous_id"]) if known else UNKNOWN, "missing", shard.number, expected)


def check_log(content: Mapping[str, Any], signed: Signed) -> Report:
    """The whole log: ``entries`` in the order of (shard, seq, id), ``heads``, ``checkpoints`` in their order.

    Entries newer than the heads are what was appended while the log was read.
    """
    by_shard: dict[int, list[Mapping[str, Any]]] = {number: [] for number in range(SHARDS)}
    strays = []
    for entry in content["entries"]:
        known = by_shard.get(entry["shard"]) if isinstance(entry.get("shard"), int) else None
        if known is None:
            strays.append(Finding(str(entry.get("id")), "edited", entry.get("shard") or 0, entry.get("seq") or 0))
        else:
            known.append(entry)
    shards = {number: _followed(number, entries) for number, entries in by_shard.items()}
    heads = [Head(one["shard"], one["seq"], one["hash"], one.get("id")) for one in content["heads"]]
    found = [*strays, *(fault for head in heads if (fault := _at_head(shards[head.shard], head)))]
    faulty = {fault.shard for fault in found}
    found += [shard.finding for n, shard in shards.items() if shard.finding and n not in faulty]
    if not found:
        history = History(shards, signed)
        found = [fault for one in content["checkpoints"] if (fault := history.check(one))][:1]
    return Report(len(content["entries"]), sum(map(bool, by_shard.values())), tuple(found))


def _followed(number: int, entries: Sequence[Mapping[str, Any]]) -> Shard:
    return check_shard(number, entries, has_hash=lambda hashed: any(one.get("hash") == hashed for one in entries))


def _at_head(shard: Shard, head: Head) -> Finding | None:
    """Whether the newest entries are still there, and still the same."""
    if shard.finding is not None:
        return shard.finding
    have = len(shard.hashes)
    if have < head.seq:
        return Finding(str(head.id) if head.seq == have + 1 else UNKNOWN, "missing", shard.number, have + 1)
    if head.seq and shard.hashes[head.seq - 1] != head.hash:
        return Finding(str(head.id), "forked", shard.number, head.seq)
    return None


@dataclass(slots=True)
class History:
    """Follows the checkpoints: each block is made again from the entries, each root and signature compared."""

    shards: Mapping[int, Shard]
    signed: Signed
    number: int = 0
    covered: dict[int, int] = field(default_factory=dict)
    subtrees: dict[merkle.Place, bytes] = field(default_factory=dict)

    def check(self, stored: Mapping[str, Any]) -> Finding | None:
        """The next checkpoint, as stored or exported."""
        self.number += 1
        name = f"checkpoint {self.number}"
        if stored["number"] != self.number:
            return Finding(name, "missing")
        heads = [Head(one["shard"], one["seq"], one["hash"], one.get("id")) for one in stored["heads"]]
        for head in heads:
            found = self._head(head)
            if found is not None:
                return found
        block = merkle.root([shard_node(head, self._new(head)) for head in heads])
        self.covered.update((head.shard, head.seq) for head in heads)
        nodes = merkle.completed_at(self.number, block, self.subtrees.__getitem__)
        self.subtrees.update(((level, self.number), found) for level, found in enumerate(nodes))
        root = merkle.history_root(self.number, self.subtrees.__getitem__)
        if root.hex() != stored["root"]:
            return Finding(name, "edited")
        said = self.signed(stored["signature"])
        if said != claim(number=self.number, at=stored["at"], root=stored["root"], heads=heads):
            return Finding(name, "not signed by this system")
        return None

    def _new(self, head: Head) -> Sequence[bytes]:
        return self.shards[head.shard].leaves[self.covered.get(head.shard, 0) : head.seq]

    def _head(self, head: Head) -> Finding | None:
        shard = self.shards[head.shard]
        if head.seq > len(shard.hashes):
            known = head.seq == len(shard.hashes) + 1
            return Finding(str(head.id) if known else UNKNOWN, "missing", head.shard, len(shard.hashes) + 1)
        if head.seq and shard.hashes[head.seq - 1] != head.hash:
            return Finding(str(head.id), "forked", head.shard, head.seq)
        return None


def check_proof(proof: Mapping[str, Any], signed: Signed) -> Report:
    """One citizen's proof: each entry is what was hashed, and stands under the signed root."""
    entries = sorted(proof["entries"], key=lambda one: (one["shard"], one["seq"]))
    shards = len({one["shard"] for one in entries})
    said = signed(str(proof.get("signature"))) if entries else {"root": proof.get("root")}
    if said is None or said.get("root") != proof.get("root"):
        return Report(len(entries), shards, (Finding("root", "not signed by this system"),))
    found = []
    before: Mapping[str, Any] = {}
    for entry in entries:
        what = _proven(entry, before, str(proof["root"]))
        if what is not None:
            found.append(Finding(str(entry["id"]), what, entry["shard"], entry["seq"]))
        before = entry
    return Report(len(entries), shards, tuple(found))


def _proven(entry: Mapping[str, Any], before: Mapping[str, Any], root: str) -> str | None:
    if entry["hash"] != hash_of(entry, entry["previous"]):
        return "edited"
    if before.get("shard") == entry["shard"]:
        if before["seq"] == entry["seq"]:
            return "forked"
        if before["seq"] + 1 == entry["seq"] and before["hash"] != entry["previous"]:
            return "reordered"
    return None if _stands_under(entry, root) else "edited"


def _stands_under(entry: Mapping[str, Any], root: str) -> bool:
    try:
        return merkle.climbed(entry_leaf(entry), entry["path"]).hex() == root
    except (ValueError, TypeError, KeyError):
        return False
