"""Answers of the index as FHIR resources."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from shr_terminology.domain.answers import Designation, Entry, Expansion, Lookup, Match, Translation, Validation
from shr_terminology.domain.index import designations_in
from shr_terminology.domain.value_sets import ValueSet

Json = dict[str, Any]


def parameters(*found: Json | None) -> Json:
    """A Parameters resource of those that there are."""
    return {"resourceType": "Parameters", "parameter": [one for one in found if one is not None]}


def _said(name: str, kind: str, value: Any) -> Json | None:
    return None if value is None else {"name": name, f"value{kind}": value}


def validation(found: Validation) -> Json:
    """``$validate-code``: result, message, display, and which code was meant."""
    return parameters(
        {"name": "result", "valueBoolean": found.result},
        _said("message", "String", found.message),
        _said("display", "String", found.display),
        _said("system", "Uri", found.system),
        _said("code", "Code", found.code),
        _said("version", "String", found.version),
        {"name": "inactive", "valueBoolean": True} if found.inactive else None,
    )


def lookup(found: Lookup, *, asked: Iterable[str], language: str | None) -> Json:
    """``$lookup``: name, version, display, designations and properties (all, or those asked for)."""
    wanted = set(asked)
    designations = designations_in(found.designations, language)
    show = not wanted or "designation" in wanted
    return parameters(
        {"name": "name", "valueString": found.name},
        _said("version", "String", found.version),
        {"name": "display", "valueString": found.display},
        *({"name": "designation", "part": _designation_parts(one)} for one in designations if show),
        *(
            {
                "name": "property",
                "part": [{"name": "code", "valueCode": code}, {"name": "value", f"value{kind}": value}],
            }
            for code, kind, value in found.properties
            if not wanted or code in wanted or "*" in wanted
        ),
    )


def _designation_parts(one: Designation) -> list[Json]:
    parts = [
        _said("language", "Code", one.language),
        _said("use", "Coding", one.use),
        {"name": "value", "valueString": one.value},
    ]
    return [part for part in parts if part is not None]


def translation(found: Translation) -> Json:
    """``$translate``: result, message, and a match for each target."""
    matches: list[Json] = [{"name": "match", "part": _match_parts(one)} for one in found.matches]
    return parameters(
        {"name": "result", "valueBoolean": found.result}, _said("message", "String", found.message), *matches
    )


def _match_parts(one: Match) -> list[Json]:
    concept = {"system": one.system, "code": one.code, "display": one.display}
    parts = [
        {"name": "equivalence", "valueCode": one.equivalence},
        _said("concept", "Coding", {k: v for k, v in concept.items() if v} if one.code else None),
        {"name": "source", "valueUri": one.source},
    ]
    return [part for part in parts if part is not None]


def expansion(
    found: Expansion, value_set: ValueSet, *, at: datetime, count: int | None, designations: bool, language: str | None
) -> Json:
    """``$expand``: the ValueSet with the asked page of its codes."""
    said: list[Json] = [{"name": "version", "valueUri": one} for one in found.versions]
    if count is not None:
        said.append({"name": "count", "valueInteger": count})
    head = {"url": value_set.url, "version": value_set.version, **value_set.head}
    return {
        "resourceType": "ValueSet",
        **{name: value for name, value in head.items() if value},
        "status": value_set.head.get("status", "active"),
        "expansion": {
            "identifier": f"urn:uuid:{uuid.uuid4()}",
            "timestamp": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "total": found.total,
            "offset": found.offset,
            **({"parameter": said} if said else {}),
            **({"contains": [_entry(e, designations, language) for e in found.entries]} if found.entries else {}),
        },
    }


def _entry(entry: Entry, designations: bool, language: str | None) -> Json:
    named = next(iter(designations_in(entry.designations, language)), None) if language else None
    shown: Json = {"system": entry.system}
    if entry.version:
        shown["version"] = entry.version
    if entry.abstract:
        shown["abstract"] = True
    if entry.inactive:
        shown["inactive"] = True
    shown["code"] = entry.code
    if named or entry.display:
        shown["display"] = named.value if named else entry.display
    if designations and entry.designations:
        shown["designation"] = [
            {k: v for k, v in (("language", d.language), ("use", d.use), ("value", d.value)) if v}
            for d in entry.designations
        ]
    return shown
