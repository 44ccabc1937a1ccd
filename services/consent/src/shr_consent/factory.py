"""The only place where the parts of the consent service meet."""

from __future__ import annotations

import asyncio
import base64
import secrets
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

from shr_common.audit import AuditTrail
from shr_common.errors import ShrError
from shr_common.kafka import DeadLetters, Producer, Subscribers, Subscription
from shr_common.keys import Envelope
from shr_common.lifecycle import Background, pause
from shr_common.mongo import connect
from shr_common.outbox import Outbox, Relay
from shr_common.service import Assembly
from shr_contracts.topics import ENCOUNTER_RECORDED, PATIENT_TOPICS, RECORD_ACCESSED, REGISTRY_CHANGED

from shr_consent.domain.confirmation import CODE_DIGITS
from shr_consent.domain.messages import Seal
from shr_consent.http import access_log, consents, decisions, fhir, keys
from shr_consent.http.listing import Listing
from shr_consent.messaging.encounter_recorded import FollowAuthorship
from shr_consent.messaging.heartbeat import Heartbeat
from shr_consent.messaging.people import FollowPeople
from shr_consent.messaging.record_accessed import ChainAccesses
from shr_consent.messaging.registry_changed import FollowRegistry
from shr_consent.settings import Settings
from shr_consent.signing import AuditKey
from shr_consent.slow_hash import SlowHash
from shr_consent.storage import indexes
from shr_consent.storage.access_log import AccessLogStore
from shr_consent.storage.authorship import AuthorshipStore
from shr_consent.storage.checkpoints import CheckpointStore
from shr_consent.storage.confirmations import ConfirmationStore, PinStore
from shr_consent.storage.people import PeopleStore
from shr_consent.storage.registry import RegistryStore
from shr_consent.storage.statements import StatementStore
from shr_consent.use_cases.answer_request import AnswerRequest
from shr_consent.use_cases.ask_for_consent import AskForConsent
from shr_consent.use_cases.break_glass import BreakGlass
from shr_consent.use_cases.confirm_request import ConfirmRequest
from shr_consent.use_cases.decide_access import DecideAccess
from shr_consent.use_cases.end_guardians_say import EndGuardiansSay
from shr_consent.use_cases.expire_statements import ExpireStatements
from shr_consent.use_cases.seal_access_log import SealAccessLog
from shr_consent.use_cases.set_pin import SetPin
from shr_consent.use_cases.state_consent import StateConsent
from shr_consent.use_cases.tell_citizen import TellCitizen

SERVICE = "consent"
RESTART_S = 1.0
RECEIVER_OF_SECRETS = "master-healthid"
"""Under this key healthid opens what it has to send: it alone knows phone numbers."""


def now() -> datetime:
    """The clock of the edge."""
    return datetime.now(UTC)


def new_code() -> str:
    """A one-time code."""
    return f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"


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

    confirmations = ConfirmationStore(database, envelope, timeout_s=timeout_s)
    pins = PinStore(database, envelope, SlowHash(), timeout_s=timeout_s)
    statements = StatementStore(client, database, outbox, confirmations, timeout_s=timeout_s)
    people = PeopleStore(client, database, timeout_s=timeout_s)
    registry = RegistryStore(client, database, timeout_s=timeout_s)
    authorship = AuthorshipStore(database, timeout_s=timeout_s)
    log = AccessLogStore(client, database, timeout_s=timeout_s)
    checkpoints = CheckpointStore(client, database, timeout_s=timeout_s)

    seal = SealAccessLog(log, checkpoints, key)
    expire = ExpireStatements(statements, request_days=settings.request_days)
    tell = TellCitizen(people, registry, seal=_sealer(Envelope.load(settings.keys_dir, RECEIVER_OF_SECRETS)))
    say = consents.Saying(
        ask=AskForConsent(
            statements,
            registry,
            confirmations,
            tell,
            new_code=new_code,
            code_lifetime=timedelta(seconds=settings.code_lifetime_s),
            codes_per_hour_limit=settings.codes_per_hour_limit,
            pending_limit=settings.pending_limit,
        ),
        answer=AnswerRequest(statements, people),
        confirm=ConfirmRequest(
            statements,
            confirmations,
            pins,
            people,
            registry,
            tell,
            guesses_per_day_limit=settings.guesses_per_day_limit,
        ),
        set_pin=SetPin(pins),
        state=StateConsent(statements, people, statements_limit=settings.statements_limit),
        break_glass=BreakGlass(
            statements,
            registry,
            tell,
            hours_limit=settings.break_glass_hours_limit,
            per_day_limit=settings.break_glass_per_day_limit,
        ),
    )
    listing = Listing(statements, people)
    subscribers = Subscribers(settings, SERVICE, DeadLetters(producer, Envelope.load(settings.keys_dir, "dlq")))
    for subscription in _subscriptions(
        settings,
        people=FollowPeople(
            people,
            EndGuardiansSay(statements, people),
            (statements, authorship, confirmations, pins),
            now=now,
        ),
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
            fhir.router(listing, now),
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


def _sealer(envelope: Envelope) -> Seal:
    def seal(secret: str, notification_id: str) -> str:
        return base64.b64encode(envelope.seal(secret.encode(), notification_id.encode())).decode()

    return seal


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
