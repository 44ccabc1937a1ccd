"""One walk over a parsed resource that notes all that intake needs to know of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from shr_records.domain.numbers import PERSONS, hides_in, number_in_reference

PHONES = frozenset({"phone", "sms", "fax", "pager"})
Node = dict[str, Any]


@dataclass(slots=True)
class Facts:
    """``references`` are Reference objects, ``codings`` (system, code); ``numbers`` must not leave in the clear."""

    references: list[Node] = field(default_factory=list)
    codings: list[tuple[str, str]] = field(default_factory=list)
    numbers: list[str] = field(default_factory=list)
    unsystematic: bool = False


def facts_of(resource: Node) -> Facts:
    """The facts of one resource; ``meta`` is left out, since its labels and tags are ours to judge."""
    facts = Facts()
    references, codings = facts.references, facts.codings
    if resource.get("resourceType") in PERSONS:
        _person(resource, facts.numbers)
    pending: list[Any] = [value for key, value in resource.items() if key != "meta" and type(value) in (dict, list)]
    while pending:
        node = pending.pop()
        if type(node) is list:
            pending.extend(node)
            continue
        if type(node) is not dict:
            continue
        if "reference" in node:
            if type(node["reference"]) is str:
                references.append(node)
                _reference(node, facts.numbers)
        elif "code" in node:
            _coding(node, codings, facts)
        if "value" in node:
            _number(node, facts.numbers)
        if "identifier" in node:
            _person(node, facts.numbers)
        for value in node.values():
            kind = type(value)
            if kind is dict or kind is list:
                pending.append(value)
    return facts


def _coding(node: Node, codings: list[tuple[str, str]], facts: Facts) -> None:
    code = node["code"]
    if type(code) is not str or "value" in node or "linkId" in node:
        return
    system = node.get("system")
    if type(system) is str:
        codings.append((system, code))
    elif system is None:
        facts.unsystematic = True


def _number(node: Node, numbers: list[str]) -> None:
    value = node["value"]
    if type(value) is str and value and (node.get("system") in PHONES or hides_in(node, of_a_person=False)):
        numbers.append(value)


def _reference(node: Node, numbers: list[str]) -> None:
    number = number_in_reference(node["reference"])
    if number is not None:
        numbers.append(number)


def _person(node: Node, numbers: list[str]) -> None:
    """The identifiers of a Patient (or of whom a Reference names) that nobody gave a name."""
    if "resourceType" in node:
        is_person = node["resourceType"] in PERSONS
    else:
        kind = node.get("type") or str(node.get("reference") or "Patient/").rpartition("/")[0].rpartition("/")[2]
        is_person = kind in PERSONS
    held = node.get("identifier")
    for one in (held,) if type(held) is dict else held if type(held) is list else ():
        if is_person and type(one) is dict and hides_in(one, of_a_person=True):
            numbers.append(one["value"])


def expression_of(resource: Node, wanted: Node, at: str) -> str:
    """Where an object stands inside a resource, as a FHIRPath-like expression (for refusals only: it walks again)."""
    pending: list[tuple[str, Any]] = [(at, resource)]
    while pending:
        place, node = pending.pop()
        if node is wanted:
            return place
        if isinstance(node, dict):
            pending.extend((f"{place}.{key}", value) for key, value in node.items())
        elif isinstance(node, list):
            pending.extend((f"{place}[{n}]", value) for n, value in enumerate(node))
    return at
