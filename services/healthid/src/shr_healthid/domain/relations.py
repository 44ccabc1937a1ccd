"""Whom a newborn's registration names as her mother."""

from __future__ import annotations

from typing import Any

from shr_common.identifiers import UHID, is_person_id


def mother_of(patient: dict[str, Any]) -> tuple[str | None, str | None]:
    """The mother's id (Health ID or provisional) and where the link stands; (None, place) if it cannot be read.

    ``Patient.link`` of type seealso to a Patient, or to a contained RelatedPerson that has her Health ID.
    """
    for place, link in enumerate(patient.get("link", ())):
        if link.get("type") != "seealso":
            continue
        other = link.get("other", {})
        at = f"Patient.link[{place}].other.reference"
        found = _named_by(other) or _related(patient, other.get("reference", ""))
        return found, at
    return None, None


def _named_by(reference: dict[str, Any]) -> str | None:
    kind, _, last = str(reference.get("reference", "")).rpartition("/")
    if kind.rpartition("/")[2] == "Patient" and is_person_id(last):
        return last
    identifier = reference.get("identifier", {})
    if identifier.get("system") == UHID and is_person_id(str(identifier.get("value", ""))):
        return str(identifier["value"])
    return None


def _related(patient: dict[str, Any], reference: str) -> str | None:
    """A RelatedPerson's own Health ID, else (as some systems write it) the Patient that it points to."""
    if not reference.startswith("#"):
        return None
    for contained in patient.get("contained", ()):
        if contained.get("id") != reference[1:] or contained.get("resourceType") != "RelatedPerson":
            continue
        for identifier in contained.get("identifier", ()):
            if identifier.get("system") == UHID and is_person_id(str(identifier.get("value", ""))):
                return str(identifier["value"])
        return _named_by(contained.get("patient", {}))
    return None
