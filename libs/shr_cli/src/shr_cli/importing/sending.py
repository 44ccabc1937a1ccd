"""Sends batches over HTTP and reads the answers; waits and tries again where a service is busy or away."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson

from shr_cli.failure import Failure
from shr_cli.importing.reading import BUNDLE, Batch, Line

TIMEOUT_S = 60.0
WAIT_FIRST_S, WAIT_LONGEST_S = 0.5, 15.0
TEMPORARY = frozenset({408, 429, 502, 503, 504})
REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Address:
    """Where persons and bundles go. ``token`` makes a bearer token; asked again when one is no longer taken."""

    persons_url: str
    bundles_url: str
    token: Callable[[], str]


@dataclass(slots=True)
class Answer:
    """How a batch ended."""

    counts: Counter[str] = field(default_factory=Counter)
    refusals: list[dict[str, Any]] = field(default_factory=list)

    def refuse(self, line: int, status: int | None, outcome: Any) -> None:
        """A line that was not taken, and what was wrong with it."""
        self.counts[REFUSED] += 1
        self.refusals.append({"line": line, "status": status, "outcome": outcome})


class Sender:
    """``patience_s``: how long a batch is tried before the import gives up. ``waiting`` is told why it waits."""

    def __init__(
        self, client: httpx.AsyncClient, address: Address, *, patience_s: float, waiting: Callable[[str], None]
    ) -> None:
        self._client = client
        self._address = address
        self._patience_s = patience_s
        self._waiting = waiting
        self._token = address.token()

    async def send(self, batch: Batch) -> Answer:
        """Every line of the batch is decided when this returns. Raises Failure where that is impossible."""
        answer = Answer()
        for unread in batch.unread:
            answer.refuse(unread.number, None, _outcome(unread.reason))
        if batch.kind == BUNDLE:
            await self._bundle(batch.lines[0], answer)
        elif batch.lines:
            await self._persons(batch.lines, answer)
        answer.refusals.sort(key=lambda one: int(one["line"]))
        return answer

    async def _persons(self, lines: tuple[Line, ...], answer: Answer) -> None:
        until = time.monotonic() + self._patience_s
        tries = 0
        while lines:
            body = b"\n".join(line.raw for line in lines)
            said = await self._post(self._address.persons_url, body, "application/fhir+ndjson", first=lines[0].number)
            if said.status_code != httpx.codes.OK:
                raise Failure(f"lines from {lines[0].number} on: {said.status_code}: {reason_of(said)}")
            lines = tuple(self._decided(said, lines, answer))
            if lines:
                if time.monotonic() > until:
                    raise Failure(f"line {lines[0].number} could not be registered; run the same command to go on")
                await self._pause("the registry is busy", tries, None)
                tries += 1

    @staticmethod
    def _decided(said: httpx.Response, lines: tuple[Line, ...], answer: Answer) -> list[Line]:
        """Count what was decided; the lines that were not."""
        left = []
        for one in orjson.loads(said.content)["lines"]:
            line = lines[one["line"] - 1]
            if one["state"] == "failed":
                left.append(line)
            elif one["state"] == "rejected":
                answer.refuse(line.number, one["status"], one["outcome"])
            else:
                answer.counts[one["state"]] += 1
        return left

    async def _bundle(self, line: Line, answer: Answer) -> None:
        said = await self._post(self._address.bundles_url, line.raw, "application/fhir+json", first=line.number)
        state = {200: "recorded", 202: "parked"}.get(said.status_code)
        if state is None:
            answer.refuse(line.number, said.status_code, _json(said))
        else:
            answer.counts[state] += 1

    async def _post(self, url: str, body: bytes, kind: str, *, first: int) -> httpx.Response:
        """An answer that says something about the body; everything temporary is waited for."""
        until = time.monotonic() + self._patience_s
        renewed = False
        for tries in range(1_000_000):
            headers = {"Authorization": f"Bearer {self._token}", "Content-Type": kind}
            try:
                said = await self._client.post(url, content=body, headers=headers)
            except httpx.TransportError as error:
                why, after = f"no answer from {url} ({type(error).__name__})", None
            else:
                if said.status_code == httpx.codes.UNAUTHORIZED and not renewed:
                    self._token, renewed = self._address.token(), True
                    continue
                if said.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
                    raise Failure(f"{url} answered {said.status_code}: {reason_of(said)}")
                if said.status_code not in TEMPORARY and said.status_code < httpx.codes.INTERNAL_SERVER_ERROR:
                    return said
                why, after = f"{url} answered {said.status_code}", said.headers.get("retry-after")
            if time.monotonic() > until:
                raise Failure(f"{why}; nothing from line {first} on is registered yet: run the same command to go on")
            await self._pause(why, tries, after)
        raise AssertionError("unreachable")

    async def _pause(self, why: str, tries: int, after: str | None) -> None:
        longest = min(WAIT_LONGEST_S, WAIT_FIRST_S * 2 ** min(tries, 6))
        wait = float(after) if after and after.isdigit() else random.uniform(longest / 2, longest)  # noqa: S311 (jitter)
        wait = min(wait, self._patience_s)
        self._waiting(f"{why}; trying again in {wait:.0f} s")
        await asyncio.sleep(wait)


def reason_of(said: httpx.Response) -> str:
    """The first reason of an OperationOutcome, or the beginning of the text."""
    found = _json(said)
    if isinstance(found, dict):
        for issue in found.get("issue", []):
            text = (issue.get("details") or {}).get("text") or issue.get("diagnostics")
            if text:
                return str(text)
        return str(found.get("detail") or found.get("title") or found)[:200]
    return str(found)[:200]


def _json(said: httpx.Response) -> Any:
    try:
        return orjson.loads(said.content)
    except orjson.JSONDecodeError:
        return " ".join(said.text.split())[:200]


def _outcome(reason: str) -> dict[str, Any]:
    issue = {"severity": "error", "code": "structure", "details": {"text": f"{reason[0].upper()}{reason[1:]}."}}
    return {"resourceType": "OperationOutcome", "issue": [issue]}
