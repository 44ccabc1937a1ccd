"""The only place where concrete parts meet."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from fastapi import APIRouter
from shr_common import messages
from shr_common.audit import AuditTrail
from shr_common.coalesce import Coalescer
from shr_common.errors import ShrError
from shr_common.fhir.json import JsonLimits
from shr_common.kafka import DeadLetters, Producer, Subscribers, Subscription
from shr_common.keys import Envelope, LookupKey
from shr_common.lifecycle import Background, Check, pause
from shr_common.mongo import Client, connect, ensure_indexes
from shr_common.outbox import Outbox, Relay
from shr_common.service import Assembly
from shr_contracts import topics

from shr_healthid.block_factory import block_parts
from shr_healthid.card_factory import card_parts
from shr_healthid.domain.application import Application
from shr_healthid.domain.body import parse
from shr_healthid.domain.outcomes import Outcome
from shr_healthid.domain.person import Person
from shr_healthid.domain.weights import Weights
from shr_healthid.http import approvals, feed, match, operations, patients, public, reviews, search
from shr_healthid.http.bulk import Bulk
from shr_healthid.http.desk import Desk
from shr_healthid.key_factory import key_parts
from shr_healthid.messaging import notification_requested, patient_submitted
from shr_healthid.messaging.secrets import opener
from shr_healthid.settings import Settings
from shr_healthid.storage.approvals import ApprovalStore
from shr_healthid.storage.candidates import CandidateStore
from shr_healthid.storage.collections import INDEXES
from shr_healthid.storage.counters import CounterStore
from shr_healthid.storage.feed import FeedStore
from shr_healthid.storage.messages import MessageStore
from shr_healthid.storage.mint import Mint
from shr_healthid.storage.persons import PersonStore
from shr_healthid.storage.refusals import RefusalStore
from shr_healthid.storage.registry import RegistryStore
from shr_healthid.storage.reviews import ReviewStore
from shr_healthid.storage.sealing import Sealing
from shr_healthid.storage.tokens import Tokens
from shr_healthid.use_cases.amend_person import AmendPerson
from shr_healthid.use_cases.answer_submitted_persons import AnswerSubmittedPersons
from shr_healthid.use_cases.decide_approval import DecideApproval
from shr_healthid.use_cases.decide_case import DecideCase
from shr_healthid.use_cases.deliver_notifications import DeliverNotifications
from shr_healthid.use_cases.link_birth_registration import LinkBirthRegistration
from shr_healthid.use_cases.merge_persons import MergePersons
from shr_healthid.use_cases.prove_numbers import ProveNumbers
from shr_healthid.use_cases.register_many import RegisterMany
from shr_healthid.use_cases.register_person import RegisterPerson, Rules, SettleRegistrations
from shr_healthid.use_cases.screen_newcomers import ScreenNewcomers
from shr_healthid.use_cases.verify_provisional import Backoff, VerifyProvisional
from shr_healthid.verification.circuit import Circuit
from shr_healthid.verification.national_service import NationalVerification
from shr_healthid.weights_file import load_weights

SERVICE = "healthid"
LOG = structlog.get_logger("shr.healthid")


def now() -> datetime:
    """The clock of the edges."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class _Parts:
    """What several builders share."""

    settings: Settings
    client: Client
    envelope: Envelope
    lookup: LookupKey
    outbox: Outbox
    persons: PersonStore
    registry: RegistryStore
    messages: MessageStore
    reviews: ReviewStore
    counters: CounterStore
    limits: JsonLimits
    sealing: Sealing
    weights: Weights
    candidates: CandidateStore
    screening: ScreenNewcomers


def assemble(settings: Settings) -> Assembly:
    """Build the service."""
    parts = _stores(settings)
    database = parts.client[settings.database_of(SERVICE)]
    producer = Producer(settings.kafka_bootstrap, client_id="shr-healthid")
    relay = Relay(database, producer, parts.envelope, service=SERVICE)
    parts.outbox.wake = relay.wake
    audit = AuditTrail(parts.outbox, service=SERVICE, queue_limit=settings.queue_limit)
    national = _national_service(parts)
    prove = ProveNumbers(national, parts.lookup)
    settle: Coalescer[Application, Outcome] = Coalescer(
        SettleRegistrations(parts.registry, parts.screening), items_limit=250, queue_limit=settings.queue_limit
    )
    register = _register(parts, prove, settle)
    recheck = _recheck(parts, prove, national)
    subscribers = _subscribers(parts, producer, register)
    desk = Desk(parts.persons, audit, parts.limits, now)
    amend = AmendPerson(parts.registry, parts.lookup, settings.policy())
    link = LinkBirthRegistration(parts.registry, prove, parts.lookup, parts.screening)
    bulk = Bulk(
        desk,
        RegisterMany(register, at_once=settings.bulk_at_once),
        lines_limit=settings.bulk_lines_limit,
    )
    blocks = block_parts(settings, parts.client, database, now=now)
    keys = key_parts(settings, database, parts.envelope, now=now)
    cards = card_parts(settings, parts.client, database, sealing=parts.sealing, desk=desk, now=now)
    by_numbers: Coalescer[Sequence[str], list[Person]] = Coalescer(parts.persons.by_numbers_each, lanes=2)
    routers = [
        public.router(parts.counters, now=now),
        search.router(
            desk,
            parts.lookup,
            by_numbers=by_numbers,
            page_size=settings.page_size,
            page_size_limit=settings.page_size_limit,
        ),
        match.router(desk, parts.lookup, parts.candidates, parts.weights),
        patients.router(desk, register, amend, bulk),
        operations.router(desk, link, amend, MergePersons(parts.registry)),
        *_deciding(parts, desk),
        blocks.router,
        feed.router(
            FeedStore(parts.client, database, timeout_s=settings.store_timeout_s),
            page_size_limit=settings.page_size_limit,
        ),
        *cards.routers,
        keys.router,
    ]
    if settings.environment == "development":
        routers.append(public.inbox_router(parts.messages, parts.persons, limit=settings.inbox_messages_limit))

    async def prepare() -> None:
        await ensure_indexes(database, INDEXES)

    return Assembly(
        routers=routers,
        # stopped in reverse order: the relay sends the last events
        api_parts=[producer, relay, national, audit, cards.studio, settle, keys.holder],
        workers=[subscribers, recheck, blocks.reporter, keys.rewrapping],
        checks=[relay.check, subscribers.check, _store_check(parts), _recheck_check(settings, recheck)],
        prepare=prepare,
        close=parts.client.close,
        subscribers=subscribers,
    )


def _stores(settings: Settings) -> _Parts:
    client = connect(settings.mongo_uri)
    database = client[settings.database_of(SERVICE)]
    envelope = Envelope.load(settings.keys_dir, "master-healthid")
    outbox = Outbox(database, envelope)
    lookup = LookupKey.load(settings.keys_dir)
    weights = load_weights(settings.match_weights)
    tokens = Tokens(lookup.hash, weights.words, weights_version=weights.version)
    sealing = Sealing(envelope, tokens)
    persons = PersonStore(database, sealing)
    candidates = CandidateStore(database, sealing, tokens, persons)
    return _Parts(
        settings=settings,
        client=client,
        envelope=envelope,
        lookup=lookup,
        outbox=outbox,
        persons=persons,
        registry=RegistryStore(
            client,
            database,
            outbox=outbox,
            mint=Mint(database, block=settings.mint_block),
            sealing=sealing,
            timeout_s=settings.store_timeout_s,
        ),
        messages=MessageStore(database, sealing),
        reviews=ReviewStore(database, sealing),
        counters=CounterStore(database),
        limits=JsonLimits(bytes=settings.body_limit_bytes, depth=settings.json_depth_limit),
        sealing=sealing,
        weights=weights,
        candidates=candidates,
        screening=ScreenNewcomers(candidates, weights),
    )


def _national_service(parts: _Parts) -> NationalVerification:
    settings = parts.settings
    return NationalVerification(
        settings.verification_url,
        performer=settings.verification_performer,
        connect_s=settings.verification_connect_s,
        read_s=settings.verification_read_s,
        connections=settings.verification_connections,
        circuit=Circuit(
            failures=settings.verification_failures,
            pause_s=settings.verification_pause_s,
            monotonic=time.monotonic,
        ),
        hash_of=parts.lookup.hash,
    )


def _register(parts: _Parts, prove: ProveNumbers, settle: Coalescer[Application, Outcome]) -> RegisterPerson:
    proven: Coalescer[Sequence[str], frozenset[str]] = Coalescer(parts.registry.proven_each, items_limit=500)
    return RegisterPerson(
        prove,
        parts.lookup,
        proven=proven,
        settle=settle,
        new_id=lambda: f"P-{uuid.uuid4()}",
        rules=Rules(
            newborn_days=parts.settings.newborn_days,
            recheck_first=timedelta(seconds=parts.settings.recheck_first_s),
        ),
    )


def _deciding(parts: _Parts, desk: Desk) -> list[APIRouter]:
    """What waits for a person to decide: the review queue, and changes that need a second person."""
    settings = parts.settings
    pages = {"page_usual": settings.page_size, "page_size_limit": settings.page_size_limit}
    store = ApprovalStore(parts.client[settings.database_of(SERVICE)], parts.sealing)
    decide = DecideApproval(parts.registry, lambda raw: parse(raw, parts.limits))
    return [
        reviews.router(desk, parts.reviews, DecideCase(parts.registry), **pages),
        approvals.router(desk, store, decide, **pages),
    ]


def _recheck(parts: _Parts, prove: ProveNumbers, national: NationalVerification) -> Background:
    """The worker that verifies provisional persons later; it spares a service that is known to be away."""
    settings = parts.settings
    verify = VerifyProvisional(
        parts.registry,
        parts.persons,
        prove,
        parts.screening,
        backoff=Backoff(
            timedelta(seconds=settings.recheck_first_s),
            timedelta(seconds=settings.recheck_longest_s),
            random.random,
        ),
        limit=settings.recheck_batch,
    )

    async def loop(stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            due = 0
            try:
                if not national.is_away:
                    due = await verify(now())
            except ShrError as error:
                LOG.warning("recheck_waits", reason=error.issues[0].text)
            except Exception as error:
                LOG.error("recheck_failed", exc_info=error)
            if due < settings.recheck_batch:
                await pause(stopping, settings.recheck_poll_s)

    return Background("later verification", loop)


def _subscribers(parts: _Parts, producer: Producer, register: RegisterPerson) -> Subscribers:
    settings = parts.settings
    dead_letters = DeadLetters(producer, Envelope.load(settings.keys_dir, "dlq"))
    subscribers = Subscribers(settings, SERVICE, dead_letters)
    refusals = RefusalStore(parts.client[settings.database_of(SERVICE)], parts.sealing)
    answer = AnswerSubmittedPersons(register, parts.outbox, refusals)
    from_services = Envelope.load(settings.keys_dir, messages.KEY)
    subscribers.add(
        Subscription(
            group=settings.group_of(SERVICE, "patients"),
            topics=(topics.PATIENT_SUBMITTED,),
            handle=patient_submitted.handler(answer, parts.limits, from_services),
        )
    )
    if settings.environment == "development":
        deliver = DeliverNotifications(parts.messages, open_secret=opener(parts.envelope))
        subscribers.add(
            Subscription(
                group=settings.group_of(SERVICE, "notifications"),
                topics=(topics.NOTIFICATION_REQUESTED,),
                handle=notification_requested.handler(deliver),
            )
        )
    return subscribers


def _store_check(parts: _Parts) -> Check:
    async def check() -> str | None:
        try:
            async with asyncio.timeout(2):
                await parts.client.admin.command("ping")
        except Exception:
            return "the store does not answer"
        return None

    return check


def _recheck_check(settings: Settings, recheck: Background) -> Check:
    async def check() -> str | None:
        return None if settings.role == "api" else await recheck.check()

    return check
