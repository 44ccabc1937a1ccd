"""What may be loaded: R4 CodeSystem, ValueSet and ConceptMap resources that the index can be built from."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from shr_common.errors import Category, Issue, ShrError
from shr_common.fhir.validate import validate

from shr_terminology.domain.filters import safe_pattern

Kind = Literal["CodeSystem", "ValueSet", "ConceptMap"]
KINDS = ("CodeSystem", "ValueSet", "ConceptMap")
ISSUES_LIMIT = 1000
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:\S+", re.ASCII)
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Artefact:
    """One resource that may be loaded; ``key`` is what it replaces, ``id`` where it is read."""

    kind: Kind
    url: str
    version: str | None
    id: str
    resource: dict[str, Any]

    @property
    def key(self) -> str:
        """Kind, url and version together."""
        return f"{self.kind}|{self.url}|{self.version or ''}"


class Loaded(NamedTuple):
    """What became of an artefact; ``unchanged``: the same content was there already."""

    artefact: Artefact
    state: Literal["created", "updated", "unchanged"]


def artefacts_of(content: dict[str, Any]) -> list[Artefact]:
    """The artefacts of a file: one resource, or a Bundle of them. Raises invalid with every finding located."""
    found, issues = [], []
    for resource, at in _resources(content):
        faults = list(_faults(resource, at))
        issues += faults
        if not faults:
            found.append(_artefact(resource))
    if not issues and not found:
        issues.append(Issue("There is nothing to load in this Bundle.", expression="Bundle.entry", code="required"))
    if issues:
        raise ShrError(Category.INVALID, issues[:ISSUES_LIMIT])
    return found


def _resources(content: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    if content.get("resourceType") != "Bundle":
        kind = content.get("resourceType")
        yield content, kind if isinstance(kind, str) else ""
        return
    entries = content.get("entry", [])
    for number, entry in enumerate(entries if isinstance(entries, list) else []):
        resource = entry.get("resource") if isinstance(entry, dict) else None
        yield (resource if isinstance(resource, dict) else {}), f"Bundle.entry[{number}].resource"


def _artefact(resource: dict[str, Any]) -> Artefact:
    url, version = resource["url"], resource.get("version")
    told = resource.get("id")
    made = hashlib.sha256(f"{resource['resourceType']}|{url}|{version}".encode()).hexdigest()[:32]
    id = told if isinstance(told, str) and _ID.fullmatch(told) else made  # noqa: A001 (FHIR's own word)
    return Artefact(resource["resourceType"], url, version, id, {**resource, "id": id})


def _faults(resource: dict[str, Any], at: str) -> Iterator[Issue]:
    kind = resource.get("resourceType")
    if kind not in KINDS:
        yield Issue(
            f"Only {', '.join(KINDS)} can be loaded here.",
            expression=f"{at}.resourceType".lstrip("."),
            code="not-supported",
        )
        return
    found = validate(resource, at)
    errors = [issue for issue in found if issue.severity in ("error", "fatal")]
    if errors:
        yield from errors
        return
    url = resource.get("url")
    if not isinstance(url, str) or not _ABSOLUTE.fullmatch(url):
        yield Issue("A canonical url (absolute, without spaces) is needed.", expression=f"{at}.url", code="required")
        return
    if "|" in url:
        yield Issue("The url may not hold '|': that is for versions.", expression=f"{at}.url", code="value")
    if kind == "CodeSystem":
        yield from _code_system_faults(resource, at)
    elif kind == "ValueSet":
        yield from _value_set_faults(resource, at)


def _code_system_faults(resource: dict[str, Any], at: str) -> Iterator[Issue]:
    if resource["content"] == "supplement" and not resource.get("supplements"):
        yield Issue("A supplement says what it supplements.", expression=f"{at}.supplements", code="required")
    first: dict[str, str] = {}
    waiting = [(c, f"{at}.concept[{n}]") for n, c in reversed(list(enumerate(resource.get("concept", ()))))]
    while waiting:
        concept, place = waiting.pop()
        if concept["code"] in first:
            text = f"The code {concept['code'][:100]} is already at {first[concept['code']]}."
            yield Issue(text, expression=f"{place}.code", code="duplicate")
        first.setdefault(concept["code"], place)
        below = list(enumerate(concept.get("concept", ())))
        waiting += [(c, f"{place}.concept[{n}]") for n, c in reversed(below)]


def _value_set_faults(resource: dict[str, Any], at: str) -> Iterator[Issue]:
    compose = resource.get("compose", {})
    for name in ("include", "exclude"):
        for number, part in enumerate(compose.get(name, ())):
            place = f"{at}.compose.{name}[{number}]"
            if not part.get("system") and not part.get("valueSet"):
                yield Issue("A system or a valueSet is needed.", expression=place, code="required")
            for n, said in enumerate(part.get("filter", ())):
                if said["op"] == "regex":
                    try:
                        safe_pattern(said["value"], f"{place}.filter[{n}]")
                    except ShrError as error:
                        yield from error.issues
