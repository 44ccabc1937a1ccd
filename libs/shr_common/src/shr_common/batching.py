"""Batches in which only the guilty item fails: abort, bisect, retry."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from shr_common.errors import ShrError

T = TypeVar("T")
R = TypeVar("R")


def weighed(
    items: Iterable[T], *, size_of: Callable[[T], int], items_limit: int, bytes_limit: int
) -> Iterator[list[T]]:
    """Cut items into batches of at most ``items_limit`` and ``bytes_limit``; a heavier item goes alone. Order stays."""
    batch: list[T] = []
    weight = 0
    for item in items:
        size = size_of(item)
        if batch and (len(batch) >= items_limit or weight + size > bytes_limit):
            yield batch
            batch, weight = [], 0
        batch.append(item)
        weight += size
    if batch:
        yield batch


async def isolated(
    items: Sequence[T],
    handle: Callable[[Sequence[T]], Awaitable[Sequence[R]]],
    *,
    failed: Callable[[T, Exception], Awaitable[R]],
) -> list[R]:
    """Handle items as one batch; when it fails, halve it until the guilty one stands alone, and give it to ``failed``.

    ``handle`` commits a batch whole or not at all and answers one result for each item. A temporary error (busy,
    unavailable) is nobody's guilt: it is raised at once. Order is kept.
    """
    if not items:
        return []
    try:
        results = list(await handle(items))
        if len(results) != len(items):
            raise RuntimeError(f"a batch of {len(items)} got {len(results)} results")
        return results
    except ShrError as error:
        if error.temporary:
            raise
        if len(items) == 1:
            return [await failed(items[0], error)]
    except Exception as error:
        if len(items) == 1:
            return [await failed(items[0], error)]
    middle = len(items) // 2
    return [
        *await isolated(items[:middle], handle, failed=failed),
        *await isolated(items[middle:], handle, failed=failed),
    ]
