"""A batch of records of one topic folded into one view, in one transaction with its positions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from shr_common.errors import ShrError, malformed
from shr_common.kafka import Record
from shr_common.mongo import Session

from shr_gateway.storage.views import View

E = TypeVar("E")


class Folding(Generic[E]):
    """``read``: what a record says (None: nothing to fold); ``apply``: the view's part of the transaction."""

    def __init__(
        self, view: View, read: Callable[[Record], E | None], apply: Callable[[list[E], Session], Awaitable[None]]
    ) -> None:
        self._view = view
        self._read = read
        self._apply = apply

    async def __call__(self, records: Sequence[Record]) -> None:
        """Fold a batch. Raises invalid for what no retry can mend; the subscriber finds the guilty record."""
        await self._view.fold(records, [self._event(record) for record in records], self._apply)

    def _event(self, record: Record) -> E | None:
        try:
            return self._read(record)
        except ShrError:
            raise
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            # a shape that nobody foresaw is invalid, not a fault that passes when tried again
            raise malformed(f"{record.topic} cannot be read: {type(error).__name__}.") from error
