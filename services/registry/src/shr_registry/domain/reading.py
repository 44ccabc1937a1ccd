"""What is read out of a stored resource: its names, its search keys, what its event says."""

from __future__ import annotations

import unicodedata
from typing import Any

from shr_registry.domain.resources import Resource

KEYS_LIMIT = 40


def folded(text: str) -> str:
    """Text as it is compared: NFKC, case folded, single spaces."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def is_active(resource: Resource) -> bool:
    """Whether the thing is in use."""
    return bool(resource.get("active", resource.get("status", "active") == "active"))


def name_of(resource: Resource) -> str | None:
    """The English name."""
    name = resource.get("name")
    return name[0]["text"] if isinstance(name, list) else name


def name_bn_of(resource: Resource) -> str | None:
    """The Bangla name."""
    name = resource.get("name")
    if isinstance(name, list):
        return next((n["text"] for n in name if n.get("extension")), None)
    for extension in resource.get("_name", {}).get("extension", ()):
        return next((p["valueString"] for p in extension["extension"] if p["url"] == "content"), None)
    return None


def name_keys(resource: Resource) -> list[str]:
    """What a search by name may begin with: the whole names and each of their words."""
    names = [folded(name) for name in (name_of(resource), name_bn_of(resource)) if name]
    return sorted({*names, *(word for name in names for word in name.split())})[:KEYS_LIMIT]


def identifier_keys(resource: Resource) -> list[str]:
    """``system|value`` and ``value`` of every identifier."""
    found = [i for i in resource.get("identifier", ()) if i.get("value")]
    return [key for i in found for key in (f"{i.get('system', '')}|{i['value']}", i["value"])]


def target_of(resource: Resource, *elements: str) -> str | None:
    """The id that the first of these elements refers to."""
    for element in elements:
        value: Any = resource.get(element)
        if isinstance(value, list):
            value = value[0] if value else None
        if value:
            return str(value["reference"]).rsplit("/", 1)[-1]
    return None


def practitioner_of(resource: Resource) -> str | None:
    """The practitioner that a role belongs to (or a Practitioner is)."""
    return str(resource["id"]) if resource["resourceType"] == "Practitioner" else target_of(resource, "practitioner")


def facility_of(resource: Resource) -> str | None:
    """The facility that a resource belongs to (or is)."""
    if resource["resourceType"] == "Organization":
        return str(resource["id"])
    return target_of(resource, "organization", "managingOrganization", "providedBy")


def period_of(resource: Resource) -> dict[str, str] | None:
    """When a posting holds; of a practitioner, until when the licence does."""
    if resource["resourceType"] == "Practitioner":
        return next((q["period"] for q in resource.get("qualification", ()) if q.get("period")), None)
    return resource.get("period")


def code_of(resource: Resource, element: str) -> str | None:
    """The first code of an element of CodeableConcepts."""
    for concept in resource.get(element, ()):
        for coding in concept.get("coding", ()):
            return str(coding["code"])
    return None


def posting_of(resource: Resource) -> dict[str, Any]:
    """A PractitionerRole as ``GET /postings`` shows it."""
    period = resource.get("period", {})
    return {
        "id": resource["id"],
        "practitioner": practitioner_of(resource),
        "facility": facility_of(resource),
        "role": code_of(resource, "code"),
        "department": code_of(resource, "specialty"),
        "start": period.get("start"),
        "end": period.get("end"),
        "active": is_active(resource),
        "version": int(resource["meta"]["versionId"]),
    }
