"""How a version lies in MongoDB: its search keys as fields, its JSON as bytes (no user text becomes a field name)."""

from __future__ import annotations

import json

from shr_common.mongo import Document

from shr_registry.domain import reading
from shr_registry.domain.changes import Version

RESOURCES = "resources"
HISTORY = "history"


def body_of(version: Version) -> bytes:
    """The resource as it is served."""
    return json.dumps(version.resource, ensure_ascii=False, separators=(",", ":")).encode()


def current_document(version: Version) -> Document:
    """The row of ``resources``."""
    resource = version.resource
    return {
        "_id": version.reference,
        "type": resource["resourceType"],
        "rid": resource["id"],
        "version": version.version,
        "digest": version.digest,
        "at": version.at,
        "active": reading.is_active(resource),
        "names": reading.name_keys(resource),
        "identifiers": reading.identifier_keys(resource),
        "practitioner": reading.practitioner_of(resource),
        "organization": reading.facility_of(resource),
        "location": reading.target_of(resource, "location"),
        "role": reading.code_of(resource, "code"),
        "specialty": reading.code_of(resource, "specialty"),
        "body": body_of(version),
    }


def history_document(version: Version) -> Document:
    """The row of ``history``."""
    return {
        "_id": f"{version.reference}/{version.version}",
        "type": version.resource["resourceType"],
        "rid": version.resource["id"],
        "version": version.version,
        "at": version.at,
        "body": body_of(version),
    }
