"""The only place where the gateway's concrete parts meet."""

from __future__ import annotations

import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from fastapi import APIRouter
from shr_common.audit import AuditTrail
from shr_common.coalesce import Coalescer
from shr_common.kafka import DeadLetters, Producer, Subscribers, Subscription
from shr_common.keys import Envelope
from shr_common.mongo import Client, connect, ensure_indexes
from shr_common.outbox import Outbox, Relay
from shr_common.security import Authenticator
from shr_common.service import Assembly
from shr_common.telemetry import traceparent
from shr_contracts import topics
from shr_contracts.cloudevents import Event, event_id, event_type, rfc3339

from shr_gateway.domain.freshness import Pulse
from shr_gateway.http import emergency, fhir, profile, public, signin
from shr_gateway.http.asking import audit_by
from shr_gateway.http.cursors import Cursors
from shr_gateway.http.hand_on import HandOn
from shr_gateway.http.pages.routes import routers as page_routers
from shr_gateway.http.sessions import BrowserSessions
from shr_gateway.messaging.appointment_changed import booking_of
from shr_gateway.messaging.by_topic import Handle, by_topic
from shr_gateway.messaging.cluster import Cluster
from shr_gateway.messaging.consent_changed import consent_of
from shr_gateway.messaging.consent_pulse import ConsentPulse
from shr_gateway.messaging.encounter_recorded import event_of
from shr_gateway.messaging.encounter_rejected import rejection_of
from shr_gateway.messaging.folding import Folding
from shr_gateway.messaging.patients import said_of
from shr_gateway.messaging.record_accessed import look_of
from shr_gateway.messaging.registry_changed import entry_of
from shr_gateway.messaging.result_acknowledged import acknowledgement_of
from shr_gateway.messaging.terminology_changed import concepts_of
from shr_gateway.settings import Settings
from shr_gateway.storage import own, views
from shr_gateway.storage.facts import FactsView
from shr_gateway.storage.known import CONSENT_VIEW, Known, KnownReader
from shr_gateway.storage.names import Names
from shr_gateway.storage.own import Emergencies
from shr_gateway.storage.people import PeopleView
from shr_gateway.storage.portal import PortalReads
from shr_gateway.storage.records import RecordsView
from shr_gateway.storage.rows import Rows
from shr_gateway.storage.sessions import SessionStore
from shr_gateway.storage.views import View
from shr_gateway.use_cases.acknowledge_result import AcknowledgeResult, Publish
from shr_gateway.use_cases.declare_emergency import DeclareEmergency
from shr_gateway.use_cases.disclose import Audit, Disclosure, Ports
from shr_gateway.use_cases.read_profile import ReadProfile
from shr_gateway.use_cases.read_resource import ReadResource
from shr_gateway.use_cases.search_records import SearchRecords

NAME = "gateway"
PAGES = ("/clinic", "/admin", "/me", "/registry")
PROBE = "-"


def now() -> datetime:
    """The wall clock, for audit entries and sessions; consent's expiry is judged by consent's clock."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Reading:
    """What routes and pages read with."""

    profile: ReadProfile
    search: SearchRecords
    resource: ReadResource
    acknowledge: AcknowledgeResult
    declare: DeclareEmergency
    portal: PortalReads
    names: Names
    disclosure: Disclosure


@dataclass
class GatewayAssembly(Assembly):
    """With what the pages are made of."""

    reading: Reading | None = None
    hand_on: HandOn | None = None


@dataclass(frozen=True)
class Stores:
    """Connections and what stands on them."""

    client: Client
    own_client: Client
    settings: Settings

    @property
    def views(self) -> Any:
        """The database of the views."""
        return self.client[self.settings.database_of(NAME)]

    @property
    def own(self) -> Any:
        """The database that no rebuild touches."""
        return self.own_client[self.settings.database_of(f"{NAME}_own")]

    async def prepare(self) -> None:
        """Create collections and indexes."""
        await ensure_indexes(self.views, views.INDEXES)
        await ensure_indexes(self.own, own.INDEXES)

    async def close(self) -> None:
        """Disconnect."""
        await self.client.close()
        if self.own_client is not self.client:
            await self.own_client.close()

    async def check(self) -> str | None:
        """Whether both answer."""
        try:
            await self.client.admin.command("ping")
            await self.own_client.admin.command("ping")
        except Exception as error:
            return f"the store does not answer ({type(error).__name__})"
        return None


def assemble(settings: Settings) -> GatewayAssembly:
    """All parts of the gateway, in their order of start."""
    client = connect(settings.mongo_uri)
    own_client = connect(settings.own_mongo_uri) if settings.own_mongo_uri else client
    stores = Stores(client, own_client, settings)
    envelope = Envelope.load(settings.keys_dir, f"master-{NAME}")
    producer = Producer(settings.kafka_bootstrap, client_id=f"shr-{NAME}")
    outbox = Outbox(stores.own, envelope)
    relay = Relay(stores.own, producer, envelope, service=NAME)
    # looks wait for the relay's next poll (250 ms): published one by one they would cost more than the read itself
    trail = AuditTrail(outbox, service=NAME, queue_limit=settings.queue_limit)
    cluster, pulse = Cluster(settings.kafka_bootstrap), Pulse()
    listening = ConsentPulse(settings.kafka_bootstrap, pulse)
    reader = KnownReader(
        stores.views,
        cluster=lambda: cluster.id,
        partitions=lambda: pulse.partitions,
        timeout_s=settings.store_timeout_s,
    )
    load: Coalescer[str, Known] = Coalescer(reader.load, queue_limit=settings.queue_limit, lanes=2)
    reading = _reading(settings, stores, reader, load, pulse, audit_by(trail), _publish_by(outbox))
    owners = {"consent": settings.consent_base, "healthid": settings.healthid_base}
    hand_on = HandOn(owners, timeout_s=settings.hand_on_timeout_s)
    subscribers = _subscribers(settings, stores, producer, cluster)
    tokens = _authenticator(settings, settings.audience)
    sessions = SessionStore(stores.own, envelope, now=now, timeout_s=settings.store_timeout_s)
    return GatewayAssembly(
        routers=[
            *_routers(settings, reading, hand_on, load, Cursors(envelope), sessions, tokens),
            *_pages(reading, hand_on, load, pulse),
        ],
        api_parts=[producer, cluster, relay, listening, load, trail, hand_on],
        workers=[subscribers],
        checks=[stores.check, relay.check, listening.check, subscribers.check],
        sessions=BrowserSessions(sessions, tokens, pages=(*PAGES, "/signout")),
        pages=PAGES,
        prepare=stores.prepare,
        close=stores.close,
        subscribers=subscribers,
        reading=reading,
        hand_on=hand_on,
    )


def _authenticator(settings: Settings, audience: str) -> Authenticator:
    return Authenticator(issuer=settings.issuer, audience=audience, jwks_url=settings.keys_url)


def _reading(
    settings: Settings,
    stores: Stores,
    reader: KnownReader,
    load: Coalescer[str, Known],
    pulse: Pulse,
    audit: Audit,
    publish: Publish,
) -> Reading:
    timeout_s = settings.store_timeout_s
    names = Names(stores.views, timeout_s=timeout_s)
    rows = Rows(stores.views, timeout_s=timeout_s)
    emergencies = Emergencies(stores.own, timeout_s=timeout_s)
    disclosure = Disclosure(
        Ports(
            load=load,
            standing=names.in_good_standing,
            emergencies=emergencies.in_force,
            audit=audit,
            pulse=pulse,
            monotonic=time.monotonic,
            consent_age_limit_s=settings.consent_age_limit_s,
        )
    )
    return Reading(
        profile=ReadProfile(disclosure, names=names.of, older=rows.older),
        search=SearchRecords(disclosure, rows=rows.of, bodies=rows.bodies),
        resource=ReadResource(disclosure, row=rows.one, versions=rows.versions),
        acknowledge=AcknowledgeResult(disclosure, publish=publish),
        declare=DeclareEmergency(
            audit=audit,
            keep=emergencies.add,
            new_id=lambda: str(uuid.uuid4()),
            limit_s=settings.emergency_limit_s,
        ),
        portal=PortalReads(stores.views, reader, timeout_s=timeout_s),
        names=names,
        disclosure=disclosure,
    )


def _publish_by(outbox: Outbox) -> Publish:
    """Writes ``result.acknowledged``: the same acknowledgement twice is the same event."""

    async def publish(said: Mapping[str, Any], at: datetime) -> None:
        type_ = event_type(topics.RESULT_ACKNOWLEDGED)
        aggregate = f"{said['patient']}/{said['reference']}/{said['practitioner']}"
        event = Event(
            topic=topics.RESULT_ACKNOWLEDGED,
            key=said["patient"],
            id=event_id(aggregate=aggregate, version=1, type=type_),
            type=type_,
            source=NAME,
            subject=said["reference"],
            time=at,
            value=orjson.dumps({**said, "version": 1, "at": rfc3339(at)}),
            traceparent=traceparent(),
        )
        await outbox.add([event])

    return publish


def _routers(
    settings: Settings,
    reading: Reading,
    hand_on: HandOn,
    load: Callable[[str], Any],
    cursors: Cursors,
    sessions: SessionStore,
    tokens: Authenticator,
) -> list[APIRouter]:
    async def consent_is_fresh() -> bool:
        return reading.disclosure.consent_clock(await load(PROBE)) is not None

    reads = fhir.FhirReads(
        reading.search,
        cursors,
        page_size=settings.page_size,
        page_size_limit=settings.page_size_limit,
        now=now,
    )
    provider = signin.Provider(
        settings.sign_in_url, settings.code_exchange_url, settings.portal_client, settings.hand_on_timeout_s
    )
    signing_in = signin.SigningIn(
        sessions,
        provider,
        tokens=tokens,
        id_tokens=_authenticator(settings, settings.portal_client),
        session_s=settings.session_s,
    )
    secure = settings.environment == "production"
    return [
        profile.router(reading.profile, reading.acknowledge, now=now),  # first: routes are tried in their order
        public.router(reading.portal),
        emergency.router(reading.declare, hand_on, consent_is_fresh=consent_is_fresh, now=now),
        fhir.router(reads, reading.resource, now=now),
        signin.router(signing_in, portal_url=settings.portal_url, secure=secure),
    ]


def _pages(reading: Reading, hand_on: HandOn, load: Callable[[str], Awaitable[Known]], pulse: Pulse) -> list[APIRouter]:
    async def consent_age() -> float | None:
        return pulse.age_s((await load(PROBE)).folded, now_s=time.monotonic())

    return page_routers(
        reads=reading.portal,
        read_profile=reading.profile,
        declare=reading.declare,
        hand_on=hand_on,
        consent_age=consent_age,
        now=now,
    )


def _subscribers(settings: Settings, stores: Stores, producer: Producer, cluster: Cluster) -> Subscribers:
    """One group for each stream that must not wait for another; the quiet topics share one."""

    def view(name: str) -> View:
        return View(
            stores.client, stores.views, name=name, cluster=lambda: cluster.id, timeout_s=settings.store_timeout_s
        )

    facts, records, people = FactsView(stores.views), RecordsView(stores.views), PeopleView(stores.views)
    quiet: dict[str, Handle] = {
        topics.REGISTRY_CHANGED: Folding(view("registry"), entry_of, facts.apply_registry),
        topics.TERMINOLOGY_CHANGED: Folding(view("names"), concepts_of, facts.apply_names),
        topics.APPOINTMENT_CHANGED: Folding(view("appointments"), booking_of, facts.apply_appointments),
        topics.ENCOUNTER_REJECTED: Folding(view("rejections"), rejection_of, facts.apply_rejections),
        topics.RESULT_ACKNOWLEDGED: Folding(
            view("acknowledgements"), acknowledgement_of, records.apply_acknowledgements
        ),
    }
    streams: dict[str, tuple[tuple[str, ...], Handle]] = {
        "consents": ((topics.CONSENT_CHANGED,), Folding(view(CONSENT_VIEW), consent_of, facts.apply_consents)),
        "records": ((topics.ENCOUNTER_RECORDED,), Folding(view("records"), event_of, records.apply)),
        "people": (topics.PATIENT_TOPICS, Folding(view("people"), said_of, people.apply)),
        "looks": ((topics.RECORD_ACCESSED,), Folding(view("looks"), look_of, facts.apply_looks)),
        "quiet": (tuple(quiet), by_topic(quiet)),
    }
    subscribers = Subscribers(settings, NAME, DeadLetters(producer, Envelope.load(settings.keys_dir, "dlq")))
    for name, (names, handle) in streams.items():
        subscribers.add(Subscription(settings.group_of(NAME, name), names, handle))
    return subscribers
