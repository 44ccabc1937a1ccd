"""SearchParameters → ``{type: {name: [kind, [path…], [target type…]]}}`` with paths as JSON property names.

FHIRPath expressions of R4's parameters use a small language (unions, ``as``, ``where(resolve() is T)``); what lies
outside of it (phonetic keys, existence tests) is left out and belongs to whoever serves that parameter by hand.
"""

from __future__ import annotations

import re
from typing import Any

from .package import Package

ANY = ("Resource", "DomainResource")
MANY_TARGETS = 100
"""A parameter with more targets than this may name any resource; its list is left empty."""


def search_parameters_of(package: Package, definitions: dict[str, Any]) -> dict[str, Any]:
    """The table for every resource type, parameters of Resource and DomainResource included."""
    table: dict[str, dict[str, list[Any]]] = {name: {} for name in definitions["resources"]}
    for parameter in package.read("SearchParameter"):
        if "expression" not in parameter or parameter["type"] == "composite":
            continue
        for base in parameter["base"]:
            for resource in definitions["resources"] if base in ANY else [base]:
                paths, targets = _paths(parameter["expression"], base, resource, definitions["types"])
                if paths:
                    allowed = targets or parameter.get("target", [])
                    if len(allowed) > MANY_TARGETS:
                        allowed = []
                    table[resource][parameter["code"]] = [parameter["type"], sorted(set(paths)), sorted(set(allowed))]
    return table


def _paths(expression: str, base: str, resource: str, types: dict[str, Any]) -> tuple[list[str], list[str]]:
    paths: list[str] = []
    targets: list[str] = []
    for part in re.split(r"\s*\|\s*", expression):
        term = part.strip().removeprefix("(").removesuffix(")") if part.strip().startswith("(") else part.strip()
        term, _, cast = term.partition(" as ")
        if found := re.search(r"\.as\((\w+)\)", term):
            cast = found[1]
        if found := re.search(r"\.where\(resolve\(\) is (\w+)\)", term):
            targets.append(found[1])
        term = re.sub(r"\.(as|where)\((resolve\(\) is )?\w+\)|\[0\]", "", term)
        root, _, steps = term.partition(".")
        if root == base and re.fullmatch(r"[A-Za-z.]+", steps):
            paths += _concrete(steps.split("."), resource, resource, cast.strip("() "), types)
    return paths, targets


def _concrete(steps: list[str], root: str, path: str, cast: str, types: dict[str, Any]) -> list[str]:
    """Walk the element tables, so that a choice element becomes its JSON property names."""
    entry = types[root].get(path)
    if entry is None:
        return []
    name, rest = steps[0], steps[1:]
    elements: dict[str, str] = entry["elements"]
    names = [name] if name in elements else [n for n in elements if re.fullmatch(name + "[A-Z][A-Za-z0-9]*", n)]
    if cast and not rest and name not in elements:
        names = [n for n in names if n == name + cast[0].upper() + cast[1:]]
    found: list[str] = []
    for each in names:
        kind = elements[each].partition("|")[0].rstrip("!*+")
        if not rest:
            found.append(each)
            continue
        owner = kind.partition(".")[0]
        if owner in types:
            found += [f"{each}.{deeper}" for deeper in _concrete(rest, owner, kind, cast, types)]
    return found
