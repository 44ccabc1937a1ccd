"""Every topic: its name, what it is kept for, how many partitions.

The names are public (docs/guides). ``encounter.submitted`` and ``patient.submitted`` hold what sources sent, as sent,
and are kept seven days; every topic has a dead letter queue ``<topic>.dlq`` of one partition.
"""

from __future__ import annotations

from dataclasses import dataclass, field

DAY_MS = 24 * 3600 * 1000
PARTITIONS = 8
_DLQ_BYTES = str(13 * 1024 * 1024)
"""A dead letter is a little larger than the message that it keeps (12 MiB at most), and must always find its place."""

PATIENT_SUBMITTED = "patient.submitted"
PATIENT_REGISTERED = "patient.registered"
PATIENT_REJECTED = "patient.rejected"
PATIENT_UPDATED = "patient.updated"
PATIENT_MERGED = "patient.merged"
PATIENT_ERASED = "patient.erased"
ENCOUNTER_SUBMITTED = "encounter.submitted"
ENCOUNTER_RECORDED = "encounter.recorded"
ENCOUNTER_REJECTED = "encounter.rejected"
CONSENT_CHANGED = "consent.changed"
RECORD_ACCESSED = "record.accessed"
APPOINTMENT_CHANGED = "appointment.changed"
REGISTRY_CHANGED = "registry.changed"
TERMINOLOGY_CHANGED = "terminology.changed"
RESULT_ACKNOWLEDGED = "result.acknowledged"
NOTIFICATION_REQUESTED = "notification.requested"

ANSWER_PREFIX = "submission.answered."
ANSWER_TOPIC_SYSTEMS = (
    "openmrs", "opensrp", "aalo", "emis", "openelis", "odoo", "pacs", "hr", "sharedhealth", "other",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """How a topic is created."""

    name: str
    partitions: int = PARTITIONS
    retention_ms: int = 30 * DAY_MS
    config: dict[str, str] = field(default_factory=dict)


def dead_letters_of(topic: str) -> str:
    """The dead letter queue of a topic."""
    return f"{topic}.dlq"


def answer_topic(system: str) -> str:
    """Where a source system reads its answers; a system nobody has configured shares ``submission.answered.other``."""
    return f"{ANSWER_PREFIX}{system if system in ANSWER_TOPIC_SYSTEMS else 'other'}"


PATIENT_TOPICS = (PATIENT_REGISTERED, PATIENT_UPDATED, PATIENT_MERGED, PATIENT_ERASED)
"""What a service follows to keep its replica of persons."""

_OPEN = (
    TopicSpec(PATIENT_SUBMITTED, retention_ms=7 * DAY_MS),
    TopicSpec(PATIENT_REGISTERED),
    TopicSpec(PATIENT_REJECTED),
    TopicSpec(PATIENT_UPDATED),
    TopicSpec(PATIENT_MERGED),
    TopicSpec(PATIENT_ERASED),
    TopicSpec(ENCOUNTER_SUBMITTED, retention_ms=7 * DAY_MS),
    TopicSpec(ENCOUNTER_RECORDED),
    TopicSpec(ENCOUNTER_REJECTED),
    TopicSpec(CONSENT_CHANGED),
    TopicSpec(RECORD_ACCESSED),
    TopicSpec(APPOINTMENT_CHANGED),
    TopicSpec(REGISTRY_CHANGED),
    TopicSpec(TERMINOLOGY_CHANGED),
    TopicSpec(RESULT_ACKNOWLEDGED),
    TopicSpec(NOTIFICATION_REQUESTED, retention_ms=DAY_MS),
    *(TopicSpec(answer_topic(system), partitions=1, retention_ms=7 * DAY_MS) for system in ANSWER_TOPIC_SYSTEMS),
)

ALL_TOPICS: tuple[TopicSpec, ...] = tuple(
    spec
    for topic in _OPEN
    for spec in (topic, TopicSpec(dead_letters_of(topic.name), partitions=1, config={"max.message.bytes": _DLQ_BYTES}))
)
