"""``registry.changed``: a resource as the registry holds it now."""

from __future__ import annotations

from shr_contracts.cloudevents import Event, event_id, event_type
from shr_contracts.events import Period, RegistryChanged
from shr_contracts.topics import REGISTRY_CHANGED

from shr_registry.domain import reading
from shr_registry.domain.changes import Version


def announcement(version: Version) -> Event:
    """The event of a version. Keyed by its reference, so that one resource's events keep their order."""
    resource = version.resource
    period = reading.period_of(resource)
    value = RegistryChanged(
        resource_type=resource["resourceType"],
        id=resource["id"],
        version=version.version,
        active=reading.is_active(resource),
        name=reading.name_of(resource),
        name_bn=reading.name_bn_of(resource),
        practitioner=reading.practitioner_of(resource),
        facility=reading.facility_of(resource),
        period=Period.model_validate(period) if period else None,
        resource=resource,
        at=version.at,
    )
    return Event(
        topic=REGISTRY_CHANGED,
        key=version.reference,
        id=event_id(aggregate=version.reference, version=version.version, type=event_type(REGISTRY_CHANGED)),
        type=event_type(REGISTRY_CHANGED),
        source="registry",
        subject=version.reference,
        time=version.at,
        value=value.model_dump_json(by_alias=True).encode(),
    )
