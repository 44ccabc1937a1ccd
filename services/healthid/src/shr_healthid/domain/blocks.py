"""Blocks of Health IDs that a source issues offline: series 91 to 97, consecutive, issuable ones counted only.

A block is named by its first base. Blocks are laid out one after the other, so that no two share a Health ID.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from shr_common.identifiers import health_id, is_health_id, is_issuable_base

FIRST_BASE = 9_100_000_000
END_BASE = 9_800_000_000
"""From here on the centre issues (series 98 and 99)."""
BASE_DIGITS = 10


@dataclass(frozen=True, slots=True)
class Block:
    """A block of a source. ``id`` and ``last_base``: the bases of its ends; ``size`` and ``used`` count Health IDs."""

    id: str
    last_base: str
    source: str
    size: int
    used: int
    created_at: datetime
    expires_at: datetime

    @property
    def first(self) -> str:
        """Its first Health ID."""
        return health_id(self.id)

    @property
    def last(self) -> str:
        """Its last Health ID."""
        return health_id(self.last_base)

    @property
    def left(self) -> int:
        """How many were not registered yet."""
        return max(self.size - self.used, 0)

    def covers(self, uhid: str) -> bool:
        """Whether a Health ID lies in it."""
        return self.id <= uhid[:BASE_DIGITS] <= self.last_base and is_issuable_base(uhid[:BASE_DIGITS])


@dataclass(frozen=True, slots=True)
class Notices:
    """When a block is reported: at most this share left, or at most this long to go."""

    left_share: float = 0.1
    before_expiry: timedelta = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Notice:
    """What its holder should do about a block. ``code``: expired, exhausted, low, expiring."""

    code: str
    text: str
    text_bn: str


def is_offline_id(uhid: str) -> bool:
    """Whether a Health ID is of the series that organisations issue."""
    return is_health_id(uhid) and FIRST_BASE <= int(uhid[:BASE_DIGITS]) < END_BASE


def next_issuable(base: int) -> int:
    """The first base from this one on that may be given to a person."""
    text = str(base)
    while not is_issuable_base(text):
        # a prefix that is refused already refuses everything under it
        length = next(n for n in range(1, BASE_DIGITS + 1) if not is_issuable_base(text[:n]))
        text = str(int(text[:length]) + 1).ljust(BASE_DIGITS, "0")
    return int(text)


def laid_out(start: int, size: int) -> tuple[int, int] | None:
    """The first and last base of ``size`` issuable ones from ``start`` on; None if the series end before."""
    first = last = next_issuable(start)
    for _ in range(size - 1):
        last = next_issuable(last + 1)
    return (first, last) if last < END_BASE else None


def health_ids(block: Block) -> Iterator[str]:
    """Every Health ID of a block, in order."""
    base = int(block.id)
    while base <= int(block.last_base):
        yield health_id(str(base))
        base = next_issuable(base + 1)


def state_of(block: Block, now: datetime) -> str:
    """``open``, ``exhausted`` or ``expired``."""
    if block.left == 0:
        return "exhausted"
    return "open" if now < block.expires_at else "expired"


def warning_of(block: Block, now: datetime, when: Notices) -> Notice | None:
    """What is to be said about a block, before its holder stands in a village with none left."""
    day = block.expires_at.date().isoformat()
    if block.left == 0:
        return Notice("exhausted", "Every Health ID of this block is used. Ask for another block.",
                        "এই ব্লকের সব হেলথ আইডি ব্যবহৃত হয়েছে। নতুন ব্লক চান।")  # fmt: skip
    if now >= block.expires_at:
        return Notice("expired", f"This block expired on {day}. Ask for another block.",
                        f"এই ব্লকের মেয়াদ {day} তারিখে শেষ হয়েছে। নতুন ব্লক চান।")  # fmt: skip
    if block.left <= block.size * when.left_share:
        return Notice("low", f"{block.left} Health IDs of this block are left. Ask for another block in time.",
                        f"এই ব্লকে {block.left}টি হেলথ আইডি বাকি আছে। সময় থাকতে নতুন ব্লক চান।")  # fmt: skip
    if now >= block.expires_at - when.before_expiry:
        return Notice("expiring", f"This block expires on {day}. Upload what was issued, and ask for another block.",
                        f"এই ব্লকের মেয়াদ {day} তারিখে শেষ হবে। যা দেওয়া হয়েছে আপলোড করুন, নতুন ব্লক চান।")  # fmt: skip
    return None
