"""Compiled JSON Schemas: the fast path. What they accept is valid; what they refuse is judged by the walker.

Two kinds: the quick ones (clinical types only) pass most resources, the thorough ones nearly all valid ones. Types are
compiled in groups on first use, because the datatypes, which cost most of the memory, are then compiled once per group.
A process that met valid and invalid clinical resources holds about 25 MB of them, one that met all 146 types 36 MB.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache
from typing import Any

import jsonschema_rs

from shr_common.fhir import narrative
from shr_common.fhir.periods import Places, places_of
from shr_common.fhir.rules_table import RULES
from shr_common.fhir.schema_source import SchemaSource, ref
from shr_common.fhir.schema_source_quick import QuickSchemaSource
from shr_common.fhir.tables import resource_types

_CLINICAL = """
    AllergyIntolerance Appointment AuditEvent Bundle CarePlan CareTeam Communication Composition Condition Consent
    Coverage Device DiagnosticReport DocumentReference Encounter EpisodeOfCare HealthcareService ImagingStudy
    Immunization List Location Medication MedicationAdministration MedicationDispense MedicationRequest
    MedicationStatement Observation Organization Parameters Patient Practitioner PractitionerRole Procedure
    Provenance QuestionnaireResponse RelatedPerson Schedule ServiceRequest Slot Specimen Task
"""
CLINICAL = frozenset(_CLINICAL.split())
OTHERS_PER_GROUP = 24

Test = Callable[[Any], bool]
"""Takes ``{type: resource}``."""

_local = threading.local()
_DIV = "Narrative.div"
QUICK: dict[str, tuple[Test, Places]] = {}
"""Clinical type met before → its quick test, and the Periods whose order remains to be checked."""


def learn(resource: Any) -> bool:
    """Prepare the quick test for resources of this type; False if there is none or it is there already."""
    kind = resource.get("resourceType") if isinstance(resource, dict) else None
    if not isinstance(kind, str) or kind not in CLINICAL or kind == "Bundle" or kind in QUICK:
        return False
    QUICK[kind] = _quick_validator().is_valid, places_of(kind)
    return True


def accepts(resource_type: str, resource: dict[str, Any], local_references: list[str]) -> bool:
    """Whether the thorough schema of a known type accepts the resource, whatever is contained in it.

    ``#id`` references are added to ``local_references``: whether they lead somewhere is for the caller to say.
    """
    _local.references = local_references
    try:
        return _validator(_group_of(resource_type)).is_valid({resource_type: resource})
    finally:
        _local.references = None


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
        SchemaSource().schema_of(group),
        formats={"fhir-narrative": _is_safe_narrative, "fhir-local": _note_local_reference},
        validate_formats=True,
        keywords={"fhir-rule": _PythonRule},
        pattern_options=jsonschema_rs.RegexOptions(),
    )


@cache
def _quick_validator() -> jsonschema_rs.Validator:
    schema = QuickSchemaSource().schema_of(CLINICAL - {"Bundle"})
    schema["properties"][_DIV] = ref(_DIV)
    return jsonschema_rs.validator_for(schema, pattern_options=jsonschema_rs.RegexOptions())


def _is_safe_narrative(div: str) -> bool:
    is_plain = bool(QUICK) and _quick_validator().is_valid({_DIV: div})  # not worth its memory for this alone
    return is_plain or narrative.fault(div) is None


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
