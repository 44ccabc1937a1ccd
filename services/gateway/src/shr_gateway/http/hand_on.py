"""Forms and worklists are handed on whole to the one service that owns them, with the caller's own token.

Never on a read of a record: those are answered from the views alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import orjson
from shr_common.errors import unavailable
from shr_common.security import Caller

AWAY = frozenset({502, 503, 504})


@dataclass(frozen=True, slots=True)
class Answer:
    """What the owner said."""

    status: int
    body: bytes
    media_type: str

    @property
    def json(self) -> Any:
        """The body as JSON; None when it is none."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return None


class HandOn:
    """One client for all owners. ``bases``: service name → address. Part of the service's life."""

    def __init__(self, bases: Mapping[str, str], *, timeout_s: float) -> None:
        self._bases = bases
        self._timeout_s = timeout_s
        self._client: httpx.AsyncClient | None = None

    async def start(self) -> None:
        """Nothing is connected before the first form."""
        self._client = httpx.AsyncClient(timeout=self._timeout_s, trust_env=False, follow_redirects=False)

    async def stop(self) -> None:
        """Close connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def __call__(
        self,
        service: str,
        method: str,
        path: str,
        *,
        caller: Caller,
        json: Any = None,
        body: bytes | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Answer:
        """The owner's answer, whatever it says. ``path`` starts with a slash and holds no input unquoted.

        Raises unavailable when it cannot be reached in time, or says itself that it is away.
        """
        if self._client is None:
            raise unavailable("This service is starting or stopping.")
        content = body if body is not None else orjson.dumps(json) if json is not None else None
        headers = {"Authorization": f"Bearer {caller.token}", "Content-Type": "application/json"}
        try:
            answer = await self._client.request(
                method, f"{self._bases[service]}{path}", content=content, params=params, headers=headers
            )
        except httpx.HTTPError as error:
            raise unavailable(f"The {service} service does not answer at the moment.") from error
        if answer.status_code in AWAY:
            raise unavailable(f"The {service} service is not available at the moment.")
        return Answer(answer.status_code, answer.content, answer.headers.get("content-type", "application/json"))
