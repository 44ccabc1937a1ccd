"""Concept maps: from a code of one system to codes of another, and back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from shr_terminology.domain.answers import Match
from shr_terminology.domain.code_systems import Resource

FOUND = frozenset({"relatedto", "equivalent", "equal", "wider", "subsumes", "narrower", "specializes", "inexact"})
"""Equivalences that count as a translation (``unmatched`` and ``disjoint`` say that there is none)."""

REVERSED = {"wider": "narrower", "narrower": "wider", "subsumes": "specializes", "specializes": "subsumes"}


class ConceptMap:
    """Read-only after its making."""

    def __init__(self, resource: Resource) -> None:
        self.url: str = resource["url"]
        self.version: str | None = resource.get("version")
        self.source: str | None = resource.get("sourceUri") or resource.get("sourceCanonical")
        self.target: str | None = resource.get("targetUri") or resource.get("targetCanonical")
        self.groups: Sequence[Resource] = resource.get("group", ())
        self._forward: dict[tuple[str | None, str], list[Match]] = {}
        self._backward: dict[tuple[str | None, str], list[Match]] = {}
        for group in self.groups:
            self._add(group)

    @property
    def canonical(self) -> str:
        """``url|version``."""
        return f"{self.url}|{self.version}" if self.version else self.url

    def _add(self, group: Resource) -> None:
        source, target = group.get("source"), group.get("target")
        for element, found in _pairs(group):
            match = Match(
                found["equivalence"],
                target,
                found.get("code"),
                found.get("display"),
                self.canonical,
                found.get("comment"),
            )
            self._forward.setdefault((source, element["code"]), []).append(match)
            if found.get("code"):
                equivalence = REVERSED.get(found["equivalence"], found["equivalence"])
                back = Match(str(equivalence), source, element["code"], element.get("display"), self.canonical)
                self._backward.setdefault((target, found["code"]), []).append(back)

    def translate(self, system: str | None, code: str, *, reverse: bool) -> list[Match]:
        """What a code is mapped to; else what ``unmapped`` says (the same code, or a fixed one)."""
        known = self._backward if reverse else self._forward
        if system is None:
            return [match for (_, mapped), matches in known.items() if mapped == code for match in matches]
        found = known.get((system, code), [])
        return found if found or reverse else list(self._unmapped(system, code))

    def _unmapped(self, system: str, code: str) -> Iterator[Match]:
        for group in self.groups:
            rule = group.get("unmapped")
            if rule is None or group.get("source") != system:
                continue
            if rule["mode"] == "provided":
                yield Match("equal", group.get("target"), code, None, self.canonical)
            elif rule["mode"] == "fixed" and rule.get("code"):
                yield Match("inexact", group.get("target"), rule["code"], rule.get("display"), self.canonical)


def _pairs(group: Resource) -> Iterator[tuple[Resource, Resource]]:
    for element in group.get("element", ()):
        if element.get("code"):  # R4 allows an element that is only text: nothing can be looked up by it
            for target in element.get("target", ()):
                yield element, target
