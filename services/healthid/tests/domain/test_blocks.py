"""Blocks of offline Health IDs: issuable ones only, none shared, reported in time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from shr_common.identifiers import health_id, is_health_id, is_issuable_base
from shr_healthid.domain.blocks import (
    END_BASE,
    FIRST_BASE,
    Block,
    Notices,
    is_offline_id,
    laid_out,
    next_issuable,
    state_of,
    warning_of,
)

BASES = st.integers(FIRST_BASE, END_BASE - 1)
NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
BLOCK = Block("9100010002", "9100010999", "emis/10000005", 100, 0, NOW, NOW + timedelta(days=400))


@given(BASES)
def test_the_next_issuable_base_is_the_next_one(base: int) -> None:
    found = next_issuable(base)
    assert is_issuable_base(str(found))
    near = range(base, min(found, base + 2000))
    assert not any(is_issuable_base(str(skipped)) for skipped in near if skipped != found)


@given(BASES, st.integers(1, 300))
def test_a_block_holds_exactly_its_size_of_valid_health_ids(start: int, size: int) -> None:
    span = laid_out(start, size)
    if span is None:
        return
    first, last = span
    assert start <= first <= last < END_BASE
    inside: list[str] = []
    base = first
    while base <= last:
        inside.append(health_id(str(base)))
        base = next_issuable(base + 1)
    assert len(inside) == size
    assert all(is_health_id(one) and is_offline_id(one) for one in inside)
    block = replace(BLOCK, id=str(first), last_base=str(last))
    assert (block.first, block.last) == (inside[0], inside[-1])
    assert all(block.covers(one) for one in inside)


def test_blocks_end_where_the_central_series_begins() -> None:
    assert laid_out(END_BASE - 1, 50) is None
    assert not is_offline_id("98000173958")
    assert not is_offline_id("P-1")


def test_a_block_is_reported_before_it_hurts() -> None:
    when = Notices(0.1, timedelta(days=30))

    def code(block: Block) -> str | None:
        warning = warning_of(block, NOW, when)
        assert warning is None or (warning.text and "ব্লক" in warning.text_bn)
        return warning and warning.code

    assert code(BLOCK) is None
    assert code(replace(BLOCK, used=89)) is None
    assert code(replace(BLOCK, used=90)) == "low"
    assert code(replace(BLOCK, used=100)) == "exhausted"
    assert code(replace(BLOCK, expires_at=NOW + timedelta(days=29))) == "expiring"
    assert code(replace(BLOCK, expires_at=NOW)) == "expired"
    assert state_of(BLOCK, NOW) == "open"
    assert state_of(replace(BLOCK, expires_at=NOW), NOW) == "expired"
    assert state_of(replace(BLOCK, used=100, expires_at=NOW), NOW) == "exhausted"
