"""What one line of a registry file, or one posting, states. Each is turned into FHIR resources in resources.py."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True, kw_only=True)
class Facility:
    """A place of care; ``code`` is its number in the national facility registry and its id here."""

    code: str
    name: str
    name_bn: str | None = None
    type: str = "hospital"
    division: str | None = None
    district: str | None = None
    upazila: str | None = None
    address: str | None = None
    phone: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    parent: str | None = None
    active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Professional:
    """A person who treats; ``number`` is the id here, ``bmdc`` the licence of the Medical and Dental Council."""

    number: str
    name: str
    name_bn: str | None = None
    gender: str | None = None
    bmdc: str | None = None
    qualification: str | None = None
    licence_until: date | None = None
    active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """Somebody works somewhere in a role. The same person, place, role, department and start is the same posting."""

    practitioner: str
    facility: str
    role: str
    department: str | None = None
    start: date | None = None
    end: date | None = None
    active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A department of a facility that citizens can turn to."""

    facility: str
    department: str
    name: str
    name_bn: str | None = None
    active: bool = True


Fact = Facility | Professional | Posting | Service
