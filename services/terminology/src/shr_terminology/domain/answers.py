"""What the index answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

Outcome = Literal["equivalent", "subsumes", "subsumed-by", "not-subsumed"]


class Validation(NamedTuple):
    """Whether a code is valid; why not, in words; its display; the system and code as the code system writes them."""

    result: bool
    message: str | None = None
    display: str | None = None
    system: str | None = None
    code: str | None = None
    version: str | None = None
    inactive: bool = False


@dataclass(frozen=True, slots=True)
class Coding:
    """A code somewhere; ``system`` may be missing where a context tells it."""

    system: str | None
    code: str
    display: str | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Designation:
    """Another name of a concept; ``use`` is a Coding as JSON."""

    value: str
    language: str | None = None
    use: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Lookup:
    """All about one concept. Properties are (code, FHIR type suffix such as ``Code`` or ``String``, value)."""

    name: str
    version: str | None
    display: str
    designations: Sequence[Designation]
    properties: Sequence[tuple[str, str, Any]]


@dataclass(frozen=True, slots=True)
class Entry:
    """One code of an expansion."""

    system: str
    version: str | None
    code: str
    display: str | None
    abstract: bool = False
    inactive: bool = False
    designations: Sequence[Designation] = ()


@dataclass(frozen=True, slots=True)
class Expansion:
    """A page of a value set's codes; ``versions`` are the code systems (url|version) that it was made from."""

    url: str | None
    total: int
    offset: int
    entries: Sequence[Entry]
    versions: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Match:
    """One target of a translation; ``source`` is the concept map's canonical."""

    equivalence: str
    system: str | None
    code: str | None
    display: str | None
    source: str
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class Translation:
    """Whether something equal, equivalent, wider or inexact enough was found, and what."""

    result: bool
    message: str | None = None
    matches: Sequence[Match] = field(default_factory=tuple)
