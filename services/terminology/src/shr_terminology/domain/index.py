"""``Terminology``: everything that is known at one revision, read-only. Loading more makes another one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from shr_common.errors import Category, Issue, ShrError, invalid, not_found

from shr_terminology.domain import canonicals, value_sets
from shr_terminology.domain.answers import (
    Coding,
    Designation,
    Entry,
    Expansion,
    Lookup,
    Match,
    Outcome,
    Translation,
    Validation,
)
from shr_terminology.domain.code_systems import CodeSystem, Concept, Resource
from shr_terminology.domain.concept_maps import FOUND, ConceptMap
from shr_terminology.domain.texts import matches_text, words_of
from shr_terminology.domain.value_sets import ValueSet

LISTED_LIMIT = 50_000
DEPTH_LIMIT = 16
IMPLICIT = "?fhir_vs"
IS_A = "isa/"
LOINC = "http://loinc.org"
Key = tuple[str, str | None]


class Terminology:
    """Built from FHIR CodeSystem, ValueSet and ConceptMap resources that ``artefacts.checked`` has accepted."""

    def __init__(self, resources: Iterable[Resource] = (), *, revision: int = 0) -> None:
        self.revision = revision
        self._systems: dict[Key, CodeSystem] = {}
        self._supplements: dict[Key, Resource] = {}
        self._value_sets: dict[Key, Resource] = {}
        self._maps: dict[Key, ConceptMap] = {}
        self._ids: dict[tuple[str, str], str] = {}
        self._put(list(resources))

    def with_resources(self, resources: Iterable[Resource], *, revision: int) -> Terminology:
        """The next index: what is new replaces what has the same url and version. Not for supplements (rebuild)."""
        following = Terminology(revision=revision)
        following._systems = dict(self._systems)
        following._supplements = dict(self._supplements)
        following._value_sets = dict(self._value_sets)
        following._maps = dict(self._maps)
        following._ids = dict(self._ids)
        following._put(list(resources))
        return following

    def must_be_rebuilt_for(self, resource: Resource) -> bool:
        """Whether a resource changes others: supplements do, and the code systems that they supplement."""
        if resource.get("content") == "supplement":
            return True
        url = resource.get("url")
        return any(canonicals.split(s["supplements"])[0] == url for s in self._supplements.values())

    def _put(self, resources: Sequence[Resource]) -> None:
        self._supplements |= {_key(r): r for r in resources if r.get("content") == "supplement"}
        for resource in resources:
            if "id" in resource:
                version = f"|{resource['version']}" if "version" in resource else ""
                self._ids[resource["resourceType"], resource["id"]] = resource["url"] + version
            if resource["resourceType"] == "ValueSet":
                self._value_sets[_key(resource)] = resource
            elif resource["resourceType"] == "ConceptMap":
                self._maps[_key(resource)] = ConceptMap(resource)
            elif resource.get("content") != "supplement":
                added = [
                    s
                    for s in self._supplements.values()
                    if canonicals.split(s["supplements"]) in ((resource["url"], None), _key(resource))
                ]
                self._systems[_key(resource)] = CodeSystem(resource, added)
        self._newest: dict[str, CodeSystem] = {}
        for system in sorted(self._systems.values(), key=lambda one: canonicals.order(one.version)):
            self._newest |= dict.fromkeys((*system.aliases, system.url), system)
        self._compiled: dict[Key, ValueSet] = {}

    def canonical_of(self, kind: str, id: str) -> str:
        """``url|version`` of the artefact that is read at ``kind/id``. Raises not_found."""
        found = self._ids.get((kind, id))
        if found is None:
            raise not_found(f"There is no such {kind}.")
        return found

    # --- code systems

    def find_system(self, url: str, version: str | None = None) -> CodeSystem | None:
        """A code system by url, alias (urn:oid:…) or url|version; the newest unless a version is named."""
        found = self._newest.get(url)
        if found is None and "|" in url:
            url, version = canonicals.split(url)
            found = self._newest.get(url)
        if found is None or version is None or found.version == version:
            return found
        return self._systems.get((found.url, version))

    def system(self, url: str, version: str | None = None) -> CodeSystem:
        """The same; raises not_found."""
        found = self.find_system(url, version)
        if found is None:
            named = f"{url}|{version}" if version else url
            raise not_found(f"The code system {named[:200]} is not loaded here.", expression="system")
        return found

    def validate(
        self,
        system: str,
        code: str,
        *,
        version: str | None = None,
        display: str | None = None,
        language: str | None = None,
    ) -> Validation:
        """Whether a code is in a code system. Raises not_found for an unknown code system."""
        found = self._newest.get(system) if version is None else None
        if found is None:
            found = self.system(system, version)
        concept = found.concepts.get(code) or found.get(code)
        if concept is None:
            return Validation(False, _unknown_code(found, code), None, found.url, code, found.version)
        if display is None and language is None:
            return Validation(True, None, concept.display, found.url, concept.code, found.version, concept.inactive)
        return _with_display(found, concept, display=display, language=language)

    def lookup(self, system: str, code: str, *, version: str | None = None, language: str | None = None) -> Lookup:
        """All about a code. Raises not_found for an unknown code system or code."""
        found = self.system(system, version)
        concept = found.get(code)
        if concept is None:
            raise not_found(_unknown_code(found, code), expression="code")
        said: list[tuple[str, str, Any]] = [("inactive", "Boolean", concept.inactive)]
        if concept.definition is not None:
            said.append(("definition", "String", concept.definition))
        said += [p for p in concept.properties if p[0] not in ("inactive", "parent", "child")]
        said += [("parent", "Code", parent) for parent in concept.parents]
        said += [("child", "Code", child) for child in concept.children]
        display = concept.display_in(language) or concept.code
        return Lookup(found.name, found.version, display, concept.designations, said)

    def subsumes(self, system: str, code_a: str, code_b: str, *, version: str | None = None) -> Outcome:
        """How A stands to B. Raises not_found for an unknown code system or code."""
        found = self.system(system, version)
        for name, code in (("codeA", code_a), ("codeB", code_b)):
            if found.get(code) is None:
                raise not_found(_unknown_code(found, code), expression=name)
        if code_a == code_b:
            return "equivalent"
        if code_a in found.ancestors(code_b):
            return "subsumes"
        return "subsumed-by" if code_b in found.ancestors(code_a) else "not-subsumed"

    # --- value sets

    def value_set(self, canonical: str) -> ValueSet:
        """A stored or implicit value set. Raises not_found, or invalid where its definition cannot be used."""
        return self._value_set(canonical, ())

    def compile(self, resource: Resource) -> ValueSet:
        """A value set that a caller brings along. Raises invalid, located."""
        return value_sets.compiled(resource, self.find_system, lambda url, at: self._imported(url, at, ()))

    def _value_set(self, canonical: str, path: tuple[str, ...]) -> ValueSet:
        url, version = canonicals.split(canonical)
        known = self._compiled.get((url, version))
        if known is not None:
            return known
        candidates = [r for (u, v), r in self._value_sets.items() if u == url and (version is None or v == version)]
        if candidates:
            resource = max(candidates, key=lambda r: canonicals.order(r.get("version")))
            inner = (*path, url)
            found = value_sets.compiled(resource, self.find_system, lambda u, at: self._imported(u, at, inner))
        else:
            found = self._implicit(url)
        self._compiled[url, version] = found
        return found

    def _imported(self, url: str, at: str, path: tuple[str, ...]) -> ValueSet:
        if canonicals.split(url)[0] in path or len(path) > DEPTH_LIMIT:
            raise invalid(f"The value set {url[:200]} imports itself.", expression=at, code="business-rule")
        try:
            return self._value_set(url, path)
        except ShrError as error:
            if error.category is Category.NOT_FOUND:
                raise invalid(error.issues[0].text, expression=at, code="not-found") from None
            raise

    def _implicit(self, url: str) -> ValueSet:
        base, mark, rest = url.partition(IMPLICIT)
        if mark:
            system = self.system(base)
            if not rest:
                return value_sets.whole(system, url)
            concept = system.get(rest.removeprefix(f"={IS_A}"))
            if rest.startswith(f"={IS_A}") and concept is not None:
                return value_sets.below(system, concept, url)
        if url == f"{LOINC}/vs" and LOINC in self._newest:
            return value_sets.whole(self._newest[LOINC], url)
        for system in self._newest.values():
            if system.value_set is not None and canonicals.split(system.value_set)[0] == url:
                return value_sets.whole(system, url)
        raise not_found(f"The value set {url[:200]} is not loaded here.", expression="url")

    def validate_in(self, value_set: ValueSet, coding: Coding, *, language: str | None = None) -> Validation:
        """Whether a code is in a value set; without a system, in the only system that the value set draws on."""
        system = coding.system
        if system is None:
            holding = sorted(url for url in value_set.systems() if value_set.has(url, coding.code))
            if len(holding) != 1:
                named = value_set.url or "the given value set"
                how = "in more than one code system of" if holding else "not in"
                return Validation(False, f"The code {coding.code[:100]} is {how} {named}.", code=coding.code)
            system = holding[0]
        source = self.find_system(system, coding.version)
        url = source.url if source else system
        if not value_set.has(url, coding.code):
            concept = source.get(coding.code) if source else None
            if concept is None or not value_set.has(url, concept.code):
                return self._not_in(value_set, url, source, coding)
        if source is not None and source.get(coding.code) is not None:
            return self.validate(url, coding.code, version=coding.version, display=coding.display, language=language)
        listed = next((e for e in value_set.entries() if (e.system, e.code) == (url, coding.code)), None)
        return Validation(True, None, listed.display if listed else None, url, coding.code)

    def _not_in(self, value_set: ValueSet, url: str, source: CodeSystem | None, coding: Coding) -> Validation:
        named = value_set.url or "the given value set"
        if source is None and (url in value_set.unknown_systems or not value_set.systems()):
            why = f"The code system {url[:200]} is not loaded here, so the code cannot be checked."
        elif source is not None and source.get(coding.code) is None:
            why = _unknown_code(source, coding.code)
        else:
            why = f"The code {url[:200]}|{coding.code[:100]} is not in {named}."
        return Validation(False, why, None, url, coding.code, source.version if source else None)

    def expand(
        self,
        value_set: ValueSet,
        *,
        text: str | None = None,
        offset: int = 0,
        count: int | None = None,
        limit: int,
        active_only: bool = False,
    ) -> Expansion:
        """A page of a value set's codes. Raises invalid (too-costly) where more than ``limit`` would be listed."""
        if value_set.unknown_systems:
            named = ", ".join(sorted(set(value_set.unknown_systems)))[:300]
            raise invalid(f"Code systems that this value set needs are not loaded: {named}.", code="not-found")
        entries = self._entries(value_set)
        if active_only:
            entries = [entry for entry in entries if not entry.inactive]
        if text and (asked := words_of(text)):
            entries = [entry for entry in entries if matches_text(entry, asked)]
        if count is None and len(entries) - offset > limit:
            issue = Issue(f"{len(entries)} codes are too many at once: ask for pages with count.", code="too-costly")
            raise ShrError(Category.INVALID, issue)
        page = list(islice(entries, offset, offset + min(limit if count is None else count, limit)))
        return Expansion(value_set.url, len(entries), offset, page, sorted(value_set.sources()))

    @staticmethod
    def _entries(value_set: ValueSet) -> list[Entry]:
        entries = value_set.entries()
        listed = list(entries)
        if len(listed) <= LISTED_LIMIT:
            value_set.keep(listed)
        return listed

    # --- concept maps

    def find_map(self, canonical: str) -> ConceptMap | None:
        """The newest concept map of a url, or the named version."""
        url, version = canonicals.split(canonical)
        return canonicals.newest(
            m for (u, v), m in self._maps.items() if u == url and (version is None or v == version)
        )

    def translate(
        self,
        coding: Coding,
        *,
        url: str | None = None,
        source: str | None = None,
        target: str | None = None,
        target_system: str | None = None,
        reverse: bool = False,
    ) -> Translation:
        """A code in another system, by one concept map or all that fit. Raises not_found for an unknown map."""
        if url is not None:
            named = self.find_map(url)
            if named is None:
                raise not_found(f"The concept map {url[:200]} is not loaded here.", expression="url")
            maps: list[ConceptMap] = [named]
        else:
            maps = [m for m in self._maps.values() if source in (None, m.source) and target in (None, m.target)]
        found = self.find_system(coding.system) if coding.system else None
        system = found.url if found else coding.system
        matches = [
            match
            for one in maps
            for match in one.translate(system, coding.code, reverse=reverse)
            if target_system in (None, match.system)
        ]
        good = [match for match in matches if match.equivalence in FOUND and match.code]
        if good:
            return Translation(True, None, [self._named(match) for match in matches])
        why = "is said to have no counterpart" if matches else "is not in a concept map here that fits"
        return Translation(False, f"The code {coding.code[:100]} {why}.", matches)

    def _named(self, match: Match) -> Match:
        """With the target's display, if the map leaves it out."""
        if match.display or match.code is None or match.system is None:
            return match
        system = self.find_system(match.system)
        concept = system.get(match.code) if system else None
        display = concept.display if concept else None
        return Match(match.equivalence, match.system, match.code, display, match.source, match.comment)

    def counts(self) -> Mapping[str, int]:
        """How much is loaded."""
        return {
            "code_systems": len(self._systems),
            "concepts": sum(len(system.concepts) for system in self._systems.values()),
            "value_sets": len(self._value_sets),
            "concept_maps": len(self._maps),
        }

    def systems(self) -> Sequence[CodeSystem]:
        """Every code system at every version, by url."""
        return [self._systems[key] for key in sorted(self._systems, key=lambda k: (k[0], k[1] or ""))]


def designations_in(designations: Sequence[Designation], language: str | None) -> Sequence[Designation]:
    """Those of a language, or all."""
    if language is None:
        return designations
    wanted = language.partition("-")[0]
    return [one for one in designations if (one.language or "").partition("-")[0] == wanted]


def _key(resource: Resource) -> Key:
    return resource["url"], resource.get("version")


def _unknown_code(system: CodeSystem, code: str) -> str:
    loaded = "" if system.content == "complete" else f", of which only a part ({system.content}) is loaded here"
    return f"The code {code[:100]} is not in {system.canonical}{loaded}."


def _with_display(system: CodeSystem, concept: Concept, *, display: str | None, language: str | None) -> Validation:
    shown = concept.display_in(language)
    if display is not None and not concept.is_called(display):
        why = f"The code {concept.code} is not called '{display[:100]}' but '{shown}'."
        return Validation(False, why, shown, system.url, concept.code, system.version, concept.inactive)
    return Validation(True, None, shown, system.url, concept.code, system.version, concept.inactive)
