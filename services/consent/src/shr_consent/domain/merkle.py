"""Merkle trees in the manner of RFC 6962, and a history of them that grows without being rebuilt.

A path is a list of ``{"left": hex}`` or ``{"right": hex}`` from the leaf upwards. The history keeps, with its n-th
member, every complete subtree that ends there, so that a root or a path needs a handful of members only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

Step = dict[str, str]
Place = tuple[int, int]
"""(level, end): the complete subtree of ``2**level`` members whose last one has the number ``end``, from 1."""

EMPTY = hashlib.sha256(b"").digest()


def leaf(data: bytes) -> bytes:
    """The node of a leaf."""
    return hashlib.sha256(b"\x00" + data).digest()


def node(left: bytes, right: bytes) -> bytes:
    """The node above two."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(nodes: Sequence[bytes]) -> bytes:
    """The root over nodes; of none, the hash of nothing."""
    if not nodes:
        return EMPTY
    level = list(nodes)
    while len(level) > 1:
        paired = [node(level[n], level[n + 1]) for n in range(0, len(level) - 1, 2)]
        level = paired + level[len(paired) * 2 :]
    return level[0]


def path(nodes: Sequence[bytes], index: int) -> list[Step]:
    """From the node at ``index`` to the root over ``nodes``."""
    steps: list[Step] = []
    level = list(nodes)
    while len(level) > 1:
        beside = index ^ 1
        if beside < len(level):
            steps.append({"right" if beside > index else "left": level[beside].hex()})
        paired = [node(level[n], level[n + 1]) for n in range(0, len(level) - 1, 2)]
        level = paired + level[len(paired) * 2 :]
        index //= 2
    return steps


def climbed(start: bytes, steps: Sequence[Step]) -> bytes:
    """Where a path leads. Raises ValueError when it is none."""
    at = start
    for step in steps:
        if set(step) == {"left"}:
            at = node(bytes.fromhex(step["left"]), at)
        elif set(step) == {"right"}:
            at = node(at, bytes.fromhex(step["right"]))
        else:
            raise ValueError("a step goes left or right")
    return at


def peaks(size: int) -> list[Place]:
    """The complete subtrees that make up a history of ``size`` members, from the left."""
    found, end = [], 0
    for level in reversed(range(size.bit_length())):
        if size >> level & 1:
            end += 1 << level
            found.append((level, end))
    return found


def merged_by(number: int) -> list[Place]:
    """The left halves of the subtrees that member ``number`` completes, lowest first."""
    completed = (number & -number).bit_length() - 1
    return [(level, number - (1 << level)) for level in range(completed)]


def completed_at(number: int, member: bytes, at: Callable[[Place], bytes]) -> list[bytes]:
    """All complete subtrees that end with member ``number``, lowest first; ``at`` gives those of ``merged_by``."""
    nodes = [member]
    for place in merged_by(number):
        nodes.append(node(at(place), nodes[-1]))
    return nodes


def history_root(size: int, at: Callable[[Place], bytes]) -> bytes:
    """The root of a history; ``at`` gives its ``peaks``."""
    return _bagged([at(place) for place in peaks(size)])


def history_path(number: int, size: int, at: Callable[[Place], bytes]) -> list[Step]:
    """From member ``number`` (from 1) to the root of a history of ``size``."""
    tops = peaks(size)
    mine = next(n for n, (_, end) in enumerate(tops) if number <= end)
    steps: list[Step] = []
    index = number - 1
    for level in range(tops[mine][0]):
        beside = (index >> level) ^ 1
        side = "right" if (index >> level) % 2 == 0 else "left"
        steps.append({side: at((level, (beside + 1) << level)).hex()})
    if tops[mine + 1 :]:
        steps.append({"right": _bagged([at(place) for place in tops[mine + 1 :]]).hex()})
    steps += [{"left": at(place).hex()} for place in reversed(tops[:mine])]
    return steps


def _bagged(tops: Sequence[bytes]) -> bytes:
    bag = tops[-1] if tops else EMPTY
    for top in reversed(tops[:-1]):
        bag = node(top, bag)
    return bag
