"""Required bindings: which codes a value set of R4 admits, where that can be listed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .package import Package

Concepts = dict[str, list[str]]
"""Code system → its admitted codes."""

LARGEST_LIST = 700
"""Value sets with more codes (MIME types, languages, UCUM) belong to a terminology service, not to a schema."""


class ValueSets:
    """Expands value sets that name or include complete code systems; anything else is not enumerable."""

    def __init__(self, package: Package) -> None:
        self._value_sets = {v["url"]: v for v in package.read("ValueSet")}
        self._code_systems = {c["url"]: c for c in package.read("CodeSystem")}

    def expand(self, canonical: str) -> Concepts | None:
        """The codes of the value set by system, or None if this package alone cannot list them."""
        value_set = self._value_sets.get(canonical.split("|")[0])
        if value_set is None or "compose" not in value_set or value_set["compose"].get("exclude"):
            return None
        concepts: Concepts = {}
        for include in value_set["compose"]["include"]:
            included = self._include(include)
            if included is None:
                return None
            for system, codes in included.items():
                concepts[system] = sorted({*concepts.get(system, ()), *codes})
        total = sum(map(len, concepts.values()))
        return concepts if 0 < total <= LARGEST_LIST else None

    def _include(self, include: dict[str, Any]) -> Concepts | None:
        if include.get("filter"):
            return None
        if "valueSet" in include:
            return self.expand(include["valueSet"][0]) if len(include["valueSet"]) == 1 else None
        system = include["system"]
        if "concept" in include:
            return {system: [concept["code"] for concept in include["concept"]]}
        code_system = self._code_systems.get(system)
        if code_system is None or code_system.get("content") != "complete":
            return None
        return {system: list(_codes(code_system.get("concept", [])))}


def _codes(concepts: list[dict[str, Any]]) -> Iterator[str]:
    for concept in concepts:
        yield concept["code"]
        yield from _codes(concept.get("concept", []))
