"""A code system, built once from its FHIR resource (and its supplements), then only read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shr_terminology.domain.answers import Designation

Resource = Mapping[str, Any]
PARENTS = frozenset({"parent", "subsumedBy"})
RETIRED = frozenset({"retired", "inactive"})
URN = "urn:ietf:rfc:3986"
ICD11 = "http://id.who.int/icd/release/11/mms"
CLUSTER_LIMIT = 12
_CLUSTER = re.compile(r"[&/]")


@dataclass(slots=True)
class Concept:
    """One code with its names, properties (code, FHIR type suffix, value) and place in the hierarchy."""

    code: str
    display: str | None
    definition: str | None
    designations: tuple[Designation, ...] = ()
    properties: tuple[tuple[str, str, Any], ...] = ()
    parents: list[str] = field(default_factory=list)
    children: list[str] = field(default_factory=list)
    abstract: bool = False
    inactive: bool = False

    def display_in(self, language: str | None) -> str | None:
        """The name in a language (``bn`` is met by ``bn-BD`` and the other way round), else the display."""
        if language:
            wanted = language.partition("-")[0].casefold()
            for one in self.designations:
                if one.language and one.language.partition("-")[0].casefold() == wanted:
                    return one.value
        return self.display

    def is_called(self, name: str) -> bool:
        """Whether this is one of its names, whatever case and spaces."""
        asked = _plain(name)
        return any(_plain(known) == asked for known in (self.display, *(d.value for d in self.designations)) if known)


class CodeSystem:
    """Read-only after its making."""

    def __init__(self, resource: Resource, supplements: Iterable[Resource] = ()) -> None:
        self.url: str = resource["url"]
        self.version: str | None = resource.get("version")
        self.name: str = resource.get("name") or resource.get("title") or self.url
        self.content: str = resource.get("content", "complete")
        self.case_sensitive: bool = resource.get("caseSensitive", True) is not False
        self.value_set: str | None = resource.get("valueSet")
        self.aliases: tuple[str, ...] = tuple(_uris(resource.get("identifier")))
        self.concepts: dict[str, Concept] = {}
        self._has_clusters = self.url == ICD11
        for concept, parent in _flattened(resource.get("concept", ())):
            self._add(concept, parent)
        for supplement in supplements:
            self._supplement(supplement)
        self._link()
        self._folded = {} if self.case_sensitive else {code.casefold(): code for code in self.concepts}

    @property
    def canonical(self) -> str:
        """``url|version``."""
        return f"{self.url}|{self.version}" if self.version else self.url

    def get(self, code: str) -> Concept | None:
        """The concept of a code; case counts unless the code system says otherwise."""
        found = self.concepts.get(code)
        if found is None and self._folded:
            return self.concepts.get(self._folded.get(code.casefold(), ""))
        if found is None and self._has_clusters:
            return self._cluster(code)
        return found

    def _cluster(self, code: str) -> Concept | None:
        """An ICD-11 cluster: a stem code and its satellites joined by ``&`` or ``/`` (ICD-11 reference guide, 2.10)."""
        pieces = _CLUSTER.split(code)
        known = [self.concepts.get(piece) for piece in pieces]
        if not 1 < len(pieces) <= CLUSTER_LIMIT or not all(known):
            return None
        stem = self.concepts[pieces[0]]
        display = " / ".join(one.display or one.code for one in known if one)
        return Concept(code, display, None, parents=[stem.code], inactive=stem.inactive)

    def ancestors(self, code: str) -> set[str]:
        """All codes above."""
        return self._closure(code, lambda concept: concept.parents)

    def descendants(self, code: str) -> set[str]:
        """All codes below."""
        return self._closure(code, lambda concept: concept.children)

    def _closure(self, code: str, next_of: Any) -> set[str]:
        found: set[str] = set()
        waiting = [code]
        while waiting:
            concept = self.concepts.get(waiting.pop())
            for other in next_of(concept) if concept else ():
                if other not in found:
                    found.add(other)
                    waiting.append(other)
        return found

    def _add(self, said: Resource, parent: str | None) -> None:
        properties = tuple(_properties(said))
        parents = [value for code, _, value in properties if code in PARENTS]
        if parent is not None and parent not in parents:
            parents.insert(0, parent)
        self.concepts[said["code"]] = Concept(
            code=said["code"],
            display=said.get("display"),
            definition=said.get("definition"),
            designations=tuple(_designations(said)),
            properties=properties,
            parents=parents,
            abstract=_flag(properties, "notSelectable"),
            inactive=_flag(properties, "inactive") or any(c == "status" and v in RETIRED for c, _, v in properties),
        )

    def _supplement(self, supplement: Resource) -> None:
        for said, _parent in _flattened(supplement.get("concept", ())):
            concept = self.concepts.get(said["code"])
            if concept is not None:
                concept.designations += tuple(_designations(said))
                concept.properties += tuple(_properties(said))

    def _link(self) -> None:
        for concept in list(self.concepts.values()):
            for code, _, value in concept.properties:
                if code == "child" and value in self.concepts and concept.code not in self.concepts[value].parents:
                    self.concepts[value].parents.append(concept.code)
        for concept in self.concepts.values():
            for parent in concept.parents:
                if parent in self.concepts:
                    self.concepts[parent].children.append(concept.code)


def _flattened(concepts: Sequence[Resource], parent: str | None = None) -> Iterator[tuple[Resource, str | None]]:
    waiting = [(concept, parent) for concept in reversed(concepts)]
    while waiting:
        concept, above = waiting.pop()
        yield concept, above
        waiting += [(below, concept["code"]) for below in reversed(concept.get("concept", ()))]


def _designations(concept: Resource) -> Iterator[Designation]:
    for said in concept.get("designation", ()):
        yield Designation(said["value"], said.get("language"), said.get("use"))


def _properties(concept: Resource) -> Iterator[tuple[str, str, Any]]:
    for said in concept.get("property", ()):
        for name, value in said.items():
            if name.startswith("value"):
                yield said["code"], name.removeprefix("value"), value


def _flag(properties: Iterable[tuple[str, str, Any]], code: str) -> bool:
    return any(name == code and value in (True, "true") for name, _, value in properties)


def _uris(identifiers: Any) -> Iterator[str]:
    for identifier in identifiers if isinstance(identifiers, list) else [identifiers] if identifiers else []:
        if identifier.get("system") == URN and identifier.get("value"):
            yield identifier["value"]


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())
