"""Whom a registration names: a newborn's mother, and everybody by whom lines of a file hang together."""

from __future__ import annotations

from typing import Any

from shr_common.identifiers import KINDS, UHID, is_person_id


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


def names_in(patient: dict[str, Any]) -> frozenset[str]:
    """The national numbers and the mother that any JSON names; whatever is not a Patient names nobody."""
    identifiers = patient.get("identifier")
    found = set()
    for identifier in identifiers if isinstance(identifiers, list) else ():
        if not isinstance(identifier, dict):
            continue
        kind, value = KINDS.get(str(identifier.get("system"))), identifier.get("value")
        if kind is not None and isinstance(value, str):
            # the forms of one NID end alike
            found.add(f"{kind}:{value[-10:]}" if kind == "nid" else f"{kind}:{value}")
    try:
        mother, _ = mother_of(patient)
    except (AttributeError, TypeError):
        mother = None
    if mother is not None:
        found.add(f"uhid:{mother}")
    return frozenset(found)
