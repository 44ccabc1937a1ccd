"""The only place where the concrete parts of records meet."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog
from shr_common import messages, telemetry
from shr_common.audit import AuditTrail
from shr_common.coalesce import Coalescer
from shr_common.errors import ShrError
from shr_common.kafka import DeadLetters, Producer, Subscribers, Subscription
from shr_common.keys import Envelope, LookupKey
from shr_common.lifecycle import Background, pause
from shr_common.mongo import Client, categorised, connect, ensure_indexes
from shr_common.outbox import Outbox, Relay
from shr_common.service import Assembly
from shr_contracts.topics import (
    ANSWER_TOPIC_SYSTEMS,
    ENCOUNTER_SUBMITTED,
    PATIENT_TOPICS,
    REGISTRY_CHANGED,
    TERMINOLOGY_CHANGED,
)

from shr_records.domain.reading import Limits
from shr_records.domain.submission import Submission
from shr_records.http import capability, quarantine, resources, submissions
from shr_records.http.intake import Intake
from shr_records.messaging.encounter_submitted import EncounterSubmitted
from shr_records.messaging.knowledge_changed import RegistryFollower, TerminologyFollower
from shr_records.messaging.patient_changed import PatientChanged
from shr_records.settings import Settings
from shr_records.storage.knowledge import Codes, Registry
from shr_records.storage.people import People
from shr_records.storage.records import Records
from shr_records.storage.replica import Replica
from shr_records.storage.schema import INDEXES, KEY_INDEXES, KEYS
from shr_records.storage.vault import Vault
from shr_records.use_cases.check_submission import CheckSubmission
from shr_records.use_cases.follow_patients import FollowPatients
from shr_records.use_cases.ledger import Answer
from shr_records.use_cases.record_submissions import RecordSubmissions

NAME = "records"
LOG = structlog.get_logger("shr.records")


def now() -> datetime:
    """The clock of this process, read at the edges only."""
    return datetime.now(UTC)


def assemble(settings: Settings) -> Assembly:
    """Everything, wired."""
    client: Client = connect(settings.mongo_uri)
    database = client[settings.database_of(NAME)]
    keys = client[settings.database_of("records_keys")]
    master = Envelope.load(settings.keys_dir, f"master-{NAME}")
    lookup = LookupKey.load(settings.keys_dir)
    to_healthid = Envelope.load(settings.keys_dir, messages.KEY)
    limits = Limits(
        settings.body_limit_bytes,
        settings.bundle_entries_limit,
        settings.json_depth_limit,
        settings.canonical_limit_bytes,
    )

    producer = Producer(settings.kafka_bootstrap, client_id=f"shr-{NAME}")
    outbox = Outbox(database, master)
    relay = Relay(database, producer, master, service=NAME)
    outbox.wake = relay.wake
    audit = AuditTrail(outbox, service=NAME, queue_limit=settings.queue_limit)
    vault = Vault(keys[KEYS], master)
    people = People(database, vault)
    records = Records(client, database, vault, people, outbox, timeout_s=settings.store_timeout_s)
    replica = Replica(client, database, vault, timeout_s=settings.store_timeout_s)
    codes, registry = Codes(database), Registry(database)

    def settled(answers: Iterable[Answer]) -> None:
        relay.wake()
        _count(answers)

    record = RecordSubmissions(
        records,
        codes=codes,
        registry=registry,
        hash_of=lookup.hash,
        seal=partial(messages.seal_number, to_healthid),
        limits=limits,
        strict_sources=settings.strict_sources,
        settled=settled,
    )
    follow = FollowPatients(replica, records, record.heal, now=now, patience=timedelta(days=settings.parking_days))
    check = CheckSubmission(people, hash_of=lookup.hash, limits=limits)

    async def together(waiting: Sequence[Submission]) -> list[Answer]:
        return await record(waiting, at=now())

    joined: Coalescer[Submission, Answer] = Coalescer(
        together,
        items_limit=settings.batch_items_limit,
        bytes_limit=settings.batch_bytes_limit,
        queue_limit=settings.queue_limit,
        size_of=lambda submission: len(submission.body),
        lanes=settings.intake_lanes,
    )
    intake = Intake(joined, records, now=now, limit_bytes=settings.body_limit_bytes)
    dead_letters = DeadLetters(producer, Envelope.load(settings.keys_dir, "dlq"))
    subscribers = Subscribers(settings, NAME, dead_letters)
    encounters = EncounterSubmitted(record, dead_letters, now=now)
    group = settings.group_of(NAME, "encounters")
    lanes = settings.intake_lanes
    subscribers.add(Subscription(group, (ENCOUNTER_SUBMITTED,), encounters, consumers=lanes))
    subscribers.add(
        Subscription(settings.group_of(NAME, "patients"), PATIENT_TOPICS, PatientChanged(follow, lookup.hash))
    )
    subscribers.add(
        Subscription(settings.group_of(NAME, "terminology"), (TERMINOLOGY_CHANGED,), TerminologyFollower(codes))
    )
    subscribers.add(Subscription(settings.group_of(NAME, "registry"), (REGISTRY_CHANGED,), RegistryFollower(registry)))
    sweeper = Background("sweeper", _sweeping(follow, settings.sweep_every_s))

    async def prepare() -> None:
        await ensure_indexes(database, INDEXES)
        await ensure_indexes(keys, KEY_INDEXES)

    async def store_answers() -> str | None:
        try:
            with categorised():
                await asyncio.wait_for(database.command("ping"), timeout=2)
        except (ShrError, TimeoutError):
            return "the store does not answer"
        return None

    return Assembly(
        routers=[
            capability.router(),
            submissions.router(intake, check),
            submissions.look_ups(records, audit, now=now),
            quarantine.router(records, settings),
            resources.router(intake, records, audit, now=now, page_limit=settings.page_size_limit),
        ],
        api_parts=[producer, joined, audit, relay],
        workers=[subscribers, sweeper],
        checks=[relay.check, subscribers.check, store_answers],
        prepare=prepare,
        close=client.close,
        subscribers=subscribers,
    )


def _sweeping(follow: FollowPatients, every_s: float):  # type: ignore[no-untyped-def]
    async def loop(stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            await pause(stopping, every_s)
            if stopping.is_set():
                return
            try:
                await follow.sweep()
            except ShrError as error:
                LOG.warning("sweep_failed", category=str(error.category))

    return loop


def _count(answers: Iterable[Answer]) -> None:
    """Metrics; systems nobody configured share one label, so that no source can invent series."""
    intake: Counter[tuple[str, str]] = Counter()
    for answer in answers:
        receipt = answer.receipt
        system = receipt.system if receipt.system in ANSWER_TOPIC_SYSTEMS else "other"
        intake[system, "repeated" if answer.repeated else receipt.state] += 1
        if receipt.state == "rejected" and not answer.repeated:
            telemetry.REJECTIONS.labels(source_system=system, cause=receipt.cause or "unknown").inc()
    for (system, state), count in intake.items():
        telemetry.INTAKE.labels(source_system=system, state=state).inc(count)
