"""Value sets, compiled against the code systems of one index: membership is a look-up, expansion an iteration."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shr_common.errors import invalid

from shr_terminology.domain.answers import Designation, Entry
from shr_terminology.domain.code_systems import CodeSystem, Concept, Resource
from shr_terminology.domain.filters import codes_passing

FindSystem = Callable[[str, str | None], CodeSystem | None]
FindValueSet = Callable[[str, str], "ValueSet"]


@dataclass(slots=True)
class Part:
    """One include or exclude: codes of one system, and/or whatever all of some value sets hold.

    ``codes`` None means the whole system; its values are displays that the value set gives itself.
    """

    system: str | None
    source: CodeSystem | None
    codes: Mapping[str, tuple[str | None, tuple[Designation, ...]]] | None
    value_sets: Sequence[ValueSet] = ()

    def has(self, system: str, code: str) -> bool:
        """Whether a code is in this part."""
        if self.system is not None:
            if system != self.system:
                return False
            if self.codes is not None:
                if code not in self.codes:
                    return False
            elif self.source is None or code not in self.source.concepts:
                return False
        return all(one.has(system, code) for one in self.value_sets)

    def entries(self) -> Iterator[Entry]:
        """The codes of this part, in the order of the value set or code system."""
        if self.system is None:
            first, *others = self.value_sets
            found: Iterator[Entry] = (
                entry for entry in first.entries() if all(one.has(entry.system, entry.code) for one in others)
            )
        else:
            codes = self.codes if self.codes is not None else self.source.concepts if self.source else ()
            found = (self._entry(code) for code in codes if all(one.has(self.system, code) for one in self.value_sets))
        return found

    def _entry(self, code: str) -> Entry:
        assert self.system is not None  # noqa: S101 (entries() asks only then)
        version = self.source.version if self.source else None
        display, designations = self.codes[code] if self.codes is not None else (None, ())
        concept = self.source.get(code) if self.source else None
        if concept is None:
            return Entry(self.system, version, code, display, designations=designations)
        return Entry(
            self.system,
            version,
            concept.code,
            display or concept.display,
            concept.abstract,
            concept.inactive,
            (*designations, *concept.designations),
        )


@dataclass(slots=True)
class ValueSet:
    """A compiled value set."""

    url: str | None
    version: str | None
    includes: Sequence[Part]
    excludes: Sequence[Part] = ()
    unknown_systems: Sequence[str] = ()
    head: Mapping[str, Any] = field(default_factory=dict)
    _listed: list[Entry] | None = field(default=None, repr=False)

    def has(self, system: str, code: str) -> bool:
        """Whether a code is in the value set."""
        return any(one.has(system, code) for one in self.includes) and not any(
            one.has(system, code) for one in self.excludes
        )

    def entries(self) -> Iterator[Entry]:
        """Every code once."""
        if self._listed is not None:
            return iter(self._listed)
        return self._walk()

    def systems(self) -> set[str]:
        """The code systems that codes can come from."""
        own = {part.system for part in self.includes if part.system}
        return own.union(*(one.systems() for part in self.includes for one in part.value_sets))

    def sources(self) -> dict[str, CodeSystem]:
        """The code systems that were used, by url|version."""
        found = {part.source.canonical: part.source for part in self.includes if part.source is not None}
        for part in self.includes:
            for one in part.value_sets:
                found |= one.sources()
        return found

    def keep(self, entries: list[Entry]) -> None:
        """Remember the expansion for the life of the index."""
        self._listed = entries

    def _walk(self) -> Iterator[Entry]:
        seen = {(entry.system, entry.code) for part in self.excludes for entry in part.entries()}
        for part in self.includes:
            for entry in part.entries():
                key = (entry.system, entry.code)
                if key not in seen:
                    seen.add(key)
                    yield entry


def compiled(resource: Resource, find_system: FindSystem, find_value_set: FindValueSet) -> ValueSet:
    """A value set by its ``compose``, else by its stored ``expansion``.

    Raises invalid, located, where a filter or an imported value set cannot be used. Codes that the value set lists
    itself count also when their code system is not loaded.
    """
    url, version = resource.get("url"), resource.get("version")
    head = {name: resource[name] for name in ("name", "title", "status") if name in resource}
    compose = resource.get("compose")
    if compose is None:
        return ValueSet(url, version, _from_expansion(resource.get("expansion", {}), find_system), head=head)
    unknown: list[str] = []

    def parts(name: str) -> list[Part]:
        return [
            _part(said, f"ValueSet.compose.{name}[{n}]", find_system, find_value_set, unknown)
            for n, said in enumerate(compose.get(name, ()))
        ]

    return ValueSet(url, version, parts("include"), parts("exclude"), unknown, head)


def _part(said: Resource, at: str, find_system: FindSystem, find_value_set: FindValueSet, unknown: list[str]) -> Part:
    url = said.get("system")
    imported = [find_value_set(v, f"{at}.valueSet[{n}]") for n, v in enumerate(said.get("valueSet", ()))]
    if url is None:
        if not imported:
            raise invalid("An include or exclude needs a system or a valueSet.", expression=at, code="required")
        return Part(None, None, None, imported)
    source = find_system(url, said.get("version"))
    system = source.url if source else url
    if "concept" in said:
        listed = {c["code"]: (c.get("display"), tuple(_designations(c))) for c in said["concept"]}
        return Part(system, source, listed, imported)
    if source is None or (source.content == "not-present" and not source.concepts):
        unknown.append(url)
        return Part(system, None, {}, imported)
    if "filter" in said:
        return Part(system, source, _filtered(source, said["filter"], at), imported)
    return Part(system, source, None, imported)


def _filtered(source: CodeSystem, filters: Sequence[Resource], at: str) -> dict[str, tuple[None, tuple[()]]]:
    passing: set[str] | frozenset[str] = source.concepts.keys() | frozenset()
    for number, said in enumerate(filters):
        place = f"{at}.filter[{number}]"
        passing = passing & codes_passing(
            source, property=said["property"], op=said["op"], value=said["value"], at=place
        )
    return {code: (None, ()) for code in source.concepts if code in passing}


def _from_expansion(expansion: Resource, find_system: FindSystem) -> list[Part]:
    by_system: dict[str, dict[str, tuple[str | None, tuple[Designation, ...]]]] = {}
    waiting: list[Any] = list(reversed(expansion.get("contains", ())))
    while waiting:
        said = waiting.pop()
        if said.get("system") and said.get("code"):
            found = (said.get("display"), tuple(_designations(said)))
            by_system.setdefault(said["system"], {})[said["code"]] = found
        waiting += reversed(said.get("contains", ()))
    return [Part(url, find_system(url, None), codes) for url, codes in by_system.items()]


def _designations(said: Resource) -> Iterator[Designation]:
    for one in said.get("designation", ()):
        yield Designation(one["value"], one.get("language"), one.get("use"))


def whole(system: CodeSystem, url: str) -> ValueSet:
    """The implicit value set of all codes of a system."""
    return ValueSet(url, system.version, [Part(system.url, system, None)])


def below(system: CodeSystem, concept: Concept, url: str) -> ValueSet:
    """The implicit value set of a concept and all that is below it."""
    codes = {concept.code, *system.descendants(concept.code)}
    listed = {code: (None, ()) for code in system.concepts if code in codes}
    return ValueSet(url, system.version, [Part(system.url, system, listed)])
