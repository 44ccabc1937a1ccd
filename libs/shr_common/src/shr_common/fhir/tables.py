"""The generated element tables, parsed type by type: a process pays only for the types that it meets."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
import orjson

from shr_common.fhir.primitives import PRIMITIVES

RESOURCE = "Resource"
"""The kind of an element that holds any resource (contained, Bundle.entry.resource, Parameters)."""


class _File(msgspec.Struct, gc=False):
    resources: list[str]
    codes: dict[str, list[str]]
    concepts: dict[str, dict[str, list[str]]]
    patients: dict[str, list[str]]
    types: dict[str, msgspec.Raw]


@dataclass(frozen=True, slots=True)
class Element:
    """One element: ``kind`` is a primitive, a datatype, a path such as ``Patient.contact``, or ``Resource``."""

    kind: str
    required: bool
    many: bool
    binding: str | None

    @property
    def primitive(self) -> bool:
        """Whether a ``_name`` sibling may carry its extensions."""
        return self.kind in PRIMITIVES


@dataclass(frozen=True, slots=True)
class Choice:
    """The JSON names of one choice element such as ``value[x]``."""

    required: bool
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """The elements of a resource, datatype or backbone element by JSON property name."""

    elements: dict[str, Element]
    choices: tuple[Choice, ...]


def read_data(name: str) -> bytes:
    """The uncompressed bytes of one generated data file of this package."""
    return gzip.decompress(files("shr_common.fhir").joinpath("data", name).read_bytes())


@cache
def _file() -> _File:
    return msgspec.json.decode(read_data("definitions.json.gz"), type=_File)


@cache
def resource_types() -> frozenset[str]:
    """The 146 concrete resource types of R4."""
    return frozenset(_file().resources)


def codes(binding: str) -> list[str]:
    """The codes of a required binding on a code element."""
    return _file().codes[binding]


def concepts(binding: str) -> dict[str, list[str]]:
    """Code system → codes of a required binding on a CodeableConcept."""
    return _file().concepts[binding]


def patients() -> dict[str, list[str]]:
    """Resource type → its elements that name a patient."""
    return _file().patients


@cache
def table(path: str) -> Table:
    """The table of ``Observation``, ``Observation.component``, ``Quantity`` … Raises KeyError for an unknown path."""
    entry = orjson.loads(bytes(_file().types[path.partition(".")[0]]))[path]
    return Table(
        elements={name: _element(spec) for name, spec in entry["elements"].items()},
        choices=tuple(Choice(bool(required), tuple(names)) for required, names in entry["choices"]),
    )


@cache
def _element(spec: str) -> Element:
    kind, _, binding = spec.partition("|")
    name = kind.rstrip("!*+")
    mark: Any = kind[len(name) :]
    return Element(kind=name, required=mark in ("!", "+"), many=mark in ("*", "+"), binding=binding or None)
