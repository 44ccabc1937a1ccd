"""Reads NDJSON, gzip-compressed or not, and cuts it into batches of one kind."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, cast

import msgspec

from shr_cli.failure import Failure

PATIENTS, BUNDLE = "patients", "bundle"
BATCH_BYTES = 2 * 1024 * 1024
LINE_BYTES = 8 * 1024 * 1024
FINGERPRINT_BYTES = 64 * 1024


class _Kind(msgspec.Struct):
    resourceType: str = ""


_KIND = msgspec.json.Decoder(_Kind)


@dataclass(frozen=True, slots=True)
class Line:
    """One resource: its number in the file from 1 on, and its bytes."""

    number: int
    raw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Unread:
    """A line that cannot be sent to anybody, and why."""

    number: int
    reason: str


@dataclass(frozen=True, slots=True)
class Batch:
    """What is sent together. ``last`` is the number of the last line that it covers, ``offset`` where the next begins
    (in bytes of the uncompressed file), ``read`` how much of the file itself was read by then.
    """

    kind: str
    lines: tuple[Line, ...]
    unread: tuple[Unread, ...]
    last: int
    offset: int
    read: int


class Source:
    """A file of lines. A file that is one JSON document over many lines (``.json``) is one line."""

    def __init__(self, file: Path) -> None:
        self.file = file
        try:
            with file.open("rb") as opened:
                beginning = opened.read(FINGERPRINT_BYTES)
            self.bytes = file.stat().st_size
        except OSError as error:
            raise Failure(f"{file}: {(error.strerror or 'cannot be read').lower()}", code=2) from None
        self.is_gzip = beginning.startswith(b"\x1f\x8b")
        # size and beginning, not the name or time: a copied file goes on where it was
        self.fingerprint = f"{self.bytes}-{hashlib.sha256(beginning).hexdigest()[:32]}"

    def batches(self, *, lines: int, after: int, offset: int) -> Iterator[Batch]:
        """Batches of at most so many lines from a place on. Raises Failure for what is no gzip, or was cut off."""
        try:
            with self.file.open("rb") as raw:
                content = cast(IO[bytes], gzip.GzipFile(fileobj=raw)) if self.is_gzip else raw
                content.seek(offset)
                yield from _batches(self._lines(content), raw, limit=lines, number=after, offset=offset)
        except (EOFError, gzip.BadGzipFile) as error:
            raise Failure(f"{self.file}: the compressed file is damaged or cut off ({error})") from None

    def _lines(self, content: IO[bytes]) -> Iterator[tuple[bytes, int]]:
        """Lines (cut where too long) and how many bytes each has."""
        if self.file.name.removesuffix(".gz").endswith(".json"):
            if whole := content.read(LINE_BYTES + 1):
                yield whole, len(whole)
            return
        while line := content.readline(LINE_BYTES + 1):
            size, end = len(line), line
            while not end.endswith(b"\n") and (end := content.readline(LINE_BYTES)):
                size += len(end)
            yield line, size


def _batches(
    content: Iterator[tuple[bytes, int]], raw: IO[bytes], *, limit: int, number: int, offset: int
) -> Iterator[Batch]:
    lines: list[Line] = []
    unread: list[Unread] = []
    weight = 0
    for line, size in content:
        found = _read(number + 1, line)
        is_bundle = isinstance(found, Line) and _kind(found.raw) == "Bundle"
        heavy = len(lines) >= limit or weight + len(line) > BATCH_BYTES
        if (lines or unread) and (is_bundle or heavy):
            yield Batch(PATIENTS, tuple(lines), tuple(unread), number, offset, raw.tell())
            lines, unread, weight = [], [], 0
        number, offset = number + 1, offset + size
        if is_bundle:
            assert isinstance(found, Line)  # noqa: S101 (is_bundle says so)
            yield Batch(BUNDLE, (found,), (), number, offset, raw.tell())
        elif isinstance(found, Line):
            lines.append(found)
            weight += len(line)
        elif found is not None:
            unread.append(found)
    if lines or unread or number:
        yield Batch(PATIENTS, tuple(lines), tuple(unread), number, offset, raw.tell())


def _read(number: int, line: bytes) -> Line | Unread | None:
    """None for an empty line."""
    if len(line) > LINE_BYTES:
        return Unread(number, f"a line has {LINE_BYTES // 1024 // 1024} MB at most")
    raw = line.strip()
    if not raw:
        return None
    try:
        kind = _kind(raw)
    except msgspec.DecodeError:
        return Unread(number, "this line is not a JSON object")
    if kind not in ("Patient", "Bundle"):
        return Unread(number, f"a line is a Patient or a Bundle, not {kind[:40] or 'a thing without resourceType'}")
    return Line(number, raw)


def _kind(raw: bytes) -> str:
    return _KIND.decode(raw).resourceType
