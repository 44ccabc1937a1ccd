"""What an R4 invariant is here: a predicate for the located finding and a guard for the fast path.

A guard is a JSON Schema fragment that may refuse too much, never too little: what it refuses is judged by the
predicate. A rule without a guard calls its predicate from within the compiled schema.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Node = dict[str, Any]
Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rule:
    """One invariant of R4: ``key`` as published, ``en``/``bn`` say what to mend, ``at`` names where to look."""

    key: str
    holds: Callable[[Node], bool]
    en: str
    bn: str
    guard: Schema | None = None
    at: str = ""


def has(node: Node, name: str) -> bool:
    """Whether the element is there, be it by its extensions alone."""
    return name in node or "_" + name in node


def has_choice(node: Node, stem: str) -> bool:
    """Whether any form of the choice element ``stem[x]`` is there."""
    return any(key.lstrip("_").startswith(stem) and key.lstrip("_")[len(stem) :][:1].isupper() for key in node)


def items(node: Node, name: str) -> list[Node]:
    """The objects under ``name``, however malformed the node is."""
    value = node.get(name)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def has_code(concept: Any, system: str, *codes: str) -> bool:
    """Whether a CodeableConcept has one of these codes of the system."""
    return isinstance(concept, dict) and any(
        coding.get("system") == system and coding.get("code") in codes for coding in items(concept, "coding")
    )


# --- guards -------------------------------------------------------------------------------------------------------


def asks(kind: str, key: str) -> Schema:
    """The predicate of the rule ``key`` about ``kind``, called from within the compiled schema."""
    return {"fhir-rule": [kind, key]}


def needs(name: str, *others: str) -> Schema:
    """With ``name`` all ``others`` are there."""
    return {"dependentRequired": {name: list(others)}}


def excludes(name: str, *others: str) -> Schema:
    """With ``name`` none of ``others`` is there."""
    return {"dependentSchemas": {name: {"properties": dict.fromkeys(others, False)}}}


def either(*names: str) -> Schema:
    """At least one is there."""
    return {"anyOf": [{"required": [name]} for name in names]}


def never(*names: str) -> Schema:
    """None is there; what has one is judged by the predicate."""
    return {"properties": dict.fromkeys(names, False)}


def coded(name: str, *codes: str) -> Schema:
    """The CodeableConcept ``name`` has one coding, with one of these codes (systems are the binding's affair)."""
    coding = {
        "type": "array",
        "maxItems": 1,
        "items": {"required": ["code"], "properties": {"code": {"enum": [*codes]}}},
    }
    return {"required": [name], "properties": {name: {"required": ["coding"], "properties": {"coding": coding}}}}


def neither_entered_in_error(name: str) -> Schema:
    """No coding of the CodeableConcept ``name`` says entered-in-error."""
    coding = {"items": {"properties": {"code": {"not": {"const": "entered-in-error"}}}}}
    return {"properties": {name: {"properties": {"coding": coding}}}}


# --- rules of a common form ---------------------------------------------------------------------------------------


def any_of(key: str, *names: str) -> Rule:
    """At least one of the elements."""
    listed = ", ".join(names[:-1]) + " or " + names[-1]
    bangla = ", ".join(names[:-1]) + " বা " + names[-1]
    return Rule(key, lambda node: any(has(node, n) for n in names), f"Give {listed}.", f"{bangla} দিন।", either(*names))


def not_both(key: str, name: str, other: str) -> Rule:
    return Rule(
        key,
        lambda node: not (has(node, name) and has(node, other)),
        f"{name} and {other} exclude each other: leave one out.",
        f"{name} ও {other} একসাথে থাকতে পারে না: একটি বাদ দিন।",
        excludes(name, other),
        name,
    )
