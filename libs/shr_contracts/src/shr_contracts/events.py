"""The value of every topic. Fields may be added; a change that would break a reader gets a new ``ce_type`` version."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from shr_contracts import topics

RecordTypes = list[str] | Literal["*"]


class Value(BaseModel):
    """An event's value. Readers ignore members they don't know."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    topic: ClassVar[str]


class LocalId(Value):
    """An identifier of a source's own: (source, system or else type or else empty, value)."""

    topic: ClassVar[str] = ""
    source: str
    system: str = ""
    value: str


class Lookup(Value):
    """Keyed hashes (``<key id>:<HMAC-SHA-256>``) of a person's numbers; never the numbers."""

    topic: ClassVar[str] = ""
    nid: list[str] = Field(default_factory=list)
    brn: list[str] = Field(default_factory=list)


class PatientRegistered(Value):
    """A person as the registry holds her now."""

    topic: ClassVar[str] = topics.PATIENT_REGISTERED
    health_id: str
    version: int
    status: Literal["active", "provisional", "retired"]
    lookup: Lookup = Field(default_factory=Lookup)
    local_ids: list[LocalId] = Field(default_factory=list)
    replaces: list[str] = Field(default_factory=list)
    guardians: list[str] = Field(default_factory=list)
    gender: str | None = None
    birth_date: str | None = None
    name: str | None = None
    name_bn: str | None = None
    district: str | None = None
    upazila: str | None = None
    via: str | None = None
    at: datetime


class PatientUpdated(PatientRegistered):
    """The same shape, for every later version."""

    topic: ClassVar[str] = topics.PATIENT_UPDATED


class PatientMerged(Value):
    """Two Health IDs were found to be one person, or (``undone``) not to be."""

    topic: ClassVar[str] = topics.PATIENT_MERGED
    survivor: str
    retired: str
    undone: bool = False
    version: int
    at: datetime


class PatientSubmitted(Value):
    """A person to register or to update: a FHIR Patient as for ``POST /fhir/Patient``.

    What a source produces is as it sent it. In what records hands on (``ce_forwardedby: records``) the value of every
    NID, BRN and phone number is ``enc:…``, see ``shr_common.messages``.
    """

    model_config = ConfigDict(extra="allow", frozen=True)
    topic: ClassVar[str] = topics.PATIENT_SUBMITTED
    resourceType: Literal["Patient"]
    id: str | None = None
    identifier: list[dict[str, Any]] = Field(default_factory=list)
    telecom: list[dict[str, Any]] = Field(default_factory=list)


class PatientRejected(Value):
    """A registration that came by ``patient.submitted`` was refused."""

    topic: ClassVar[str] = topics.PATIENT_REJECTED
    source: str
    submission_id: str
    outcome: dict[str, Any]
    rejected_at: datetime
    version: int = 1


class PatientErased(Value):
    """Erasure was decided; every store drops what it holds of this person."""

    topic: ClassVar[str] = topics.PATIENT_ERASED
    health_id: str
    at: datetime
    version: int = 1


class RecordedResource(Value):
    """One resource of a recorded submission, with its state."""

    topic: ClassVar[str] = ""
    type: str
    id: str
    version: int
    resource: dict[str, Any]


class EncounterRecorded(Value):
    """A submission became part of a record."""

    topic: ClassVar[str] = topics.ENCOUNTER_RECORDED
    source: str
    submission_id: str
    health_id: str
    resources: list[RecordedResource]
    unverified_codes: list[dict[str, Any]] = Field(default_factory=list)
    recorded_at: datetime
    version: int = 1


class EncounterRejected(Value):
    """A submission was refused, with reasons."""

    topic: ClassVar[str] = topics.ENCOUNTER_REJECTED
    source: str
    submission_id: str
    health_id: str | None = None
    outcome: dict[str, Any]
    rejected_at: datetime
    version: int = 1


class SubmissionAnswered(Value):
    """What became of a submission, without clinical content; on ``submission.answered.<system>``."""

    topic: ClassVar[str] = topics.ANSWER_PREFIX
    source: str
    submission_id: str
    state: Literal["recorded", "parked", "rejected", "registered", "provisional"]
    outcome: dict[str, Any]
    resources: list[str] = Field(default_factory=list)
    at: datetime
    version: int = 1


class Recipient(Value):
    """Who may read."""

    topic: ClassVar[str] = ""
    type: Literal["practitioner", "facility", "organization"]
    id: str


class Period(Value):
    """A range of record dates; either end may be open."""

    topic: ClassVar[str] = ""
    start: date | datetime | None = None
    end: date | datetime | None = None


class Frequency(Value):
    """How often, e.g. 3 times in ``PT1H``."""

    topic: ClassVar[str] = ""
    count: int
    period: str


class ConsentChanged(Value):
    """A consent, restriction or emergency declaration as it stands now."""

    topic: ClassVar[str] = topics.CONSENT_CHANGED
    consent_id: str
    patient: str
    version: int
    status: Literal["requested", "granted", "denied", "revoked", "expired"]
    recipient: Recipient | None = None
    purpose: str | None = None
    record_types: RecordTypes = "*"
    record_period: Period | None = None
    expires_at: datetime | None = None
    access_mode: Literal["VIEW", "STORE", "QUERY", "STREAM"] = "VIEW"
    erase_at: datetime | None = None
    frequency: Frequency | None = None
    sensitive: list[str] = Field(default_factory=list)
    decision: Literal["permit", "deny"] = "permit"
    kind: Literal["consent", "restriction", "break-glass"] = "consent"
    reference: str | None = None
    except_: list[Recipient] = Field(default_factory=list, alias="except")
    granted_by: str | None = None
    at: datetime


class ConsentHeartbeat(Value):
    """Between changes: consent's clock and a sequence, so that a reader can prove its view fresh."""

    topic: ClassVar[str] = topics.CONSENT_CHANGED
    at: datetime
    seq: int


class Actor(Value):
    """Who acted."""

    topic: ClassVar[str] = ""
    role: str
    id: str
    facility: str | None = None
    name: str | None = None


class Looked(Value):
    """How many of what were shown."""

    topic: ClassVar[str] = ""
    type: str
    count: int


class RecordAccessed(Value):
    """One look (or a refused one) at one person's record. Its version is always 1: a look does not change."""

    topic: ClassVar[str] = topics.RECORD_ACCESSED
    id: str
    patient: str
    actor: Actor
    purpose: str
    decision: Literal["permit", "deny"]
    consent_id: str | None = None
    what: list[Looked] = Field(default_factory=list)
    break_glass: dict[str, Any] | None = None
    at: datetime
    version: int = 1


class AppointmentChanged(Value):
    """A booking as it stands now."""

    topic: ClassVar[str] = topics.APPOINTMENT_CHANGED
    appointment_id: str
    version: int
    status: Literal["booked", "cancelled", "arrived", "fulfilled", "noshow", "pending"]
    patient: str
    slot: str
    schedule: str
    facility: str
    practitioner: str | None = None
    department: str | None = None
    start: datetime
    end: datetime
    at: datetime


class RegistryChanged(Value):
    """A facility, practitioner, role, location or service as the registry holds it now (a FHIR resource)."""

    topic: ClassVar[str] = topics.REGISTRY_CHANGED
    resource_type: Literal["Organization", "Location", "Practitioner", "PractitionerRole", "HealthcareService"]
    id: str
    version: int
    active: bool = True
    name: str | None = None
    name_bn: str | None = None
    practitioner: str | None = None
    facility: str | None = None
    period: Period | None = None
    resource: dict[str, Any] = Field(default_factory=dict)
    at: datetime


class TerminologyChanged(Value):
    """A new index of codes is in force."""

    topic: ClassVar[str] = topics.TERMINOLOGY_CHANGED
    kind: Literal["CodeSystem", "ValueSet", "ConceptMap"]
    url: str
    version: int
    content_version: str | None = None
    concepts: list[dict[str, Any]] = Field(default_factory=list)
    mappings: list[dict[str, Any]] = Field(default_factory=list)
    part: int = 1
    parts: int = 1
    at: datetime


class ResultAcknowledged(Value):
    """A practitioner has seen a result."""

    topic: ClassVar[str] = topics.RESULT_ACKNOWLEDGED
    patient: str
    reference: str
    practitioner: str
    facility: str | None = None
    version: int = 1
    at: datetime


class NotificationRequested(Value):
    """A message to a citizen. ``secret`` is encrypted to healthid, which alone knows phone numbers."""

    topic: ClassVar[str] = topics.NOTIFICATION_REQUESTED
    id: str
    health_id: str
    template: str
    parameters: dict[str, str] = Field(default_factory=dict)
    secret: str | None = None
    version: int = 1
    at: datetime


PUBLISHED: tuple[type[Value], ...] = (
    PatientRegistered, PatientUpdated, PatientMerged, PatientRejected, PatientErased, PatientSubmitted,
    EncounterRecorded, EncounterRejected, SubmissionAnswered, ConsentChanged, ConsentHeartbeat, RecordAccessed,
    AppointmentChanged, RegistryChanged, TerminologyChanged, ResultAcknowledged, NotificationRequested,
)  # fmt: skip
"""The values with a stored JSON Schema."""
