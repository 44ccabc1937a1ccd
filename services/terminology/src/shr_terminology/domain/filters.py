"""ValueSet filters (R4 filter-operator) over one code system, as the set of codes that pass."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from shr_common.errors import ShrError, invalid

from shr_terminology.domain.code_systems import PARENTS, CodeSystem, Concept

CONCEPT = frozenset({"concept", "code"})
PATTERN_LIMIT = 200
UNBOUNDED_LIMIT = 3
_REPEATED_GROUP = re.compile(r"(?<!\\)\)[*+{]")
_UNBOUNDED = re.compile(r"(?<!\\)[*+]|(?<!\\)\{\d+,\d*\}")


def codes_passing(system: CodeSystem, *, property: str, op: str, value: str, at: str) -> frozenset[str]:
    """The codes that a filter lets pass. Raises invalid, located at ``at``, for one that cannot be applied."""
    if property in CONCEPT and op in _BY_CODE:
        return frozenset(_BY_CODE[op](system, value))
    test = _test(op, value, at)
    passing = (c.code for c in system.concepts.values() if any(test(said) for said in _values(system, c, property)))
    if op == "exists" and value == "false":
        having = {c.code for c in system.concepts.values() if next(_values(system, c, property), None) is not None}
        return frozenset(system.concepts.keys() - having)
    if op == "not-in":
        excluded = frozenset(value.split(","))
        return frozenset(
            c.code for c in system.concepts.values() if not any(v in excluded for v in _values(system, c, property))
        )
    return frozenset(passing)


def _is_a(system: CodeSystem, value: str) -> set[str]:
    return (system.descendants(value) | {value}) & system.concepts.keys()


_BY_CODE: Mapping[str, Callable[[CodeSystem, str], set[str]]] = {
    "is-a": _is_a,
    "descendent-of": lambda system, value: system.descendants(value) - {value},
    "is-not-a": lambda system, value: system.concepts.keys() - _is_a(system, value),
    "generalizes": lambda system, value: (system.ancestors(value) | {value}) & system.concepts.keys(),
}
"""Operators that ask about the hierarchy."""


def _values(system: CodeSystem, concept: Concept, property: str) -> Iterator[str]:
    """What a concept has of a property, as text; the named parts of a concept count as properties."""
    if property in CONCEPT:
        yield concept.code
    elif property == "display":
        if concept.display is not None:
            yield concept.display
    elif property == "definition":
        if concept.definition is not None:
            yield concept.definition
    elif property == "inactive" and not any(code == "inactive" for code, _, _ in concept.properties):
        yield str(concept.inactive).lower()
    elif property in PARENTS:
        yield from concept.parents
    elif property == "child":
        yield from concept.children
    else:
        for code, _, value in concept.properties:
            if code == property:
                yield _text(value)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value.get("code", "")) if isinstance(value, dict) else str(value)


def _test(op: str, value: str, at: str) -> Callable[[str], bool]:
    if op == "=":
        return lambda said: said == value
    if op == "in":
        choices = frozenset(value.split(","))
        return lambda said: said in choices
    if op == "regex":
        pattern = safe_pattern(value, at)
        return lambda said: pattern.fullmatch(said[:1000]) is not None
    if op in ("exists", "not-in"):
        return lambda _said: True
    raise _refused(at, f"The filter operator {op[:20]} cannot be applied to this property here.")


def safe_pattern(text: str, at: str) -> re.Pattern[str]:
    """A compiled pattern whose matching cannot take exponential time."""
    if len(text) > PATTERN_LIMIT:
        raise _refused(f"{at}.value", f"The pattern is longer than {PATTERN_LIMIT} characters.")
    if _REPEATED_GROUP.search(text) or re.search(r"\(\?(?!:)|\\[1-9]", text):
        raise _refused(
            f"{at}.value", "A pattern may not repeat a group, look around or refer back: it could take too long."
        )
    if len(_UNBOUNDED.findall(text)) > UNBOUNDED_LIMIT:
        raise _refused(f"{at}.value", f"A pattern may have {UNBOUNDED_LIMIT} unbounded repetitions at most.")
    try:
        return re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise _refused(f"{at}.value", f"This is no regular expression: {str(error)[:100]}.") from None


def _refused(at: str, text: str) -> ShrError:
    return invalid(text, expression=at, code="not-supported")
