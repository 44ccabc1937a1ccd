"""Writes the JSON Schemas of R4's types from the element tables: the thorough ones, which know nearly every legal form.

What a schema accepts is valid; what it refuses is judged by the walker. That one-sidedness keeps them small: extensions
on primitives of a list, ids of extensions and values of unusual shape are simply not in them. Their quicker kin are
written by :mod:`shr_common.fhir.schema_source_quick`.
"""

from __future__ import annotations

from collections.abc import Iterable

from shr_common.fhir.primitives import (
    INTEGERS,
    LARGEST_INTEGER,
    LONGEST_STRING,
    PATTERNS,
    PLAIN_URL,
    PLAIN_URN,
    PRIMITIVES,
    RELATIVE_ID,
    URIS,
)
from shr_common.fhir.rules import Schema, asks
from shr_common.fhir.rules_table import RULES
from shr_common.fhir.tables import RESOURCE, Choice, Element, Table, codes, concepts, resource_types, table

LARGEST_PAIRWISE_CHOICE = 16
_NOT_EMPTY: Schema = {"minProperties": 1, "dependentSchemas": {"id": {"minProperties": 2}}}
"""An id alone is no content (ele-1)."""


class SchemaSource:
    """The thorough schemas. They call back, ``fhir-rule`` for rules, as formats ``fhir-narrative``, ``fhir-local``."""

    def schema_of(self, group: Iterable[str]) -> Schema:
        """One schema for ``{type: resource}`` with the given resource types."""
        group = sorted(group)
        definitions = self.common()
        waiting = ["Extension", *group]
        while waiting:
            kind = waiting.pop()
            if kind in definitions:
                continue
            if kind in PRIMITIVES:
                definitions[kind] = self.primitive(kind)
            else:
                definitions[kind] = self.complex(kind, table(kind))
                waiting += [element.kind for element in table(kind).elements.values() if element.kind != RESOURCE]
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$defs": definitions,
            "properties": {name: ref(name) for name in group},
        }

    def common(self) -> dict[str, Schema | bool]:
        """The definitions that are no types of R4."""
        return {
            "Element": _element_sibling(),
            "Reference.reference": self.reference(),
            "Narrative.div": self.narrative(),
        }

    def complex(self, kind: str, entry: Table) -> Schema | bool:
        """A resource, datatype or backbone element."""
        if kind == "Extension":
            return self._extension(entry)
        is_resource = kind in resource_types()
        properties: dict[str, Schema | bool] = {"resourceType": {"const": kind}} if is_resource else {}
        required = [name for name, element in entry.elements.items() if element.required]
        if is_resource:
            required.insert(0, "resourceType")
        schema: Schema = {"type": "object", "properties": properties | self.properties(kind, entry)}
        schema |= {"additionalProperties": False} | ({"required": required} if required else _NOT_EMPTY)
        guards = self.choices(kind, entry)
        guards += [asks(kind, rule.key) if rule.guard is None else rule.guard for rule in RULES.get(kind, ())]
        return guarded(schema, guards)

    def properties(self, kind: str, entry: Table) -> dict[str, Schema | bool]:
        """The members by name, with the ``_name`` siblings of single primitives."""
        found: dict[str, Schema | bool] = {}
        chosen = {name for choice in entry.choices for name in choice.names}
        for name, element in entry.elements.items():
            found[name] = self.property(kind, name, element)
            if element.primitive and not element.many and name not in chosen and name != "id":
                found["_" + name] = ref("Element")
        return found

    def property(self, owner: str, name: str, element: Element) -> Schema | bool:
        """One member of ``owner``; False if no schema can judge it."""
        if element.kind == RESOURCE:
            if owner in resource_types():
                return {"type": "array", "minItems": 1, "items": {"type": "object"}}
            return {"type": "object"} if (owner, name) == ("Bundle.entry", "resource") else False
        schema = self.to(element.kind)
        if (owner, name) in (("Reference", "reference"), ("Narrative", "div")):
            schema = ref(f"{owner}.{name}")
        elif element.binding is not None:
            schema = {"enum": codes(element.binding)} if element.kind == "code" else self.concept(element.binding)
        return {"type": "array", "minItems": 1, "items": schema} if element.many else schema

    def to(self, kind: str) -> Schema:
        """The schema of a member of this type."""
        return ref(kind)

    def concept(self, binding: str) -> Schema:
        """A CodeableConcept with at least one coding of the binding."""
        admitted = [
            {"required": ["system", "code"], "properties": {"system": {"const": system}, "code": {"enum": listed}}}
            for system, listed in concepts(binding).items()
        ]
        coding = {"contains": admitted[0] if len(admitted) == 1 else {"anyOf": admitted}}
        return {"allOf": [ref("CodeableConcept"), {"required": ["coding"], "properties": {"coding": coding}}]}

    def choices(self, kind: str, entry: Table) -> list[Schema]:
        """The guards of the choice elements of ``kind``."""
        return [guard for choice in entry.choices for guard in one_form(choice)]

    def primitive(self, kind: str) -> Schema:
        """A primitive type, by its pattern or range."""
        if kind in INTEGERS:
            return {"type": "integer", "minimum": INTEGERS[kind], "maximum": LARGEST_INTEGER}
        if kind in URIS:
            bare = {"minLength": 1, "pattern": r"^\S*$", "not": {"pattern": "^urn:"}}
            return {"type": "string", "anyOf": [bare, {"pattern": f"^{PLAIN_URN}$"}]}
        if kind in PATTERNS:
            some = {"minLength": 1} if kind == "base64Binary" else {}
            return {"type": "string", **some, "pattern": f"^(?:{PATTERNS[kind]})$"}
        if kind in ("boolean", "decimal"):
            return {"type": "boolean" if kind == "boolean" else "number"}
        return {"type": "string", "minLength": 1, "maxLength": LONGEST_STRING}

    def reference(self) -> Schema:
        """Reference.reference; what is contained is judged by the caller, who collects ``fhir-local``."""
        return {"anyOf": [plain_reference(), {"type": "string", "pattern": "^#", "format": "fhir-local"}]}

    def narrative(self) -> Schema:
        """Narrative.div."""
        return {"type": "string", "format": "fhir-narrative"}

    def _extension(self, entry: Table) -> Schema:
        """A URL and one more member, be it a value, its primitive's sibling or nested extensions (ext-1)."""
        properties = {name: self.property("Extension", name, e) for name, e in entry.elements.items() if name != "id"}
        shape = {"type": "object", "minProperties": 2, "maxProperties": 2, "required": ["url"]}
        return {**shape, "properties": properties, "additionalProperties": False}


def ref(definition: str) -> Schema:
    """A pointer to one of the schema's own definitions."""
    return {"$ref": f"#/$defs/{definition}"}


def plain_reference() -> Schema:
    """A reference to another resource by type and id, or by URL."""
    types = "|".join(sorted(resource_types()))
    return {"type": "string", "pattern": f"^(?:(?:{types}){RELATIVE_ID}|{PLAIN_URL})$"}


def one_form(choice: Choice) -> list[Schema]:
    """At most one of the names, and one if required."""
    names = choice.names
    if len(names) > LARGEST_PAIRWISE_CHOICE:
        present: list[Schema] = [{"required": [name]} for name in names]
        return [{"oneOf": present if choice.required else [*present, {"not": {"anyOf": present}}]}]
    guards: list[Schema] = []
    if len(names) > 1:
        later = {name: {"properties": dict.fromkeys(names[n + 1 :], False)} for n, name in enumerate(names[:-1])}
        guards.append({"dependentSchemas": later})
    if choice.required:
        guards.append({"anyOf": [{"required": [name]} for name in names]})
    return guards


def guarded(schema: Schema, guards: list[Schema]) -> Schema:
    """The schema with all guards, merged into it where that says the same: much quicker than ``allOf``."""
    others = []
    for guard in guards:
        merged = _merged(schema, guard)
        if merged is None:
            others.append(guard)
        else:
            schema = merged
    return {**schema, "allOf": others} if others else schema


def _merged(one: Schema, other: Schema) -> Schema | None:
    """One schema that asks for both; None where their keywords collide."""
    both = dict(one)
    for keyword, value in other.items():
        if keyword not in one:
            both[keyword] = value
        elif keyword in ("dependentSchemas", "dependentRequired") and not one[keyword].keys() & value.keys():
            both[keyword] = {**one[keyword], **value}
        elif keyword == "properties":
            both[keyword] = {**one[keyword], **{name: _met(one, name, part) for name, part in value.items()}}
        elif keyword == "items":
            both[keyword] = _met({"properties": one}, keyword, value)
        else:
            return None
    return both


def _met(one: Schema, name: str, part: Schema | bool) -> Schema | bool:
    """What the member must be by ``one`` and by ``part``."""
    own = one["properties"].get(name, "additionalProperties" not in one)
    if isinstance(own, bool) or isinstance(part, bool):
        return part if own is True else own if part is True else False
    merged = _merged(own, part)
    return {"allOf": [own, part]} if merged is None else merged


def _element_sibling() -> Schema:
    extension = {"type": "array", "minItems": 1, "items": ref("Extension")}
    return {
        "type": "object",
        "required": ["extension"],
        "properties": {"extension": extension},
        "additionalProperties": False,
    }
