"""The person behind a record, as the profile's header and as a FHIR Patient."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shr_common.identifiers import UHID, is_health_id

BASIC = ("name", "name_bn", "gender", "birth_date")
PLACE = ("district", "upazila")
UNKNOWN = "unknown"
"""The status of a person of whom healthid has told nothing (yet)."""
LANGUAGE = "http://hl7.org/fhir/StructureDefinition/language"


def identity_of(person: Mapping[str, Any] | None, *, with_place: bool) -> dict[str, Any]:
    """Name, gender and date of birth, so that nobody reads the wrong record; the place if all types are open.

    Of a person whom the gateway has never heard of it says so: status ``unknown``, everything else null.
    """
    known = person or {}
    names = BASIC + PLACE if with_place else BASIC
    return {"status": known.get("status") or UNKNOWN, **{name: known.get(name) for name in names}}


def patient_resource(health_id: str, person: Mapping[str, Any] | None, *, with_place: bool) -> dict[str, Any]:
    """A FHIR Patient of what the gateway knows."""
    said = identity_of(person, with_place=with_place)
    names = []
    for language, text in (("en", said["name"]), ("bn", said["name_bn"])):
        if text:
            extension = [{"url": LANGUAGE, "valueCode": language}]
            names.append({"extension": extension, "use": "official", "text": text})
    resource: dict[str, Any] = {"resourceType": "Patient", "id": health_id}
    if said["status"] != UNKNOWN:
        resource["active"] = said["status"] != "retired"
    if is_health_id(health_id):
        resource["identifier"] = [{"system": UHID, "value": health_id}]
    if names:
        resource["name"] = names
    if said["gender"]:
        resource["gender"] = said["gender"]
    if said["birth_date"]:
        resource["birthDate"] = said["birth_date"]
    place = {k: said[name] for k, name in (("district", "district"), ("city", "upazila")) if said.get(name)}
    if place:
        resource["address"] = [{**place, "country": "BD"}]
    return resource
