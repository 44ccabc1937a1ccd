"""The only place where the parts of the consent service meet."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

from shr_common.audit import AuditTrail
from shr_common.errors import ShrError
from shr_common.kafka import DeadLetters, Producer, Subscribers, Subscription
from shr_common.keys import Envelope
from shr_common.lifecycle import Background, pause
from shr_common.mongo import connect
from shr_common.outbox import Outbox, Relay
from shr_common.service import Assembly
from shr_contracts.topics import ENCOUNTER_RECORDED, PATIENT_TOPICS, RECORD_ACCESSED, REGISTRY_CHANGED

from shr_consent.http import access_log, consents, decisions, fhir, keys
from shr_consent.http.listing import Listing
from shr_consent.messaging.encounter_recorded import FollowAuthorship
from shr_consent.messaging.heartbeat import Heartbeat
from shr_consent.messaging.people import FollowPeople
from shr_consent.messaging.record_accessed import ChainAccesses
from shr_consent.messaging.registry_changed import FollowRegistry
from shr_consent.settings import Settings
from shr_consent.signing import AuditKey
from shr_consent.storage import indexes
from shr_consent.storage.access_log import AccessLogStore
from shr_consent.storage.authorship import AuthorshipStore
from shr_consent.storage.checkpoints import CheckpointStore
from shr_consent.storage.people import PeopleStore
from shr_consent.storage.registry import RegistryStore
from shr_consent.storage.statements import StatementStore
from shr_consent.use_cases.answer_request import AnswerRequest
from shr_consent.use_cases.ask_for_consent import AskForConsent
from shr_consent.use_cases.break_glass import BreakGlass
from shr_consent.use_cases.decide_access import DecideAccess
from shr_consent.use_cases.expire_statements import ExpireStatements
from shr_consent.use_cases.seal_access_log import SealAccessLog
from shr_consent.use_cases.state_consent import StateConsent

SERVICE = "consent"
RESTART_S = 1.0


def now() -> datetime:
    """The clock of the edge."""
    return datetime.now(UTC)


def assemble(settings: Settings) -> Assembly:
    """Everything, not started yet."""
    client = connect(settings.mongo_uri)
    database = client[settings.database_of(SERVICE)]
    timeout_s = settings.store_timeout_s
    producer = Producer(settings.kafka_bootstrap, client_id=f"shr-{SERVICE}")
    envelope = Envelope.load(settings.keys_dir, f"master-{SERVICE}")
    outbox = Outbox(database, envelope)
    beat = Heartbeat(producer)
    relay = Relay(database, producer, envelope, service=SERVICE, beat=beat, beat_every_s=settings.heartbeat_every_s)
    outbox.wake = relay.wake
    audit = AuditTrail(outbox, service=SERVICE, queue_limit=settings.queue_limit)
    key = AuditKey.load(settings.keys_dir, create=settings.environment == "development")

    statements = StatementStore(client, database, outbox, timeout_s=timeout_s)
    people = PeopleStore(client, database, timeout_s=timeout_s)
    registry = RegistryStore(client, database, timeout_s=timeout_s)
    authorship = AuthorshipStore(database, timeout_s=timeout_s)
    log = AccessLogStore(client, database, timeout_s=timeout_s)
    checkpoints = CheckpointStore(client, database, timeout_s=timeout_s)

    seal = SealAccessLog(log, checkpoints, key)
    expire = ExpireStatements(statements, request_days=settings.request_days)
    say = consents.Saying(
        ask=AskForConsent(statements, registry, pending_limit=settings.pending_limit),
        answer=AnswerRequest(statements, people),
        state=StateConsent(statements, people, statements_limit=settings.statements_limit),
        break_glass=BreakGlass(
            statements,
            registry,
            hours_limit=settings.break_glass_hours_limit,
            per_day_limit=settings.break_glass_per_day_limit,
        ),
    )
    listing = Listing(statements, people)
    subscribers = Subscribers(settings, SERVICE, DeadLetters(producer, Envelope.load(settings.keys_dir, "dlq")))
    for subscription in _subscriptions(
        settings,
        people=FollowPeople(people, statements, authorship),
        registry=FollowRegistry(registry),
        authorship=FollowAuthorship(authorship),
        accesses=ChainAccesses(log),
    ):
        subscribers.add(subscription)

    async def prepare() -> None:
        await indexes.prepare(database)
        await log.prepare()

    async def store_answers() -> str | None:
        try:
            await log.heads()
        except ShrError as error:
            return error.issues[0].text
        return None

    return Assembly(
        routers=[
            consents.request_router(say, listing, now),
            consents.consent_router(say, listing, now),
            decisions.router(DecideAccess(statements, people, registry, authorship), audit, now),
            access_log.router(
                access_log.AccessLog(log, people, audit), seal, proof_limit=settings.proof_limit, now=now
            ),
            fhir.router(statements, listing, now),
            keys.router(key, checkpoints),
        ],
        api_parts=[producer, audit, relay],
        workers=[
            subscribers,
            _every("expiry", settings.sweep_every_s, lambda: expire(now=now())),
            _every("checkpoints", settings.checkpoint_every_s, lambda: seal(now=now())),
        ],
        checks=[relay.check, subscribers.check, store_answers],
        prepare=prepare,
        close=client.close,
        subscribers=subscribers,
    )


def _subscriptions(
    settings: Settings,
    *,
    people: FollowPeople,
    registry: FollowRegistry,
    authorship: FollowAuthorship,
    accesses: ChainAccesses,
) -> Sequence[Subscription]:
    return [
        Subscription(settings.group_of(SERVICE, "people"), PATIENT_TOPICS, people),
        Subscription(settings.group_of(SERVICE, "registry"), (REGISTRY_CHANGED,), registry),
        Subscription(settings.group_of(SERVICE, "authorship"), (ENCOUNTER_RECORDED,), authorship),
        Subscription(settings.group_of(SERVICE, "access-log"), (RECORD_ACCESSED,), accesses),
    ]


def _every(name: str, seconds: float, work: Callable[[], Awaitable[object]]) -> Background:
    """Do ``work`` again and again; a store that is away is asked again later."""

    async def loop(stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            try:
                await work()
            except ShrError as error:
                if not error.temporary and error.category != "conflict":
                    raise
                await pause(stopping, RESTART_S)
            await pause(stopping, seconds)

    return Background(name, loop)
