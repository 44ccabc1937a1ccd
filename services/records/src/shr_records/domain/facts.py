"""One walk over a parsed resource that notes all that intake needs to know of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from shr_common.identifiers import BRN, NID

PHONES = frozenset({"phone", "sms", "fax", "pager"})
MASKED_SYSTEMS = frozenset({NID, BRN})
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
        elif "code" in node:
            _coding(node, codings, facts)
        if "value" in node and "system" in node:
            _number(node, facts.numbers)
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
    if type(value) is str and value and (node["system"] in MASKED_SYSTEMS or node["system"] in PHONES):
        numbers.append(value)


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
