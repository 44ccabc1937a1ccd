"""From a request to a Submission, and from its answer to a response."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Protocol
from urllib.parse import quote

import orjson
from fastapi import Request, Response
from shr_common.errors import Category, Issue, ShrError, invalid
from shr_common.outcomes import FHIR_JSON, STATUS, operation_outcome
from shr_common.security import Caller
from shr_common.telemetry import traceparent

from shr_records.domain.answers import response_bundle
from shr_records.domain.reading import ID_LENGTH_LIMIT
from shr_records.domain.receipt import PARKED, RECORDED, Receipt
from shr_records.domain.recording import Version
from shr_records.domain.submission import CANONICAL, Interaction, Submission
from shr_records.use_cases.ledger import Answer

JSON_TYPES = frozenset({"", "application/fhir+json", "application/json", "text/json"})


class Versions(Protocol):
    """Reads a version that was just written."""

    async def version(self, id: str, number: int) -> Version | None:
        """One version with its served bytes."""


class Intake:
    """Joins the batch that is forming and waits for its own answer."""

    def __init__(
        self,
        join: Callable[[Submission], Awaitable[Answer]],
        versions: Versions,
        *,
        now: Callable[[], datetime],
        limit_bytes: int,
    ) -> None:
        self._join = join
        self._versions = versions
        self._now = now
        self._limit_bytes = limit_bytes

    async def submission(
        self,
        request: Request,
        caller: Caller,
        *,
        format: str = CANONICAL,
        interaction: Interaction | None = None,
        id: str | None = None,
    ) -> Submission:
        """The submission of a request. Raises invalid (media type), unauthenticated sources have none."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in JSON_TYPES:
            text = f"Send application/fhir+json; {kind[:64]} is not taken."
            raise ShrError(Category.INVALID, Issue(text, code="not-supported"), detail="media-type")
        key = request.headers.get("idempotency-key") or None
        if key is not None and len(key) > ID_LENGTH_LIMIT:
            raise invalid(f"An Idempotency-Key has {ID_LENGTH_LIMIT} characters at most.")
        body = await self.body(request)
        return Submission(
            source=caller.source_name,
            body=body,
            received_at=self._now(),
            format=format,
            id=key or id,
            traceparent=request.headers.get("traceparent") or traceparent(),
            interaction=interaction,
            whole=len(body) <= self._limit_bytes,
        )

    async def body(self, request: Request) -> bytes:
        """The body, or of one over the limit as much as shows that; the rest is read and dropped."""
        parts: list[bytes] = []
        size = 0
        async for part in request.stream():
            if size <= self._limit_bytes:
                parts.append(part)
            size += len(part)
        return b"".join(parts)[: self._limit_bytes + 1]

    async def answer(self, submission: Submission) -> Answer:
        """Record it together with others. Raises busy, unavailable."""
        return await self._join(submission)

    async def respond(self, submission: Submission) -> Response:
        """The answer of ``POST /fhir``."""
        answer = await self.answer(submission)
        receipt = answer.receipt
        if receipt.state == RECORDED:
            return Response(response_bundle(receipt), 200, headers=_headers(answer), media_type=FHIR_JSON)
        return _not_recorded(answer)

    async def respond_single(self, submission: Submission) -> Response:
        """The answer of a write of one resource: 201 or 200 with the resource, its location and ETag."""
        answer = await self.answer(submission)
        if answer.receipt.state != RECORDED:
            return _not_recorded(answer)
        path, _, number = answer.receipt.references[0].partition("/_history/")
        headers = _headers(answer)
        headers["Location"] = f"/fhir/{path}/_history/{number}"
        headers["ETag"] = f'W/"{number}"'
        version = await self._versions.version(path.partition("/")[2], int(number))
        body = version.body if version else answer.receipt.outcome or b""
        if submission.interaction and submission.interaction.method == "DELETE":
            body = orjson.dumps(operation_outcome(()))
        status = 201 if number == "1" else 200
        return Response(body, status, headers=headers, media_type=FHIR_JSON)


def _not_recorded(answer: Answer) -> Response:
    receipt = answer.receipt
    status = 202 if receipt.state == PARKED else refusal_status(receipt)
    return Response(receipt.outcome or b"", status, headers=_headers(answer), media_type=FHIR_JSON)


def refusal_status(receipt: Receipt) -> int:
    """The HTTP status of a rejection."""
    category = Category(receipt.category or "invalid")
    return STATUS.get((category, receipt.detail)) or STATUS[category, None]


def _headers(answer: Answer) -> dict[str, str]:
    if not answer.stored:
        return {}
    receipt = answer.receipt
    return {"Content-Location": f"/submissions/{quote(receipt.source, safe='')}/{quote(receipt.id, safe='')}"}
