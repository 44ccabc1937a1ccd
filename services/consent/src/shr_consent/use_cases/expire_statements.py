"""What is past its time is published as expired. It permitted nothing since that moment: decisions read the clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from shr_common.errors import ShrError

from shr_consent.domain import statement
from shr_consent.domain.statement import Statement

BATCH = 200


class Statements(Protocol):
    """Where statements are kept, with their events."""

    async def past_their_time(self, *, now: datetime, unanswered_since: datetime, limit: int) -> Sequence[str]:
        """Ids of granted ones that ended, and of requests that ended or wait for too long."""

    async def change(self, id: str, step: Callable[[Statement], Statement]) -> Statement:
        """Replace a statement by what ``step`` makes of it as it stands, and publish that, together."""


class ExpireStatements:
    """Run now and then; two at once do no harm."""

    def __init__(self, statements: Statements, *, request_days: int) -> None:
        self._statements = statements
        self._request_days = request_days

    async def __call__(self, *, now: datetime) -> int:
        """How many were looked at. Raises unavailable."""
        unanswered_since = now - timedelta(days=self._request_days)

        def step(stood: Statement) -> Statement:
            waits = stood.status == "requested" and (stood.expired_by(now) or stood.made_at <= unanswered_since)
            ended = stood.status == "granted" and stood.expired_by(now)
            return statement.expire(stood, at=now) if waits or ended else stood

        ids = await self._statements.past_their_time(now=now, unanswered_since=unanswered_since, limit=BATCH)
        for one in ids:
            try:
                await self._statements.change(one, step)
            except ShrError as error:
                if not error.temporary:
                    raise
        return len(ids)
