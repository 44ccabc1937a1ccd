"""Requests share a batch, and each gets its own answer whatever becomes of the others."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import tracemalloc
from collections.abc import Sequence
from typing import Any

import pymongo
import pytest
from shr_common.coalesce import Coalescer
from shr_common.errors import Category, ShrError, invalid, unavailable
from shr_common.mongo import Client
from shr_common.testing import eventually


class Store:
    """Takes batches, at its own pace."""

    def __init__(self) -> None:
        self.batches: list[list[Any]] = []
        self.open = asyncio.Event()
        self.open.set()

    async def take(self, items: Sequence[Any]) -> Sequence[Any]:
        await self.open.wait()
        if "guilty" in items:
            raise invalid("no")
        if "away" in items:
            raise unavailable("away")
        self.batches.append(list(items))
        return [f"{item}!" for item in items]


async def ask(coalescer: Coalescer[Any, Any], *items: Any) -> list[Any]:
    return await asyncio.gather(*(coalescer(item) for item in items), return_exceptions=True)


async def test_calls_of_one_moment_share_a_batch_and_each_gets_its_own_answer() -> None:
    store = Store()
    coalescer = Coalescer(store.take)
    assert await ask(coalescer, *range(50)) == [f"{n}!" for n in range(50)]
    assert len(store.batches) == 1


async def test_calls_that_come_while_a_batch_is_under_way_form_the_next_one() -> None:
    store = Store()
    store.open.clear()
    coalescer = Coalescer(store.take, items_limit=20)
    first = asyncio.create_task(coalescer("first"))
    await asyncio.sleep(0.01)
    rest = [asyncio.create_task(coalescer(n)) for n in range(45)]
    await asyncio.sleep(0.01)
    store.open.set()
    await asyncio.gather(first, *rest)
    assert [len(batch) for batch in store.batches] == [1, 20, 20, 5]


async def test_only_the_guilty_call_fails() -> None:
    store = Store()
    answers = await ask(Coalescer(store.take), "a", "guilty", "b", "c")
    assert [answers[0], *answers[2:]] == ["a!", "b!", "c!"]
    assert isinstance(answers[1], ShrError)
    assert answers[1].category is Category.INVALID


async def test_a_temporary_error_reaches_all_of_its_batch_each_with_its_own_exception() -> None:
    answers = await ask(Coalescer(Store().take), "a", "away", "b")
    assert [answer.category for answer in answers] == [Category.UNAVAILABLE] * 3
    assert len({id(answer) for answer in answers}) == 3


async def test_what_was_committed_before_the_store_went_away_keeps_its_answer() -> None:
    """After a bisection one half may be stored while the other is not: a lump answer would be a lie to one of them."""
    store = Store()
    answers = await ask(Coalescer(store.take), "a", "b", "guilty", "away")
    assert answers[:2] == ["a!", "b!"]
    assert [answer.category for answer in answers[2:]] == [Category.INVALID, Category.UNAVAILABLE]


async def test_an_exception_among_the_results_is_raised_to_its_caller_alone() -> None:
    async def half(items: Sequence[int]) -> Sequence[Any]:
        return [item if item % 2 else invalid("even") for item in items]

    answers = await ask(Coalescer(half), 1, 2, 3)
    assert [answers[0], answers[2]] == [1, 3]
    assert isinstance(answers[1], ShrError)


async def test_a_handler_that_forgets_answers_leaves_nobody_waiting() -> None:
    async def forgetful(items: Sequence[int]) -> Sequence[int]:
        return []

    async with asyncio.timeout(2):
        answers = await ask(Coalescer(forgetful), 1, 2, 3)
    assert all(isinstance(answer, RuntimeError) for answer in answers)


async def test_a_cancelled_call_is_not_handled_and_costs_the_others_nothing() -> None:
    store = Store()
    store.open.clear()
    coalescer = Coalescer(store.take)
    first = asyncio.create_task(coalescer("first"))
    await asyncio.sleep(0.01)
    gone, stays = asyncio.create_task(coalescer("gone")), asyncio.create_task(coalescer("stays"))
    await asyncio.sleep(0.01)
    gone.cancel()
    store.open.set()
    assert await asyncio.gather(first, stays) == ["first!", "stays!"]
    assert store.batches == [["first"], ["stays"]]


async def test_a_call_that_is_cancelled_in_the_middle_of_its_batch_costs_the_others_nothing() -> None:
    store = Store()
    store.open.clear()
    coalescer = Coalescer(store.take)
    tasks = [asyncio.create_task(coalescer(n)) for n in range(3)]
    await asyncio.sleep(0.01)
    tasks[1].cancel()
    store.open.set()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [answers[0], answers[2]] == ["0!", "2!"]


async def test_a_full_queue_says_busy_at_once() -> None:
    store = Store()
    store.open.clear()
    coalescer = Coalescer(store.take, queue_limit=5)
    waiting = [asyncio.create_task(coalescer("under way"))]
    await asyncio.sleep(0.01)
    waiting += [asyncio.create_task(coalescer(n)) for n in range(5)]
    await asyncio.sleep(0.01)
    with pytest.raises(ShrError) as refused:
        await coalescer("one too many")
    assert refused.value.category is Category.BUSY
    assert refused.value.retry_after_s
    store.open.set()
    assert len(await asyncio.gather(*waiting)) == 6


async def test_stop_finishes_what_was_accepted_and_refuses_the_rest() -> None:
    store = Store()
    store.open.clear()
    coalescer = Coalescer(store.take, items_limit=2)
    accepted = [asyncio.create_task(coalescer(n)) for n in range(7)]
    await asyncio.sleep(0.01)
    stopping = asyncio.create_task(coalescer.stop())
    await asyncio.sleep(0.01)
    with pytest.raises(ShrError) as refused:
        await coalescer("late")
    assert refused.value.category is Category.UNAVAILABLE
    store.open.set()
    await stopping
    assert all(task.done() for task in accepted)
    assert await asyncio.gather(*accepted) == [f"{n}!" for n in range(7)]


async def test_a_heavy_item_goes_alone() -> None:
    store = Store()
    coalescer = Coalescer(store.take, bytes_limit=100, size_of=lambda item: int(item))
    await ask(coalescer, 60, 500, 30, 30)
    assert store.batches == [[60], [500], [30, 30]]


async def test_lanes_run_side_by_side() -> None:
    store = Store()
    store.open.clear()
    coalescer = Coalescer(store.take, lanes=2, items_limit=1)
    tasks = [asyncio.create_task(coalescer(n)) for n in range(4)]
    await eventually(lambda: len(coalescer._running) == 2)
    store.open.set()
    await asyncio.gather(*tasks)


async def test_a_batch_runs_neither_under_a_requests_deadline_nor_in_its_trace(client: Client, database: str) -> None:
    """The first request's context would otherwise govern all that follow while the queue never runs empty."""
    trace: contextvars.ContextVar[str] = contextvars.ContextVar("trace", default="none")
    seen: list[str] = []
    release = asyncio.Event()

    async def write(items: Sequence[int]) -> Sequence[int]:
        seen.append(trace.get())
        await release.wait()
        await client[database]["things"].insert_many([{"_id": item} for item in items])
        return items

    coalescer = Coalescer(write)

    async def hurried_request() -> int:
        trace.set("the first request")
        with pymongo.timeout(0.05):
            return await coalescer(1)

    first = asyncio.create_task(hurried_request())
    await asyncio.sleep(0.1)
    second = asyncio.create_task(coalescer(2))
    release.set()
    assert await asyncio.gather(first, second) == [1, 2]
    assert seen == ["none", "none"]


async def test_memory_stays_flat() -> None:
    coalescer: Coalescer[int, int] = Coalescer(_echo)
    tracemalloc.start()
    try:
        levels = []
        for _ in range(4):
            for _ in range(30):
                await ask(coalescer, *range(200))
            gc.collect()
            levels.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert levels[-1] - levels[1] < 20_000
    assert not coalescer._waiting
    assert not coalescer._running


async def _echo(items: Sequence[int]) -> Sequence[int]:
    return items


async def test_who_is_answered_and_calls_again_at_once_is_answered_again() -> None:
    async def echo(items: Sequence[int]) -> Sequence[int]:
        return items

    coalescer: Coalescer[int, int] = Coalescer(echo)
    async with asyncio.timeout(2):
        for n in range(50):
            assert await coalescer(n) == n
