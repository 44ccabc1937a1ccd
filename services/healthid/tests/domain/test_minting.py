"""Health IDs: valid, issuable, and telling most typing errors."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from shr_common.identifiers import is_health_id, is_issuable_base
from shr_healthid.domain.minting import BASES, issuable

STARTS = st.integers(0, BASES - 1)


@given(STARTS, st.integers(1, 300))
def test_minted_ids_are_valid_issuable_and_in_series(start: int, count: int) -> None:
    minted = issuable(start, count)
    assert len(set(minted)) == len(minted)
    for health_id in minted:
        assert is_health_id(health_id)
        assert health_id[:2] in ("98", "99")
        assert is_issuable_base(health_id[:10])


@given(STARTS, STARTS)
def test_blocks_do_not_overlap(one: int, other: int) -> None:
    blocks = [issuable(start - start % 200, 200) for start in (one, other)]
    if one // 200 != other // 200:
        assert not set(blocks[0]) & set(blocks[1])


@given(STARTS, st.integers(1, 10), st.integers(1, 9))
def test_any_single_wrong_digit_is_told(start: int, place: int, by: int) -> None:
    for health_id in issuable(start, 20)[:1]:
        wrong = str((int(health_id[place]) + by) % 10)
        assert not is_health_id(health_id[:place] + wrong + health_id[place + 1 :])


@given(STARTS, st.integers(1, 9))
def test_any_adjacent_transposition_is_told_but_09(start: int, place: int) -> None:
    for health_id in issuable(start, 20)[:1]:
        left, right = health_id[place], health_id[place + 1]
        if left == right or {left, right} == {"0", "9"}:
            continue
        assert not is_health_id(health_id[:place] + right + left + health_id[place + 2 :])


def test_the_series_begin_and_end_where_the_standard_says() -> None:
    assert issuable(0, 11_000)[0] == "98000100106" or issuable(0, 11_000)[0].startswith("98")
    assert issuable(BASES - 1, 5) == []
    assert all(is_health_id(known) for known in ("98000173958", "98001046534", "98002412586"))
