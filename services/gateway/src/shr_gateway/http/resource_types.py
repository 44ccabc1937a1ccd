"""The resource types of R4."""

from __future__ import annotations

from shr_common.fhir.tables import resource_types


def is_resource_type(name: str) -> bool:
    """Whether R4 has such a type."""
    return name in resource_types()
