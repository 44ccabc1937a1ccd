"""A person's state as the other services learn it: keyed hashes instead of numbers."""

from __future__ import annotations

from shr_contracts import events, topics
from shr_contracts.cloudevents import Event, event_id, event_type

from shr_healthid.domain.ledger import Merged, Said
from shr_healthid.domain.person import Person

SERVICE = "healthid"


def events_of(said: Said) -> list[Event]:
    """The event of a state: under her id and, with the same event id, under each id that it replaces."""
    person = said.person
    topic = topics.PATIENT_REGISTERED if said.registered else topics.PATIENT_UPDATED
    value = state_of(person, registered=said.registered).model_dump_json(by_alias=True).encode()
    return [
        Event(
            topic=topic,
            key=key,
            id=event_id(aggregate=person.key, version=person.version, type=event_type(topic)),
            type=event_type(topic),
            source=SERVICE,
            subject=person.id,
            time=person.updated_at,
            value=value,
            traceparent=said.traceparent,
        )
        for key in (person.id, *said.also_under)
    ]


def merge_events(merged: Merged) -> list[Event]:
    """``patient.merged`` under both keys, with the same event id."""
    topic = topics.PATIENT_MERGED
    value = events.PatientMerged(
        survivor=merged.survivor, retired=merged.retired, undone=merged.undone, version=merged.version, at=merged.at
    )
    return [
        Event(
            topic=topic,
            key=key,
            id=event_id(aggregate=merged.key, version=merged.version, type=event_type(topic)),
            type=event_type(topic),
            source=SERVICE,
            subject=merged.retired,
            time=merged.at,
            value=value.model_dump_json(by_alias=True).encode(),
            traceparent=merged.traceparent,
        )
        for key in (merged.survivor, merged.retired)
    ]


def state_of(person: Person, *, registered: bool) -> events.PatientRegistered:
    """The value of ``patient.registered`` or ``patient.updated``."""
    kind = events.PatientRegistered if registered else events.PatientUpdated
    said = person.demographics
    return kind(
        health_id=person.id,
        version=person.version,
        status="retired" if person.is_retired else person.status,
        lookup=events.Lookup(nid=person.verified_hashes("nid"), brn=person.verified_hashes("brn")),
        local_ids=[events.LocalId(source=i.source, system=i.system, value=i.value) for i in person.local_ids],
        replaces=list(person.replaces),
        guardians=list(person.guardians),
        gender=said.gender,
        birth_date=said.birth_date,
        name=said.name,
        name_bn=said.name_bn,
        district=said.district,
        upazila=said.upazila,
        via=person.first_source,
        at=person.updated_at,
    )
