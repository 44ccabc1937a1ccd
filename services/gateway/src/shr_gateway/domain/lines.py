"""What reads go by: a line of a profile, a row of the resources. Packed small, since every read unpacks them."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any, Protocol

import msgspec


class Facets(Protocol):
    """What the policy looks at. ``person``: the id that it was recorded for; ``day``: in Dhaka, or a part of a date."""

    person: str
    reference: str
    type: str
    day: str
    facility: str | None
    labels: list[str]
    confidentiality: str
    encounter: str | None

    @property
    def alike(self) -> str:
        """The same for all that policy treats alike, but for what is closed by reference or bound to a period."""


class Line(msgspec.Struct, array_like=True, gc=False):
    """One line of a profile. ``at`` sorts as the instants do; ``item`` is the JSON that is shown."""

    person: str
    reference: str
    type: str
    section: str
    day: str
    at: str
    facility: str | None
    labels: list[str]
    confidentiality: str
    encounter: str | None
    name_key: str | None
    alike: str
    item: bytes


def alike(type_: str, facility: str | None, confidentiality: str, labels: Sequence[str]) -> str:
    """See ``Facets.alike``."""
    return "|".join((type_, facility or "", confidentiality, *labels))


class Row(msgspec.Struct, gc=False):
    """One resource at one state, as search and reads need it; ``item`` and ``body`` only where they were asked for."""

    person: str
    reference: str
    type: str
    version: int
    updated: str
    at: str
    date: str
    day: str
    codes: list[str]
    categories: list[str]
    status: str | None
    labels: list[str]
    confidentiality: str
    facility: str | None
    encounter: str | None
    section: str | None = None
    name_key: str | None = None
    item: bytes | None = None
    body: bytes = b""

    @property
    def alike(self) -> str:
        """See ``Facets.alike``."""
        return alike(self.type, self.facility, self.confidentiality, self.labels)

    @classmethod
    def of(cls, document: dict[str, Any]) -> Row:
        """From a document of ``resources`` or ``versions``."""
        document.setdefault("reference", document["_id"])
        row: Row = msgspec.convert(document, cls)
        return row

    def line(self) -> Line:
        """As a line of the timeline."""
        return Line(
            self.person, self.reference, self.type, self.section or "", self.day, self.at, self.facility, self.labels,
            self.confidentiality, self.encounter, self.name_key, self.alike, self.item or b"{}",
        )  # fmt: skip


_lines = msgspec.msgpack.Decoder(list[Line])

FORMAT = zlib.crc32(repr(Line.__annotations__).encode())
"""Of packed lines. Made of the fields and their types, since only their order tells packed fields apart."""


def packed(lines: Sequence[Line]) -> bytes:
    """As stored."""
    return msgspec.msgpack.encode(lines)


def unpacked(stored: bytes) -> list[Line]:
    """From the store."""
    return _lines.decode(stored)
