"""Facts as FHIR R4 resources, in the shapes that IHE mCSD reads (facility = Organization + Location)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from shr_registry.domain.facts import Facility, Fact, Posting, Professional, Service

Resource = dict[str, Any]
TYPES = ("Organization", "Location", "Practitioner", "PractitionerRole", "HealthcareService")

FACILITY_CODE = "http://hrm.dghs.gov.bd/facilities/code"
"""The facility registry's own system, as the national guide's example has it."""
PRACTITIONER_NUMBER = "http://dghs.gov.bd/identifier/practitioner"
BMDC = "https://fhir.dghs.gov.bd/core/identifier/bmdc-registration"
POSTING = "http://dghs.gov.bd/identifier/posting"
DEPARTMENT = "http://dghs.gov.bd/fhir/CodeSystem/department"
ROLE = "http://dghs.gov.bd/fhir/CodeSystem/role"
FACILITY_TYPE = "http://dghs.gov.bd/fhir/CodeSystem/facility-type"
MCSD = "http://ihe.net/fhir/StructureDefinition/IHE.mCSD."
TRANSLATION = "http://hl7.org/fhir/StructureDefinition/translation"
LANGUAGE = "http://hl7.org/fhir/StructureDefinition/language"


def resources_of(fact: Fact) -> list[Resource]:
    """The resources that a fact stands for, without versions."""
    build: Callable[..., list[Resource]] = _BUILD[type(fact)]
    return build(fact)


def references_of(fact: Fact) -> dict[str, str]:
    """What must exist for a fact to make sense: column → reference."""
    match fact:
        case Facility(parent=str(parent)):
            return {"parent": f"Organization/{parent}"}
        case Posting():
            return {"practitioner": f"Practitioner/{fact.practitioner}", "facility": f"Organization/{fact.facility}"}
        case Service():
            return {"facility": f"Organization/{fact.facility}"}
    return {}


def posting_id(posting: Posting) -> str:
    """The same posting has the same id, whoever tells of it."""
    start = posting.start.isoformat() if posting.start else ""
    told = "\n".join((posting.role.casefold(), (posting.department or "").casefold(), start))
    return f"{posting.practitioner}-{posting.facility}-{hashlib.sha256(told.encode()).hexdigest()[:8]}"[:64]


def _facility(fact: Facility) -> list[Resource]:
    identifiers = [{"use": "official", "system": FACILITY_CODE, "value": fact.code}]
    kind = {"coding": [{"system": FACILITY_TYPE, "code": fact.type}]}
    named = _named(fact.name, fact.name_bn)
    telecom = [{"system": "phone", "value": fact.phone}] if fact.phone else None
    organization = {
        "resourceType": "Organization",
        "id": fact.code,
        "meta": {"profile": [f"{MCSD}Organization", f"{MCSD}FacilityOrganization"]},
        "identifier": identifiers,
        "active": fact.active,
        "type": [kind],
        **named,
        "telecom": telecom,
        "address": [_address(fact)] if _address(fact) else None,
        "partOf": {"reference": f"Organization/{fact.parent}"} if fact.parent else None,
    }
    position = fact.latitude is not None and fact.longitude is not None
    location = {
        "resourceType": "Location",
        "id": fact.code,
        "meta": {"profile": [f"{MCSD}Location", f"{MCSD}FacilityLocation"]},
        "identifier": identifiers,
        "status": "active" if fact.active else "inactive",
        **named,
        "mode": "instance",
        "type": [kind],
        "telecom": telecom,
        "address": _address(fact),
        "position": {"longitude": fact.longitude, "latitude": fact.latitude} if position else None,
        "managingOrganization": {"reference": f"Organization/{fact.code}"},
    }
    return [_without_empty(organization), _without_empty(location)]


def _practitioner(fact: Professional) -> list[Resource]:
    identifiers = [{"use": "official", "system": PRACTITIONER_NUMBER, "value": fact.number}]
    if fact.bmdc:
        identifiers.append({"use": "secondary", "system": BMDC, "value": fact.bmdc})
    names: list[Resource] = [{"use": "official", "text": fact.name}]
    if fact.name_bn:
        names.append({"extension": [{"url": LANGUAGE, "valueCode": "bn"}], "use": "usual", "text": fact.name_bn})
    licence = None
    if fact.bmdc or fact.qualification or fact.licence_until:
        licence = {
            "identifier": [{"system": BMDC, "value": fact.bmdc}] if fact.bmdc else None,
            "code": {"text": fact.qualification or "Licence to practise"},
            "period": {"end": fact.licence_until.isoformat()} if fact.licence_until else None,
        }
    practitioner = {
        "resourceType": "Practitioner",
        "id": fact.number,
        "meta": {"profile": [f"{MCSD}Practitioner"]},
        "identifier": identifiers,
        "active": fact.active,
        "name": names,
        "gender": fact.gender,
        "qualification": [_without_empty(licence)] if licence else None,
    }
    return [_without_empty(practitioner)]


def _posting(fact: Posting) -> list[Resource]:
    made = posting_id(fact)
    role = {
        "resourceType": "PractitionerRole",
        "id": made,
        "meta": {"profile": [f"{MCSD}PractitionerRole"]},
        "identifier": [{"system": POSTING, "value": made}],
        "active": fact.active,
        "period": _without_empty({"start": _iso(fact.start), "end": _iso(fact.end)}),
        "practitioner": {"reference": f"Practitioner/{fact.practitioner}"},
        "organization": {"reference": f"Organization/{fact.facility}"},
        "code": [{"coding": [{"system": ROLE, "code": fact.role}]}],
        "specialty": [{"coding": [{"system": DEPARTMENT, "code": fact.department}]}] if fact.department else None,
        "location": [{"reference": f"Location/{fact.facility}"}],
    }
    return [_without_empty(role)]


def _service(fact: Service) -> list[Resource]:
    service = {
        "resourceType": "HealthcareService",
        "id": f"{fact.facility}-{fact.department}"[:64],
        "meta": {"profile": [f"{MCSD}HealthcareService"]},
        "active": fact.active,
        "providedBy": {"reference": f"Organization/{fact.facility}"},
        "specialty": [{"coding": [{"system": DEPARTMENT, "code": fact.department}]}],
        "location": [{"reference": f"Location/{fact.facility}"}],
        **{key: value for key, value in _named(fact.name, fact.name_bn).items() if key != "alias"},
    }
    return [_without_empty(service)]


_BUILD: Mapping[type, Callable[..., list[Resource]]] = {
    Facility: _facility,
    Professional: _practitioner,
    Posting: _posting,
    Service: _service,
}


def _named(name: str, name_bn: str | None) -> Resource:
    if not name_bn:
        return {"name": name}
    translated = [{"url": "lang", "valueCode": "bn"}, {"url": "content", "valueString": name_bn}]
    return {
        "name": name,
        "_name": {"extension": [{"url": TRANSLATION, "extension": translated}]},
        "alias": [name_bn],
    }


def _address(fact: Facility) -> Resource | None:
    parts = {"text": fact.address, "city": fact.upazila, "district": fact.district, "state": fact.division}
    said = _without_empty(parts)
    return {"use": "work", **said, "country": "BD"} if said else None


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _without_empty(resource: Resource) -> Resource:
    return {name: value for name, value in resource.items() if value not in (None, {}, [])}
