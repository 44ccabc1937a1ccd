"""Compiled JSON Schemas: the fast path. What they accept is valid; what they refuse is judged by the walker.

That one-sidedness keeps them small and quick: rare but legal forms (extensions on primitives of a list, ids of
extensions, a value of unusual shape) are simply not in the schema. Types are compiled in groups on first use, because
the datatypes, which cost most of the memory, are then compiled once per group: about 28 MB for all 146 types in five
groups, 145 MB one by one. The clinical group (15 MB) is what a running service usually holds.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache
from typing import Any

import jsonschema_rs

from shr_common.fhir import narrative
from shr_common.fhir.narrative_pattern import HAS_TEXT, plain_narrative
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
from shr_common.fhir.rules import asks
from shr_common.fhir.rules_table import RULES
from shr_common.fhir.tables import RESOURCE, Element, Table, codes, concepts, resource_types, table

Schema = dict[str, Any]

_CLINICAL = """
    AllergyIntolerance Appointment Bundle CarePlan Communication Composition Condition Consent Coverage Device
    DiagnosticReport DocumentReference Encounter EpisodeOfCare ImagingStudy Immunization List Location
    Medication MedicationAdministration MedicationDispense MedicationRequest MedicationStatement Observation
    Organization Parameters Patient Practitioner PractitionerRole Procedure Provenance QuestionnaireResponse
    RelatedPerson ServiceRequest Specimen Task
"""
CLINICAL = frozenset(_CLINICAL.split())
_NOT_EMPTY: Schema = {"minProperties": 1, "dependentSchemas": {"id": {"minProperties": 2}}}
"""An id alone is no content (ele-1)."""
OTHERS_PER_GROUP = 24
LARGEST_PAIRWISE_CHOICE = 16

_local = threading.local()
COMPILED: dict[str, Callable[[Any], bool]] = {}
"""Resource type → its test, for the types met so far."""


def accepts(resource_type: str, resource: dict[str, Any], local_references: list[str]) -> bool:
    """Whether the compiled schema of a known type accepts the resource.

    ``#id`` references are added to ``local_references``: whether they lead somewhere is for the caller to say.
    """
    _local.references = local_references
    try:
        return compiled(resource_type)({resource_type: resource})
    finally:
        _local.references = None


def compiled(resource_type: str) -> Callable[[Any], bool]:
    """The test for ``{type: resource}``, compiled on first use; by itself it refuses ``#id`` references."""
    test = COMPILED.get(resource_type)
    if test is None:
        test = COMPILED[resource_type] = _validator(_group_of(resource_type)).is_valid
    return test


@cache
def _group_of(resource_type: str) -> frozenset[str]:
    if resource_type in CLINICAL:
        return CLINICAL
    others = sorted(resource_types() - CLINICAL)
    first = others.index(resource_type) // OTHERS_PER_GROUP * OTHERS_PER_GROUP
    return frozenset(others[first : first + OTHERS_PER_GROUP])


@cache
def _validator(group: frozenset[str]) -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for(
        schema_of(group),
        formats={"fhir-narrative": _is_safe_narrative, "fhir-local": _note_local_reference},
        validate_formats=True,
        keywords={"fhir-rule": _PythonRule},
        pattern_options=jsonschema_rs.RegexOptions(),
    )


def schema_of(group: frozenset[str]) -> Schema:
    """One schema for ``{type: resource}`` with the given resource types."""
    definitions: dict[str, Schema] = {"Element": _element_sibling(), "Reference.reference": _reference()}
    waiting = ["Extension", *group]
    while waiting:
        kind = waiting.pop()
        if kind in definitions:
            continue
        if kind in PRIMITIVES:
            definitions[kind] = _primitive(kind)
        else:
            definitions[kind] = _complex(kind, table(kind))
            waiting += [element.kind for element in table(kind).elements.values() if element.kind != RESOURCE]
    if group is CLINICAL:
        definitions["Narrative"]["properties"]["div"] = _plain_or_judged_narrative()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$defs": definitions,
        "type": "object",
        "properties": {name: _ref(name) for name in sorted(group)},
    }


def _complex(kind: str, entry: Table) -> Schema:
    if kind == "Extension":
        return _extension(entry)
    is_resource = kind in resource_types()
    properties: dict[str, Schema | bool] = {"resourceType": {"const": kind}} if is_resource else {}
    chosen = {name for choice in entry.choices for name in choice.names}
    for name, element in entry.elements.items():
        properties[name] = _property(kind, name, element)
        if element.primitive and not element.many and name not in chosen and name != "id":
            properties["_" + name] = _ref("Element")
    required = [name for name, element in entry.elements.items() if element.required]
    guards = [guard for choice in entry.choices for guard in _choice(choice.required, choice.names)]
    guards += [asks(kind, rule.key) if rule.guard is None else rule.guard for rule in RULES.get(kind, ())]
    if is_resource:
        required.insert(0, "resourceType")
    schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    schema |= {"required": required} if required else _NOT_EMPTY
    return _guarded(schema, guards)


def _guarded(schema: Schema, guards: list[Schema]) -> Schema:
    """The schema with all guards, side by side where their keywords differ: that is quicker than ``allOf``."""
    others = []
    for guard in guards:
        if guard.keys() & schema.keys():
            others.append(guard)
        else:
            schema |= guard
    return {**schema, "allOf": others} if others else schema


def _property(owner: str, name: str, element: Element) -> Schema | bool:
    if element.kind == RESOURCE:
        if owner in resource_types():
            return {"type": "array", "minItems": 1, "items": {"type": "object"}}
        return {"type": "object"} if (owner, name) == ("Bundle.entry", "resource") else False
    schema = _ref(element.kind)
    if (owner, name) == ("Reference", "reference"):
        schema = _ref("Reference.reference")
    elif (owner, name) == ("Narrative", "div"):
        schema = {"type": "string", "format": "fhir-narrative"}
    elif element.binding is not None:
        schema = {"enum": codes(element.binding)} if element.kind == "code" else _bound_concept(element.binding)
    return {"type": "array", "minItems": 1, "items": schema} if element.many else schema


def _bound_concept(binding: str) -> Schema:
    admitted = [
        {"required": ["system", "code"], "properties": {"system": {"const": system}, "code": {"enum": listed}}}
        for system, listed in concepts(binding).items()
    ]
    coding = {"contains": admitted[0] if len(admitted) == 1 else {"anyOf": admitted}}
    return {"allOf": [_ref("CodeableConcept"), {"required": ["coding"], "properties": {"coding": coding}}]}


def _choice(required: bool, names: tuple[str, ...]) -> list[Schema]:
    """At most one of the names, and one if required."""
    if len(names) > LARGEST_PAIRWISE_CHOICE:
        present: list[Schema] = [{"required": [name]} for name in names]
        return [{"oneOf": present if required else [*present, {"not": {"anyOf": present}}]}]
    guards: list[Schema] = []
    if len(names) > 1:
        later = {name: {"properties": dict.fromkeys(names[n + 1 :], False)} for n, name in enumerate(names[:-1])}
        guards.append({"dependentSchemas": later})
    if required:
        guards.append({"anyOf": [{"required": [name]} for name in names]})
    return guards


def _extension(entry: Table) -> Schema:
    """A URL and one more member, be it a value, its primitive's sibling or nested extensions (ext-1)."""
    properties = {name: _property("Extension", name, e) for name, e in entry.elements.items() if name != "id"}
    shape = {"type": "object", "minProperties": 2, "maxProperties": 2, "required": ["url"]}
    return {**shape, "properties": properties, "additionalProperties": False}


def _element_sibling() -> Schema:
    extension = {"type": "array", "minItems": 1, "items": _ref("Extension")}
    return {
        "type": "object",
        "required": ["extension"],
        "properties": {"extension": extension},
        "additionalProperties": False,
    }


def _reference() -> Schema:
    types = "|".join(sorted(resource_types()))
    plain = {"type": "string", "pattern": f"^(?:(?:{types}){RELATIVE_ID}|{PLAIN_URL})$"}
    return {"anyOf": [plain, {"type": "string", "pattern": "^#", "format": "fhir-local"}]}


def _primitive(kind: str) -> Schema:
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


def _plain_or_judged_narrative() -> Schema:
    """Costs 5 MB and saves most resources the exact check; only the clinical group has it."""
    plain = {"allOf": [{"pattern": plain_narrative()}, {"pattern": HAS_TEXT}]}
    return {"type": "string", "anyOf": [plain, {"format": "fhir-narrative"}]}


def _ref(kind: str) -> Schema:
    return {"$ref": f"#/$defs/{kind}"}


def _is_safe_narrative(div: str) -> bool:
    return narrative.fault(div) is None


def _note_local_reference(reference: str) -> bool:
    """Accepted only where somebody wants to know: without contained resources it leads nowhere."""
    wanted: list[str] | None = getattr(_local, "references", None)
    if wanted is None or len(reference) < 2:
        return False
    wanted.append(reference)
    return True


class _PythonRule:
    """The schema keyword that calls a rule's own predicate where no JSON Schema can say it (a period's order)."""

    def __init__(self, parent_schema: dict[str, Any], value: Any, schema_path: list[str | int]) -> None:
        kind, key = value
        (self._holds,) = (rule.holds for rule in RULES[kind] if rule.key == key)

    def validate(self, instance: Any) -> None:
        """Raise if the rule is broken; the text is never shown."""
        if isinstance(instance, dict) and not self._holds(instance):
            raise ValueError("broken")
