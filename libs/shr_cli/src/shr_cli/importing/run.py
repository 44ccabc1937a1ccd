"""Runs an import: a few batches under way at a time, acknowledged in the order of the file."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterator

import httpx

from shr_cli.importing.progress import Progress
from shr_cli.importing.reading import Batch, Source
from shr_cli.importing.sending import TIMEOUT_S, Address, Answer, Sender

Told = Callable[[Batch, Counter[str]], None]
"""Called after each batch that was acknowledged, with its counts."""


async def import_file(
    source: Source,
    progress: Progress,
    address: Address,
    *,
    lines: int,
    at_once: int,
    patience_s: float,
    told: Told,
    waiting: Callable[[str], None],
) -> None:
    """Send what is left of a file. Raises Failure; what was acknowledged until then stays so."""
    limits = httpx.Limits(max_connections=at_once, max_keepalive_connections=at_once)
    async with httpx.AsyncClient(timeout=TIMEOUT_S, limits=limits, trust_env=False) as client:
        sender = Sender(client, address, patience_s=patience_s, waiting=waiting)
        batches = source.batches(lines=lines, after=progress.line, offset=progress.offset)
        under_way: deque[tuple[Batch, asyncio.Task[Answer]]] = deque()
        try:
            while True:
                _begin(batches, under_way, sender, at_once)
                if not under_way:
                    break
                batch, task = under_way[0]
                answer = await task
                under_way.popleft()
                progress.acknowledged(
                    line=batch.last, offset=batch.offset, counts=answer.counts, refusals=answer.refusals
                )
                told(batch, answer.counts)
        finally:
            for _, task in under_way:
                task.cancel()
            await asyncio.gather(*(task for _, task in under_way), return_exceptions=True)
    progress.finish()


def _begin(
    batches: Iterator[Batch], under_way: deque[tuple[Batch, asyncio.Task[Answer]]], sender: Sender, at_once: int
) -> None:
    while len(under_way) < at_once and (batch := next(batches, None)) is not None:
        under_way.append((batch, asyncio.create_task(sender.send(batch))))
