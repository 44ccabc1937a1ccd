"""``_include``: what the found resources refer to, in the same answer (IHE mCSD ITI-90)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from shr_registry.http.paging import Pairs, bad_parameter
from shr_registry.storage.resource_store import Found, ResourceStore

INCLUDES = {
    "Organization": {"Organization:partof": "partOf"},
    "Location": {"Location:organization": "managingOrganization"},
    "Practitioner": {},
    "PractitionerRole": {
        "PractitionerRole:practitioner": "practitioner",
        "PractitionerRole:organization": "organization",
        "PractitionerRole:location": "location",
    },
    "HealthcareService": {
        "HealthcareService:organization": "providedBy",
        "HealthcareService:location": "location",
    },
}


async def included(store: ResourceStore, type: str, pairs: Pairs, page: Sequence[Found]) -> Sequence[Found]:
    """The resources that the page's resources refer to by the asked elements."""
    asked = [value for name, value in pairs if name == "_include"]
    unknown = next((value for value in asked if value not in INCLUDES[type]), None)
    if unknown is not None:
        raise bad_parameter("_include", f"does not know {unknown[:60]}; {type} has {', '.join(INCLUDES[type])}")
    elements = {INCLUDES[type][value] for value in asked}
    references = {r for found in page for r in _references(orjson.loads(found.body), elements)}
    return await store.read_many(sorted(references)) if references else ()


def _references(resource: dict[str, Any], elements: set[str]) -> list[str]:
    found = []
    for element in elements:
        value = resource.get(element) or []
        found += [one["reference"] for one in (value if isinstance(value, list) else [value])]
    return found
