"""Only the guilty item of a batch fails, whatever it does to the others' transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shr_common.batching import isolated, weighed
from shr_common.errors import Category, ShrError, busy, invalid, unavailable
from shr_common.mongo import Client, Session, categorised, unit_of_work


async def as_error(_item: Any, error: Exception) -> Any:
    return error


class Ledger:
    """Takes batches whole or not at all."""

    def __init__(self, *, guilty: Sequence[int] = (), error: Exception | None = None) -> None:
        self.taken: list[int] = []
        self.calls = 0
        self.guilty = set(guilty)
        self.error = error or invalid("no")

    async def take(self, items: Sequence[int]) -> Sequence[int]:
        self.calls += 1
        if self.guilty & set(items):
            raise self.error
        self.taken += items
        return [item * 10 for item in items]


async def test_a_good_batch_is_one_call() -> None:
    ledger = Ledger()
    assert await isolated(range(200), ledger.take, failed=as_error) == [n * 10 for n in range(200)]
    assert ledger.calls == 1


@pytest.mark.parametrize("error", [invalid("no"), ValueError("a bug")])
@given(guilty=st.sets(st.integers(0, 49), max_size=8))
async def test_only_the_guilty_fail_and_order_is_kept(error: Exception, guilty: set[int]) -> None:
    ledger = Ledger(guilty=sorted(guilty), error=error)
    results = await isolated(range(50), ledger.take, failed=as_error)
    assert results == [error if n in guilty else n * 10 for n in range(50)]
    assert ledger.taken == [n for n in range(50) if n not in guilty]
    assert ledger.calls <= 1 + 2 * 7 * max(len(guilty), 0) or not guilty


@pytest.mark.parametrize("error", [busy("later"), unavailable("away")])
async def test_a_temporary_error_is_nobodys_guilt(error: ShrError) -> None:
    ledger = Ledger(guilty=[7], error=error)
    with pytest.raises(ShrError) as raised:
        await isolated(range(50), ledger.take, failed=as_error)
    assert raised.value is error
    assert ledger.calls == 1


async def test_nothing_to_do_is_no_call() -> None:
    ledger = Ledger()
    assert await isolated([], ledger.take, failed=as_error) == []
    assert ledger.calls == 0


async def test_a_handler_that_forgets_an_answer_is_found_out() -> None:
    async def forgetful(items: Sequence[int]) -> Sequence[int]:
        return list(items)[1:]

    results = await isolated([1, 2], forgetful, failed=as_error)
    assert [type(result) for result in results] == [RuntimeError, RuntimeError]


async def test_a_duplicate_key_aborts_the_whole_transaction_and_bisection_saves_the_others(
    client: Client, database: str
) -> None:
    """Even with ``ordered=False``: nothing of the batch would be stored, and ``with_transaction`` does not retry it."""
    things = client[database]["things"]
    await things.insert_one({"_id": 13})

    async def insert(items: Sequence[int]) -> Sequence[str]:
        async def work(session: Session) -> None:
            with categorised():
                await things.insert_many([{"_id": item} for item in items], session=session, ordered=False)

        await unit_of_work(client, work)
        return ["stored"] * len(items)

    with pytest.raises(ShrError) as refused:
        await insert(range(10, 20))
    assert refused.value.category is Category.CONFLICT
    assert await things.count_documents({}) == 1  # the failure: all ten are gone for one

    results = await isolated(range(10, 20), insert, failed=as_error)
    assert [result if isinstance(result, str) else result.category for result in results] == [
        *["stored"] * 3, Category.CONFLICT, *["stored"] * 6,
    ]  # fmt: skip
    assert await things.count_documents({}) == 10


sizes = st.lists(st.integers(0, 30), max_size=60)


@given(sizes=sizes, items_limit=st.integers(1, 9), bytes_limit=st.integers(1, 40))
def test_batches_hold_both_limits_and_lose_nothing(sizes: list[int], items_limit: int, bytes_limit: int) -> None:
    batches = list(weighed(sizes, size_of=lambda n: n, items_limit=items_limit, bytes_limit=bytes_limit))
    assert [size for batch in batches for size in batch] == sizes
    for batch in batches:
        assert 1 <= len(batch) <= items_limit
        assert sum(batch) <= bytes_limit or len(batch) == 1  # a heavier item goes alone
