"""What reads go by: a line of a profile, a row of the resources. Packed small, since every read unpacks them."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any, Protocol, cast

import msgspec


class Kind(msgspec.Struct, array_like=True, gc=False):
    """What the lines of a profile have in common with many others. ``person``: the id that they were recorded for.

    ``alike`` is the same for all that policy treats alike, but for what is closed by reference or bound to a period.
    """

    person: str
    type: str
    section: str
    facility: str | None
    labels: list[str]
    confidentiality: str
    alike: str

    @classmethod
    def of(
        cls, person: str, type_: str, section: str | None, facility: str | None, labels: list[str], confidentiality: str
    ) -> Kind:
        """A kind, with what it is told apart by."""
        alike = "|".join((person, type_, facility or "", confidentiality, *labels))
        return cls(person, type_, section or "", facility, labels, confidentiality, alike)


class Facets(Protocol):
    """What the policy looks at. ``day``: in Dhaka, or a part of a date."""

    reference: str
    day: str
    encounter: str | None

    @property
    def kind(self) -> Kind:
        """What it has in common with others."""


class Line(msgspec.Struct, gc=False):
    """One line of a profile. ``at`` sorts as the instants do; ``item`` is the JSON that is shown."""

    kind: Kind
    reference: str
    day: str
    at: str
    encounter: str | None
    name_key: str | None
    item: bytes


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
    def kind(self) -> Kind:
        """See ``Facets.kind``."""
        return Kind.of(self.person, self.type, self.section, self.facility, self.labels, self.confidentiality)

    @classmethod
    def of(cls, document: dict[str, Any]) -> Row:
        """From a document of ``resources`` or ``versions``."""
        document.setdefault("reference", document["_id"])
        row: Row = msgspec.convert(document, cls)
        return row

    def line(self) -> Line:
        """As a line of the timeline."""
        return Line(self.kind, self.reference, self.day, self.at, self.encounter, self.name_key, self.item or b"{}")


class _Stored(Line, array_like=True, gc=False):
    """A line with the number of its kind."""

    kind: int  # type: ignore[assignment]


class _Packed(msgspec.Struct, array_like=True, gc=False):
    """Lines as stored: each kind once."""

    kinds: list[Kind]
    lines: list[_Stored]


_packed = msgspec.msgpack.Decoder(_Packed)

FORMAT = zlib.crc32(repr((Kind.__annotations__, Line.__annotations__, _Stored.__struct_fields__)).encode())
"""Of packed lines. Made of the fields and their types, since only their order tells packed fields apart."""


def packed(lines: Sequence[Line]) -> bytes:
    """As stored."""
    numbers: dict[tuple[str, str], int] = {}
    kinds: list[Kind] = []
    stored = []
    for line in lines:
        kind = line.kind
        number = numbers.setdefault((kind.alike, kind.section), len(kinds))
        if number == len(kinds):
            kinds.append(kind)
        stored.append(
            _Stored(
                kind=number,
                reference=line.reference,
                day=line.day,
                at=line.at,
                encounter=line.encounter,
                name_key=line.name_key,
                item=line.item,
            )
        )
    return msgspec.msgpack.encode((kinds, stored))


def unpacked(stored: bytes) -> list[Line]:
    """From the store."""
    found = _packed.decode(stored)
    kinds, lines = found.kinds, cast(list[Line], found.lines)
    for line in lines:
        line.kind = kinds[cast(int, line.kind)]
    return lines
