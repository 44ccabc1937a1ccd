"""HTTP/1.1 to one address over a few kept connections: a question to the national service for each registration.

A general client costs more than the registration itself (half of a bulk registration's CPU time was the client's); what
is needed here is one POST after the other, bounded in number, time and size.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

import httptools

ANSWER_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and a body."""

    status: int
    body: bytes


class Connections:
    """``post`` raises OSError (TimeoutError is one) when there is no answer in time. Part of the service's life."""

    def __init__(self, url: str, *, connect_s: float, read_s: float, limit: int) -> None:
        place = urlsplit(url)
        self._host = place.hostname or "127.0.0.1"
        self._tls = ssl.create_default_context() if place.scheme == "https" else None
        self._port = place.port or (443 if self._tls else 80)
        path = (place.path or "/") + (f"?{place.query}" if place.query else "")
        self._head = (
            f"POST {path} HTTP/1.1\r\nHost: {place.netloc.rpartition('@')[2]}\r\nUser-Agent: shr-healthid\r\n"
            "Accept: application/json\r\nContent-Type: application/json\r\nContent-Length: "
        ).encode()
        self._connect_s = connect_s
        self._read_s = read_s
        self._free = asyncio.Semaphore(limit)
        self._idle: list[_Connection] = []

    async def close(self) -> None:
        """Drop what is idle; what is under way ends by itself."""
        while self._idle:
            self._idle.pop().drop()

    async def post(self, body: bytes) -> Answer:
        """Ask once. Raises OSError."""
        async with asyncio.timeout(self._connect_s + self._read_s):  # waiting for our own limit is bounded, too
            await self._free.acquire()
        try:
            connection = await self._connection()
            try:
                async with asyncio.timeout(self._read_s):
                    answer = await connection.ask(b"%b%d\r\n\r\n%b" % (self._head, len(body), body))
            except BaseException:
                connection.drop()
                raise
            if connection.is_usable:
                self._idle.append(connection)
            else:
                connection.drop()
            return answer
        finally:
            self._free.release()

    async def _connection(self) -> _Connection:
        while self._idle:
            kept = self._idle.pop()
            if kept.is_usable:
                return kept
        async with asyncio.timeout(self._connect_s):
            loop = asyncio.get_running_loop()
            _, made = await loop.create_connection(_Connection, self._host, self._port, ssl=self._tls)
        return made


class _Connection(asyncio.Protocol):
    """One exchange at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._waiting: asyncio.Future[Answer] | None = None
        self._body = bytearray()
        self._has_length = self._has_head = False
        self.is_usable = True

    def ask(self, request: bytes) -> asyncio.Future[Answer]:
        """Write a request; the answer comes."""
        assert self._transport is not None  # noqa: S101 (connected)
        self._waiting = asyncio.get_running_loop().create_future()
        self._body = bytearray()
        self._has_length = self._has_head = False
        self._transport.write(request)
        return self._waiting

    def drop(self) -> None:
        """Close without waiting."""
        self.is_usable = False
        if self._transport is not None:
            self._transport.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, _exc: Exception | None) -> None:
        self.is_usable = False
        if self._has_head and not self._has_length:  # the end of the connection is the end of the body
            self.on_message_complete()
        self._fail("the connection was closed")

    def data_received(self, data: bytes) -> None:
        if self._waiting is None or self._waiting.done():  # nobody asked: whatever it is, it is no answer
            self.drop()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._fail("what came is no HTTP")
            self.drop()

    # httptools

    def on_header(self, name: bytes, _value: bytes) -> None:
        """A body says its length, or comes in chunks."""
        self._has_length = self._has_length or name.lower() in (b"content-length", b"transfer-encoding")

    def on_headers_complete(self) -> None:
        """From here on the body."""
        self._has_head = True

    def on_body(self, data: bytes) -> None:
        """A piece of the body."""
        self._body += data
        if len(self._body) > ANSWER_BYTES:
            self._fail("the answer is too large")
            self.drop()

    def on_message_complete(self) -> None:
        """All of an answer is there."""
        status = self._parser.get_status_code()
        if 100 <= status < 200:  # only an interim answer
            self._has_length = self._has_head = False
            return
        self.is_usable = self.is_usable and self._parser.should_keep_alive()
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(Answer(status, bytes(self._body)))

    def _fail(self, why: str) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(ConnectionError(why))
