"""Header names that are not UTF-8 cost nobody but their own record a name.

aiokafka decodes header names while it unpacks a fetch, before any parser of ours: one such name and the partition
would be fetched again for ever, with everything behind it. So the unpacking falls back to a copy of the batch in which
the broken names are replaced, byte for byte; the record keeps its place, key, value and header values.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy
from aiokafka.record.util import decode_varint

BROKEN = ord("?")


class _Batch:
    """A record batch that is unpacked quickly, and again with care when a header name cannot be read."""

    def __init__(self, batch: Any, raw: memoryview) -> None:
        self._batch = batch
        self._raw = raw

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        return next(self._batch)

    def __iter__(self) -> Iterator[Any]:
        seen = 0
        try:
            for record in self._batch:
                yield record
                seen += 1
        except UnicodeDecodeError:
            mended = _mended(self._raw)
            for place, record in enumerate(mended):
                if place >= seen:
                    yield record


class _Records(_MemoryRecordsPy):  # type: ignore[misc]
    """The batches of one fetch."""

    def next_batch(self) -> Any:
        raw = self._next_slice
        batch = super().next_batch()
        return batch if batch is None or raw is None or raw[self.MAGIC_OFFSET] < 2 else _Batch(batch, raw)


def _mended(raw: memoryview) -> Any:
    """The same batch with every header name readable."""
    batch = _DefaultRecordBatchPy(raw)
    batch._maybe_uncompress()
    buffer, place = batch._buffer, batch._pos
    for _ in range(batch._num_records):
        length, place = decode_varint(buffer, place)
        end = place + length
        for _ in range(4):  # attributes, time, offset; then the key's length
            size, place = decode_varint(buffer, place)
        place += max(size, 0)
        size, place = decode_varint(buffer, place)
        place += max(size, 0)
        headers, place = decode_varint(buffer, place)
        for _ in range(headers):
            size, place = decode_varint(buffer, place)
            name = bytes(buffer[place : place + size])
            try:
                name.decode()
            except UnicodeDecodeError:
                buffer[place : place + size] = bytes(byte if byte < 0x80 else BROKEN for byte in name)
            place += size
            size, place = decode_varint(buffer, place)
            place += max(size, 0)
        place = end
    return batch


def install() -> None:
    """Make every consumer of this process tolerant; safe to call again."""
    fetcher.MemoryRecords = _Records
