"""The located check: walks one resource by the element tables and says everything that is wrong with it.

Slower than the compiled schemas and exact where they are merely cautious, so it has the last word.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from shr_common.errors import Issue
from shr_common.fhir import narrative, words
from shr_common.fhir.contained_rules import contained_issues
from shr_common.fhir.primitives import RELATIVE_ID, is_valid
from shr_common.fhir.rules import Node
from shr_common.fhir.rules_table import RULES
from shr_common.fhir.tables import RESOURCE, Element, Table, codes, concepts, resource_types, table

MOST_ISSUES = 1000
_REFERENCE_BY_ID = re.compile(rf"[A-Z][A-Za-z]+{RELATIVE_ID}")
_CONDITIONAL_REFERENCE = re.compile(r"[A-Z][A-Za-z]+\?\S+")
_RELATIVE_REFERENCE = re.compile(r"([A-Z][A-Za-z]+)[/?]")
_ABSOLUTE_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:\S+")
_SIBLING_PARTS = frozenset({"id", "extension"})


class EnoughError(Exception):
    """Raised when the list of issues is full."""


class Walker:
    """One resource's walk.

    ``nested`` judges a resource inside of this one (a bundle's entry, a parameter); contained resources are walked
    here, since they share the references of their container.
    """

    def __init__(self, issues: list[Issue], nested: Callable[[Any, str], None]) -> None:
        self._issues = issues
        self._nested = nested
        self._local_references: list[tuple[str, str]] = []
        self._canonicals: set[str] = set()

    def resource(self, resource: Any, at: str) -> None:
        """Check the resource with what it contains; issues go to the list given."""
        if not self._has_known_type(resource, at):
            return
        kind = resource["resourceType"]
        self._object(resource, kind, at or kind)
        for issue in contained_issues(resource, at or kind, self._local_references, self._canonicals):
            self._add(issue)

    def _has_known_type(self, resource: Any, at: str) -> bool:
        kind = resource.get("resourceType") if isinstance(resource, dict) else None
        if isinstance(kind, str) and kind in resource_types():
            return True
        self._add(
            words.unknown_type(at, kind) if isinstance(resource, dict) else words.not_an_object(at, resource, RESOURCE)
        )
        return False

    def _add(self, issue: Issue) -> None:
        if len(self._issues) >= MOST_ISSUES:
            raise EnoughError
        self._issues.append(issue)

    def _object(self, node: Any, kind: str, at: str) -> None:
        if not isinstance(node, dict):
            self._add(words.not_single(at) if isinstance(node, list) else words.not_an_object(at, node, kind))
            return
        if not node or (node.keys() == {"id"} and kind not in resource_types()):
            self._add(words.empty(at, {}))
            return
        entry = table(kind)
        for name, value in node.items():
            self._member(node, name, value, entry, kind, at)
        self._presence(node, entry, kind, at)
        for rule in RULES.get(kind, ()):
            if not rule.holds(node):
                self._add(words.broken(f"{at}.{rule.at}" if rule.at else at, rule.key, rule.en, rule.bn))

    def _member(self, node: Node, name: str, value: Any, entry: Table, kind: str, at: str) -> None:
        element = entry.elements.get(name)
        if element is not None:
            self._element(value, node.get("_" + name), element, f"{at}.{name}", owner=kind)
            return
        if name == "resourceType" and kind in resource_types():
            return
        element = entry.elements.get(name[1:]) if name.startswith("_") else None
        if element is None or not element.primitive or (kind, name) == ("Extension", "_url"):
            self._add(words.unknown_property(at, name, kind, entry.elements))
        elif element.many:
            self._siblings(value, node.get(name[1:]), f"{at}.{name}")
        else:
            self._sibling(value, f"{at}.{name}", has_value=name[1:] in node)

    def _presence(self, node: Node, entry: Table, kind: str, at: str) -> None:
        for name, element in entry.elements.items():
            if element.required and name not in node and "_" + name not in node:
                self._add(words.missing(at, name, kind))
        for choice in entry.choices:
            found = [name for name in choice.names if name in node or "_" + name in node]
            if len(found) > 1:
                self._add(words.more_than_one_choice(at, found))
            if choice.required and not found:
                self._add(words.missing_choice(at, choice.names, kind))
        if kind == "Extension":
            self._extension(node, entry, at)

    def _extension(self, node: Node, entry: Table, at: str) -> None:
        has_value = any(name in node or "_" + name in node for choice in entry.choices for name in choice.names)
        if has_value == ("extension" in node):
            en = "An extension has either a value or nested extensions."
            self._add(words.broken(at, "ext-1", en, "একটি extension-এ মান অথবা ভিতরের extension, যেকোনো একটি থাকবে।"))

    def _element(self, value: Any, sibling: Any, element: Element, at: str, *, owner: str) -> None:
        if not element.many:
            self._value(value, element, at, owner=owner)
            return
        if not isinstance(value, list):
            self._add(words.empty(at, None) if value is None else words.not_a_list(at, value))
            return
        if not value:
            self._add(words.empty(at, value))
        for number, item in enumerate(value):
            place = f"{at}[{number}]"
            if item is None and element.primitive and _has_sibling(sibling, number):
                continue
            self._value(item, element, place, owner=owner)

    def _value(self, value: Any, element: Element, at: str, *, owner: str) -> None:
        if value is None:
            self._add(words.empty(at, None))
        elif isinstance(value, list):
            self._add(words.not_single(at) if value else words.empty(at, value))
        elif element.kind == RESOURCE:
            self._inner_resource(value, at)
        elif element.primitive:
            self._primitive(value, element, at, owner=owner)
        else:
            self._object(value, element.kind, at)
            if element.binding is not None and isinstance(value, dict):
                self._bound_concept(value, concepts(element.binding), at)

    def _primitive(self, value: Any, element: Element, at: str, *, owner: str) -> None:
        if element.kind == "code" and element.binding is not None:
            if value not in codes(element.binding):
                self._add(words.bad_code(at, value, codes(element.binding)))
        elif not is_valid(element.kind, value):
            self._add(words.bad_primitive(at, value, element.kind))
        elif element.kind == "xhtml":
            self._narrative(value, at)
        elif (owner, at.rpartition(".")[2]) == ("Reference", "reference"):
            self._reference(value, at)
        elif element.kind in ("canonical", "uri", "url"):
            self._canonicals.add(value)

    def _narrative(self, div: str, at: str) -> None:
        fault = narrative.fault(div)
        if fault is not None:
            en = f"The narrative may hold basic XHTML formatting only, but there is {fault}: take it out."
            bn = f"বর্ণনায় শুধু সাধারণ XHTML বিন্যাস চলে, কিন্তু পাওয়া গেছে {fault}: এটি বাদ দিন।"
            self._add(words.broken(at, "txt-1", en, bn))

    def _reference(self, reference: str, at: str) -> None:
        if reference.startswith("#"):
            self._local_references.append((reference[1:], at))
            return
        if _is_reference(reference):
            return
        en = f"{words.shown(reference)} is not a reference: write Type/id, an absolute URL, urn:uuid:… or #id."
        bn = f"{words.shown(reference)} সঠিক reference নয়: Type/id, পূর্ণ URL, urn:uuid:… বা #id লিখুন।"
        self._add(words.broken(at, "reference", en, bn, code="value"))

    def _bound_concept(self, concept: Node, admitted: dict[str, list[str]], at: str) -> None:
        codings = concept.get("coding")
        for coding in codings if isinstance(codings, list) else ():
            if isinstance(coding, dict) and coding.get("code") in admitted.get(str(coding.get("system")), ()):
                return
        self._add(words.bad_concept(at, admitted))

    def _siblings(self, siblings: Any, values: Any, at: str) -> None:
        if not isinstance(siblings, list):
            self._add(words.not_a_list(at, siblings))
            return
        if not siblings or all(item is None for item in siblings):
            self._add(words.empty(at, siblings or []))
        if isinstance(values, list) and len(values) != len(siblings):
            en = "The list and its extensions (the name with “_”) must be of equal length: fill the gaps with null."
            bn = "তালিকা ও তার extension-এর তালিকা (“_” সহ নাম) সমান দীর্ঘ হতে হবে: ফাঁকা স্থানে null দিন।"
            self._add(words.broken(at, "extensions-of-a-list", en, bn, code="structure"))
        for number, item in enumerate(siblings):
            if item is not None:
                has_value = isinstance(values, list) and number < len(values) and values[number] is not None
                self._sibling(item, f"{at}[{number}]", has_value=has_value)

    def _sibling(self, node: Any, at: str, *, has_value: bool) -> None:
        """The ``_name`` object beside a primitive: an id, extensions, and nothing else."""
        if not isinstance(node, dict):
            self._add(words.empty(at, None) if node is None else words.not_an_object(at, node, "Element"))
            return
        if not node or (not has_value and "extension" not in node):
            self._add(words.empty(at, {}))
        extension = table("Element").elements
        for name, value in node.items():
            if name not in _SIBLING_PARTS:
                self._add(words.unknown_property(at, name, "Element", _SIBLING_PARTS))
            else:
                self._element(value, None, extension[name], f"{at}.{name}", owner="Element")

    def _inner_resource(self, value: Any, at: str) -> None:
        if at.rpartition(".")[2].startswith("contained["):
            if self._has_known_type(value, at):
                self._object(value, value["resourceType"], at)
        else:
            self._nested(value, at)


def _has_sibling(siblings: Any, number: int) -> bool:
    return isinstance(siblings, list) and number < len(siblings) and isinstance(siblings[number], dict)


def _is_reference(reference: str) -> bool:
    """``Type/id`` with a type of R4, a search instead of an id (transactions), or any absolute URI."""
    relative = _RELATIVE_REFERENCE.match(reference)
    if relative is not None:
        by_id = _REFERENCE_BY_ID.fullmatch(reference) or _CONDITIONAL_REFERENCE.fullmatch(reference)
        return relative[1] in resource_types() and by_id is not None
    return _ABSOLUTE_URI.fullmatch(reference) is not None and is_valid("uri", reference)
