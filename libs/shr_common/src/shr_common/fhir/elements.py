"""Finds elements by their datatype: a walk guided by the element tables, so a look-alike elsewhere is never taken.

Serves references, codings and identifiers. Reads parsed resources of any quality: what R4 does not know is skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from shr_common.fhir.tables import RESOURCE, resource_types, table

Node = dict[str, Any]
Path = tuple[str | int, ...]
"""JSON members and list positions from the resource down to the element."""

Found = list[tuple[Path, str, Node]]


def find(resource: Node, kinds: frozenset[str]) -> Found:
    """(path, datatype, object) of every element with one of the datatypes, contained resources included."""
    found: Found = []
    kind = resource.get("resourceType")
    if isinstance(kind, str) and kind in resource_types():
        _visit(resource, kind, (), kinds, found)
    return found


def expression_of(path: Path) -> str:
    """A path as FHIRPath-like text: ``code.coding[0].system``."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


def _visit(node: Node, kind: str, path: Path, kinds: frozenset[str], found: Found) -> None:
    plan = _plan(kind)
    for name, value in node.items():
        step = plan.get(name)
        if step is None:
            if name[:1] == "_" and value:
                for place, item in _objects(value, (*path, name)):
                    _visit(item, "Element", place, kinds, found)
            continue
        inner, only_extensions = step
        is_wanted = inner in kinds
        if isinstance(value, dict):
            if is_wanted:
                found.append(((*path, name), inner, value))
            if not only_extensions or "extension" in value:
                _enter(value, inner, (*path, name), kinds, found)
        elif isinstance(value, list):
            for number, item in enumerate(value):
                if isinstance(item, dict):
                    if is_wanted:
                        found.append(((*path, name, number), inner, item))
                    if not only_extensions or "extension" in item:
                        _enter(item, inner, (*path, name, number), kinds, found)


def _enter(node: Node, kind: str, path: Path, kinds: frozenset[str], found: Found) -> None:
    if kind == RESOURCE:
        kind = node.get("resourceType", "")
        if not isinstance(kind, str) or kind not in resource_types():
            return
    _visit(node, kind, path, kinds, found)


def _objects(value: Any, path: Path) -> Iterator[tuple[Path, Node]]:
    if isinstance(value, dict):
        yield path, value
    elif isinstance(value, list):
        yield from (((*path, number), item) for number, item in enumerate(value) if isinstance(item, dict))


@cache
def _plan(kind: str) -> dict[str, tuple[str, bool]]:
    """Member → (its type, whether only extensions could hold anything of interest below it)."""
    return {
        name: (element.kind, _is_flat(element.kind))
        for name, element in table(kind).elements.items()
        if not element.primitive
    }


@cache
def _is_flat(kind: str) -> bool:
    if kind == RESOURCE:
        return False
    inner = {name for name, element in table(kind).elements.items() if not element.primitive}
    return inner <= {"extension"} and kind != "Extension"
