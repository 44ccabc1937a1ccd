"""Schedules, slots and appointments as FHIR R4."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from shr_contracts.cloudevents import rfc3339

from shr_appointments.domain.appointments import Appointment
from shr_appointments.domain.schedules import Schedule, Slot

Json = dict[str, Any]
DEPARTMENT = "http://dghs.gov.bd/fhir/CodeSystem/department"
QUEUE_NUMBER = "http://dghs.gov.bd/identifier/queue-number"
TRANSLATION = "http://hl7.org/fhir/StructureDefinition/translation"


def schedule_resource(schedule: Schedule, *, now: datetime, horizon: datetime) -> Json:
    """A Schedule; its planning horizon is how far ahead one can book."""
    actors = [{"reference": f"Practitioner/{schedule.practitioner}"}] if schedule.practitioner else []
    actors += [
        {"reference": f"Location/{schedule.facility}"},
        {"reference": f"HealthcareService/{schedule.facility}-{schedule.department}"},
    ]
    resource = {
        "resourceType": "Schedule",
        "id": schedule.id,
        "meta": {"versionId": str(schedule.version)},
        "active": schedule.active,
        "serviceType": [_department(schedule.department)],
        "actor": actors,
        "planningHorizon": {"start": rfc3339(now), "end": rfc3339(horizon)},
    }
    if schedule.name:
        resource["comment"] = schedule.name
    if schedule.name_bn:
        said = [{"url": "lang", "valueCode": "bn"}, {"url": "content", "valueString": schedule.name_bn}]
        resource["_comment"] = {"extension": [{"url": TRANSLATION, "extension": said}]}
    return resource


def slot_resource(slot: Slot, department: str, status: str) -> Json:
    """A Slot."""
    return {
        "resourceType": "Slot",
        "id": slot.id,
        "serviceType": [_department(department)],
        "schedule": {"reference": f"Schedule/{slot.schedule}"},
        "status": status,
        "start": rfc3339(slot.start),
        "end": rfc3339(slot.end),
    }


def appointment_resource(appointment: Appointment, *, now: datetime) -> Json:
    """An Appointment; a hold that ran out shows as cancelled."""
    actors = [("Patient", appointment.patient), ("Practitioner", appointment.practitioner)]
    actors.append(("Location", appointment.facility))
    resource: Json = {
        "resourceType": "Appointment",
        "id": appointment.id,
        "meta": {"versionId": str(appointment.version), "lastUpdated": rfc3339(appointment.updated_at)},
        "status": "cancelled" if appointment.hold_is_over(now) else appointment.status,
        "serviceType": [_department(appointment.department)],
        "start": rfc3339(appointment.start),
        "end": rfc3339(appointment.end),
        "slot": [{"reference": f"Slot/{appointment.slot}"}],
        "created": rfc3339(appointment.created_at),
        "participant": [
            {"actor": {"reference": f"{kind}/{one}"}, "status": "accepted"} for kind, one in actors if one is not None
        ],
    }
    if appointment.comment:
        resource["comment"] = appointment.comment
    if appointment.reason:
        resource["cancelationReason"] = {"text": appointment.reason}
    if appointment.number is not None:
        resource["identifier"] = [{"system": QUEUE_NUMBER, "value": str(appointment.number)}]
    return resource


def _department(code: str) -> Json:
    return {"coding": [{"system": DEPARTMENT, "code": code}]}
