"""Where a resource stands in the profile, and how much of it is shown at once."""

from __future__ import annotations

SECTIONS = ("allergies", "problems", "medicines", "immunisations", "results", "procedures", "encounters")
OTHER = "other"
"""In the timeline only."""

_SECTION_OF = {
    "AllergyIntolerance": "allergies",
    "Condition": "problems",
    "MedicationRequest": "medicines",
    "MedicationStatement": "medicines",
    "MedicationDispense": "medicines",
    "MedicationAdministration": "medicines",
    "Immunization": "immunisations",
    "Observation": "results",
    "DiagnosticReport": "results",
    "Procedure": "procedures",
    "Encounter": "encounters",
}
_NO_EVENT = frozenset({
    "Patient", "RelatedPerson", "Person", "Practitioner", "PractitionerRole", "Organization", "Location", "Medication",
    "Substance", "Device", "HealthcareService", "Endpoint", "Provenance", "AuditEvent", "Group", "Basic", "Binary",
    "List", "Consent", "Parameters", "OperationOutcome", "Bundle", "Specimen", "BodyStructure",
})  # fmt: skip

SECTION_LIMIT = 500
TIMELINE_LIMIT = 100


def section_of(type_: str) -> str | None:
    """The section of a resource type; ``other`` for the timeline alone; None where it is no event of a life."""
    if type_ in _NO_EVENT:
        return None
    return _SECTION_OF.get(type_, OTHER)


def limit_of(section: str) -> int:
    """How many items of a section a profile holds."""
    return TIMELINE_LIMIT if section == OTHER else SECTION_LIMIT
