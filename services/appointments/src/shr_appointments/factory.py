"""The only place where the appointments service's concrete parts meet."""

from __future__ import annotations

from datetime import UTC, datetime

from shr_common.audit import AuditTrail
from shr_common.fhir.json import JsonLimits
from shr_common.foundation import foundation
from shr_common.kafka import DeadLetters, Subscribers, Subscription
from shr_common.keys import Envelope
from shr_common.mongo import ensure_indexes
from shr_common.service import Assembly
from shr_contracts.topics import ENCOUNTER_RECORDED, PATIENT_TOPICS, REGISTRY_CHANGED

from shr_appointments.demo import demo_schedules
from shr_appointments.http import appointments, bookings, capabilities, schedules
from shr_appointments.http.disclosing import Disclosing
from shr_appointments.messaging.encounter_recorded import FollowEncounters
from shr_appointments.messaging.patient_changed import FollowPeople
from shr_appointments.messaging.registry_changed import FollowRegistry
from shr_appointments.settings import Settings
from shr_appointments.storage.booking_store import BookingStore
from shr_appointments.storage.collections import indexes
from shr_appointments.storage.people_replica import PeopleReplica
from shr_appointments.storage.registry_replica import RegistryReplica
from shr_appointments.storage.schedule_store import ScheduleStore
from shr_appointments.use_cases.book_slot import BookSlot, Slots
from shr_appointments.use_cases.change_appointment import ChangeAppointment
from shr_appointments.use_cases.fulfil_appointments import FulfilAppointments
from shr_appointments.use_cases.load_demo import LoadDemo
from shr_appointments.use_cases.offer_slots import OfferSlots
from shr_appointments.use_cases.permission import Permission

SERVICE = "appointments"


def now() -> datetime:
    """The clock, read at the edge only."""
    return datetime.now(UTC)


def assemble(settings: Settings) -> Assembly:
    """Routes, parts and checks of the service."""
    base = foundation(settings, SERVICE)
    client, database = base.client, base.database
    audit = AuditTrail(base.outbox, service=SERVICE, queue_limit=settings.queue_limit)
    timeout_s = settings.store_timeout_s

    store = ScheduleStore(database)
    booked = BookingStore(client, database, base.outbox, base.envelope, timeout_s=timeout_s)
    people = PeopleReplica(client, database, timeout_s=timeout_s)
    registry = RegistryReplica(database)
    permission = Permission(people, registry)
    slots = Slots(store, registry)
    change = ChangeAppointment(slots, booked, people, permission)
    book = BookSlot(slots, booked, people, permission)
    reading = appointments.Reading(booked, people, permission, Disclosing(audit))

    subscribers = Subscribers(settings, SERVICE, DeadLetters(base.producer, Envelope.load(settings.keys_dir, "dlq")))
    fulfil = FulfilAppointments(booked)
    for purpose, topics, handle in (
        ("registry", (REGISTRY_CHANGED,), FollowRegistry(registry)),
        ("people", PATIENT_TOPICS, FollowPeople(people, booked)),
        ("encounters", (ENCOUNTER_RECORDED,), FollowEncounters(fulfil, now)),
    ):
        subscribers.add(Subscription(settings.group_of(SERVICE, purpose), topics, handle))

    limits = JsonLimits(bytes=settings.body_limit_bytes, depth=settings.json_depth_limit)
    size, limit = settings.page_size, settings.page_size_limit

    async def prepare() -> None:
        await ensure_indexes(database, indexes(remember_requests_days=settings.remember_requests_days))

    return Assembly(
        routers=[
            capabilities.router(),
            bookings.router(book, change, limits=limits, hold_minutes=settings.hold_minutes, now=now),
            appointments.router(reading, now=now, page_size=size, page_size_limit=limit),
            schedules.router(
                store, OfferSlots(booked, registry), limits=limits, now=now, page_size=size, page_size_limit=limit
            ),
        ],
        api_parts=[
            base.producer,
            audit,
            base.relay,
            *([LoadDemo(store, demo_schedules)] if settings.demo_wanted else []),
        ],
        workers=[subscribers],
        checks=[base.check, subscribers.check],
        prepare=prepare,
        close=client.close,
        subscribers=subscribers,
    )
