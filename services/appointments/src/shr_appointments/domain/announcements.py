"""``appointment.changed``, and what the citizen is told."""

from __future__ import annotations

from shr_common.fhir.times import DHAKA
from shr_contracts.cloudevents import Event, event_id, event_type
from shr_contracts.events import AppointmentChanged, NotificationRequested
from shr_contracts.topics import APPOINTMENT_CHANGED, NOTIFICATION_REQUESTED

from shr_appointments.domain.appointments import Appointment

SERVICE = "appointments"


def announcement(appointment: Appointment) -> Event:
    """The event of a version, keyed by the person; what was said in free text stays here."""
    value = AppointmentChanged(
        appointment_id=appointment.id,
        version=appointment.version,
        status=appointment.status,
        patient=appointment.patient,
        slot=appointment.slot,
        schedule=appointment.schedule,
        facility=appointment.facility,
        practitioner=appointment.practitioner,
        department=appointment.department,
        start=appointment.start,
        end=appointment.end,
        at=appointment.updated_at,
    )
    return _event(appointment, APPOINTMENT_CHANGED, value.model_dump_json(by_alias=True).encode())


def notification(appointment: Appointment, template: str) -> Event:
    """A message to the citizen: her appointment was booked, moved or cancelled."""
    value = NotificationRequested(
        id=f"{appointment.id}-{appointment.version}",
        health_id=appointment.patient,
        template=template,
        parameters={"start": appointment.start.astimezone(DHAKA).strftime("%Y-%m-%d %H:%M")},
        at=appointment.updated_at,
    )
    return _event(appointment, NOTIFICATION_REQUESTED, value.model_dump_json(by_alias=True).encode())


def _event(appointment: Appointment, topic: str, value: bytes) -> Event:
    kind = event_type(topic)
    return Event(
        topic=topic,
        key=appointment.patient,
        id=event_id(aggregate=f"Appointment/{appointment.id}", version=appointment.version, type=kind),
        type=kind,
        source=SERVICE,
        subject=f"Appointment/{appointment.id}",
        time=appointment.updated_at,
        value=value,
    )
