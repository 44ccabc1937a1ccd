"""Where cards are drawn: a few threads (typst lets the event loop go on meanwhile), with no endless queue."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from shr_common.errors import busy

from shr_healthid.domain.card_face import Face
from shr_healthid.rendering.drawing import Authority, Drawing, Form


class Studio:
    """Part of the service's life. ``at_once`` drawings at a time, ``waiting_limit`` more wait; beyond: busy."""

    def __init__(self, authority: Authority, *, at_once: int, waiting_limit: int) -> None:
        self._authority = authority
        self._limit = at_once + waiting_limit
        self._threads = ThreadPoolExecutor(max_workers=at_once, thread_name_prefix="cards")
        self._own = threading.local()
        self._under_way = 0

    async def start(self) -> None:
        """Threads come with the first card."""

    async def stop(self) -> None:
        """End the threads; drawings under way are finished."""
        await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)

    async def card(self, face: Face, form: Form) -> bytes:
        """One card. Raises busy."""
        return await self._draw(lambda drawing: drawing.card(face, form))

    async def sheet(self, faces: Sequence[Face]) -> bytes:
        """A PDF of ten cards a page. Raises busy."""
        return await self._draw(lambda drawing: drawing.sheet(faces))

    async def _draw(self, job: Callable[[Drawing], bytes]) -> bytes:
        if self._under_way >= self._limit:
            raise busy("Too many cards are being drawn at the moment.")
        self._under_way += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._run, job)
        finally:
            self._under_way -= 1

    def _run(self, job: Callable[[Drawing], bytes]) -> bytes:
        drawing: Drawing | None = getattr(self._own, "drawing", None)
        if drawing is None:
            drawing = self._own.drawing = Drawing(self._authority)
        return job(drawing)
