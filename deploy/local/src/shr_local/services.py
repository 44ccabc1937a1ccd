"""What runs in a stack beside the broker and the database."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Service:
    """One service: ``python -m module``, listening on the port of its name (see ``shr_local.ports``)."""

    name: str
    module: str


SERVICES: tuple[Service, ...] = (
    Service("healthid", "shr_healthid"),
    Service("records", "shr_records"),
    Service("consent", "shr_consent"),
    Service("terminology", "shr_terminology"),
    Service("appointments", "shr_appointments"),
    Service("registry", "shr_registry"),
    Service("gateway", "shr_gateway"),
)
SERVICE_NAMES = tuple(service.name for service in SERVICES)

DOUBLES = ("idp", "verification")
"""The development identity provider and verification service: one process, two ports (``shr_local.doubles``)."""
