"""Give a source a block of Health IDs to issue offline, and prolong one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shr_common.errors import invalid, not_found

from shr_healthid.domain.blocks import Block


class Blocks(Protocol):
    """The stored blocks."""

    async def issue(self, source: str, size: int, *, now: datetime, days: int) -> Block:
        """A new block. Raises conflict, unavailable."""

    async def prolong(self, id_: str, until: datetime) -> Block | None:
        """The block with a later end."""


@dataclass(frozen=True, slots=True)
class BlockRules:
    """Settings of blocks."""

    size_limit: int
    days: int
    days_limit: int


class IssueIdBlock:
    """Blocks last for a year and some (setting), so that a lost laptop does not keep Health IDs for ever."""

    def __init__(self, blocks: Blocks, rules: BlockRules) -> None:
        self._blocks = blocks
        self._rules = rules

    async def __call__(self, source: str, size: object, *, now: datetime) -> Block:
        """A new block of ``size`` Health IDs. Raises invalid, conflict, unavailable."""
        limit = self._rules.size_limit
        if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= limit:
            raise invalid(f"size is a whole number from 1 to {limit}.", expression="size", code="value",
                          text_bn=f"size ১ থেকে {limit} পর্যন্ত একটি পূর্ণ সংখ্যা।")  # fmt: skip
        return await self._blocks.issue(source, size, now=now, days=self._rules.days)

    async def prolong(self, id_: str, until: datetime, *, now: datetime) -> Block:
        """The block with a later end. Raises invalid, not_found."""
        days = (until - now).total_seconds() / 86_400
        if not 0 < days <= self._rules.days_limit:
            raise invalid(f"expires_at lies in the future, {self._rules.days_limit} days from now at most.",
                          expression="expires_at", code="value",
                          text_bn=f"expires_at ভবিষ্যতের তারিখ, সর্বোচ্চ {self._rules.days_limit} দিন পরে।")  # fmt: skip
        block = await self._blocks.prolong(id_, until)
        if block is None:
            raise not_found("There is no such block.")
        return block
