"""A running records service, a registry that tells of persons, and a hospital that submits."""

from __future__ import annotations

import json
import secrets
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiokafka.partitioner import murmur2
from shr_common.identifiers import health_id, is_issuable_base
from shr_common.keys import Envelope, LookupKey
from shr_common.messages import seal_number
from shr_common.mongo import connect, ensure_indexes
from shr_common.outbox import Outbox
from shr_common.testing import Issuer, Topics, eventually, running
from shr_contracts.topics import PARTITIONS
from shr_records.domain.people import registered_local_keys, uhid_key
from shr_records.domain.persons import PersonState
from shr_records.domain.reading import Limits
from shr_records.domain.submission import Submission, submission_key
from shr_records.main import create_app
from shr_records.settings import Settings
from shr_records.storage.knowledge import Codes, Registry
from shr_records.storage.people import People
from shr_records.storage.records import Records
from shr_records.storage.replica import Replica
from shr_records.storage.schema import INDEXES, KEY_INDEXES, KEYS
from shr_records.storage.vault import Vault
from shr_records.use_cases.follow_patients import FollowPatients
from shr_records.use_cases.record_submissions import RecordSubmissions

HOSPITAL = "openmrs/10000001"
_KEYS = {(murmur2(str(n).encode()) & 0x7FFFFFFF) % PARTITIONS: str(n) for n in range(200)}
KEY_OF_EACH_PARTITION = [_KEYS[partition] for partition in range(PARTITIONS)]
RAHIMA, KARIM = "98000173958", "98001046534"
Resource = dict[str, Any]


def a_person() -> str:
    """A Health ID that is nobody else's: all modules share the topics, and so the persons of whom they tell."""
    while not is_issuable_base(base := f"98{secrets.randbelow(10**8):08d}"):
        pass
    return health_id(base)


def observation(patient: str | None = RAHIMA, **changed: Any) -> Resource:
    """A blood pressure."""
    made: Resource = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}], "text": "রক্তচাপ"},
        "effectiveDateTime": "2026-11-20T10:00:00+06:00",
        "valueQuantity": {"value": 120, "unit": "mmHg", "system": "http://unitsofmeasure.org", "code": "mm[Hg]"},
    }
    if patient:
        made["subject"] = {"reference": patient if "/" in patient or ":" in patient else f"Patient/{patient}"}
    return {name: value for name, value in (made | changed).items() if value is not None}


def bundle(*resources: Resource, type: str = "transaction", **changed: Any) -> Resource:
    """A bundle of resources."""
    entries = []
    for resource in resources:
        entry: Resource = {"fullUrl": f"urn:uuid:{uuid.uuid4()}", "resource": resource}
        if type in ("transaction", "batch"):
            entry["request"] = {"method": "POST", "url": resource["resourceType"]}
        entries.append(entry)
    return {"resourceType": "Bundle", "type": type, "entry": entries} | changed


class Service:
    """The service under test, with its neighbours played by topics."""

    def __init__(self, client: httpx.AsyncClient, issuer: Issuer, topics: Topics, settings: Settings) -> None:
        self.client = client
        self.issuer = issuer
        self.topics = topics
        self.settings = settings
        self.lookup = LookupKey.load(settings.keys_dir)
        self._versions: dict[str, int] = {}

    def as_hospital(self, source: str = HOSPITAL, **headers: str) -> dict[str, str]:
        """The headers of a source system."""
        system, _, facility = source.partition("/")
        token = self.issuer.as_("source_system", source=system, facility=facility or None)
        return token | {"Content-Type": "application/fhir+json"} | headers

    async def submit(self, payload: Any, source: str = HOSPITAL, **headers: str) -> httpx.Response:
        """POST /fhir."""
        body = payload if isinstance(payload, bytes) else json.dumps(payload, ensure_ascii=False).encode()
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.post("/fhir", content=body, headers=self.as_hospital(source, **sent))

    async def publish(
        self, payload: Any, *, id: str, source: str = HOSPITAL, key: str | None = None, **more: str
    ) -> None:
        """Produce to encounter.submitted."""
        headers: dict[str, str | bytes] = {"ce_id": id, "ce_source": source, **more}
        await self.topics.publish("encounter.submitted", payload, key=key, headers=headers)

    async def state(self, id: str, source: str = HOSPITAL) -> Resource | None:
        """What /submissions says, None for 404."""
        answer = await self.client.get(
            "/submissions", params={"source": source, "id": id}, headers=self.as_hospital(source)
        )
        return answer.json() if answer.status_code == 200 else None

    async def reaches(self, state: str, id: str, source: str = HOSPITAL) -> Resource:
        """Wait until a submission is in a state."""

        async def there() -> Resource | None:
            found = await self.state(id, source)
            return found if found and found["state"] == state else None

        return await eventually(there, within_s=60, what=f"{id} being {state}")

    async def register(
        self,
        health_id: str,
        *,
        nid: str | None = None,
        local: tuple[str, str, str] | None = None,
        locals_: list[tuple[str, str, str]] | None = None,
        replaces: list[str] | None = None,
        wait: bool = True,
    ) -> None:
        """The registry tells of a person."""
        version = self._versions[health_id] = self._versions.get(health_id, 0) + 1
        held = [*(locals_ or []), *([local] if local else [])]
        value = {
            "health_id": health_id,
            "version": version,
            "status": "active",
            "lookup": {"nid": [self.lookup.hash("nid", nid)] if nid else [], "brn": []},
            "local_ids": [{"source": s, "system": y, "value": v} for s, y, v in held],
            "replaces": replaces or [],
            "at": "2026-11-23T00:00:00Z",
        }
        topic = "patient.registered" if version == 1 else "patient.updated"
        await self.topics.event(topic, value, key=health_id, source="healthid")
        if wait:
            await self.knows(health_id, version)

    async def merge(self, survivor: str, retired: str, *, undone: bool = False, version: int = 1) -> None:
        """The registry merges two persons."""
        value = {
            "survivor": survivor,
            "retired": retired,
            "undone": undone,
            "version": version,
            "at": "2026-11-23T00:00:00Z",
        }
        await self.topics.event("patient.merged", value, key=survivor, source="healthid")

    async def knows(self, health_id: str, version: int = 1) -> None:
        """Wait until the replica has a person."""
        people = self.database["people"]

        async def there() -> bool:
            found = await people.find_one({"_id": health_id})
            return bool(found) and found.get("version", 0) >= version

        await eventually(there, within_s=60, what=f"the replica knowing {health_id}")

    async def has_caught_up(self) -> None:
        """Wait until what other modules left on the topic is dealt with: else a new one may queue behind an old one."""
        refs = [f"caught-up-{uuid.uuid4()}" for _ in range(PARTITIONS)]
        for ref, key in zip(refs, KEY_OF_EACH_PARTITION, strict=True):
            await self.publish(b"", id=ref, key=key)
        for ref in refs:
            await self.reaches("rejected", ref)
        awaited = {"waiting": True, "persons.0": {"$exists": True}}

        async def healed() -> bool:
            return not await self.database["lookups"].count_documents(awaited)

        await eventually(healed, within_s=60, what="nobody waiting for somebody known")

    @property
    def database(self) -> Any:
        """The service's own database."""
        return self.mongo[self.settings.database_of("records")]

    mongo: Any = None
    a_person = staticmethod(a_person)
    observation = staticmethod(observation)
    bundle = staticmethod(bundle)


@pytest.fixture(scope="session")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Issuer:
    """Who mints the tokens. One for all modules: they share the topics, and so the keyed hashes on them."""
    return Issuer(Path(tmp_path_factory.mktemp("keys")))


@pytest.fixture(scope="module")
def make_settings(
    issuer: Issuer, mongo_uri: str, kafka_bootstrap: str, kafka_topics: tuple[str, ...]
) -> Callable[..., Settings]:
    """Settings with a namespace that is nobody else's."""

    def make(**changed: Any) -> Settings:
        fresh = {"namespace": f"t{uuid.uuid4().hex[:8]}", "sweep_every_s": 0.5} | changed
        return Settings(mongo_uri=mongo_uri, kafka_bootstrap=kafka_bootstrap, **fresh, **issuer.settings())

    return make


@asynccontextmanager
async def serving(settings: Settings, issuer: Issuer) -> AsyncIterator[Service]:
    """A running service that knows Rahima and Karim; its databases go with it."""
    from pymongo import AsyncMongoClient

    topics = Topics(settings.kafka_bootstrap)
    mongo: Any = AsyncMongoClient(settings.mongo_uri, tz_aware=True)
    async with running(create_app(settings)) as client:
        made = Service(client, issuer, topics, settings)
        made.mongo = mongo
        await made.register(RAHIMA, nid="1990123456789", local=(HOSPITAL, "OpenMRS ID", "100GEJ"))
        await made.register(KARIM)
        await made.has_caught_up()
        yield made
    await topics.stop()
    await mongo.drop_database(settings.database_of("records"))
    await mongo.drop_database(settings.database_of("records_keys"))
    await mongo.close()


@pytest.fixture(scope="module")
async def service(issuer: Issuer, make_settings: Callable[..., Settings]) -> AsyncIterator[Service]:
    """The service under its usual limits."""
    async with serving(make_settings(), issuer) as made:
        yield made


@pytest.fixture(scope="module")
async def small(issuer: Issuer, make_settings: Callable[..., Settings]) -> AsyncIterator[Service]:
    """The service with every limit so small that a test can reach it."""
    limits = {
        "body_limit_bytes": 4096, "bundle_entries_limit": 5, "json_depth_limit": 16, "page_size": 2,
        "page_size_limit": 3, "queue_limit": 30, "batch_items_limit": 3, "batch_bytes_limit": 3000,
        "store_timeout_s": 1.0, "intake_lanes": 1, "canonical_limit_bytes": 8192,
    }  # fmt: skip
    async with serving(make_settings(**limits), issuer) as made:
        yield made


class Desk:
    """The use cases over the real store, with a clock of the test's own."""

    def __init__(self, mongo_uri: str, tmp_path: Any, name: str) -> None:
        self.client = connect(mongo_uri)
        self.database = self.client[name]
        self.keys = self.client[f"{name}_keys"]
        (tmp_path / "master.key").write_bytes(b"m" * 32)
        (tmp_path / "lookup.key").write_bytes(b"l" * 32)
        master = Envelope.load(tmp_path, "master")
        self.lookup = LookupKey.load(tmp_path)
        vault = Vault(self.keys[KEYS], master)
        people = People(self.database, vault)
        self.records = Records(self.client, self.database, vault, people, Outbox(self.database, master), timeout_s=10)
        self.replica = Replica(self.client, self.database, vault, timeout_s=10)
        self.record = RecordSubmissions(
            self.records,
            codes=Codes(self.database),
            registry=Registry(self.database),
            hash_of=self.lookup.hash,
            seal=partial(seal_number, Envelope(b"n" * 32)),
            limits=Limits(),
        )
        self.now = datetime(2026, 11, 23, tzinfo=UTC)
        self.follow = FollowPatients(
            self.replica, self.records, self.record.heal, now=lambda: self.now, patience=timedelta(days=30)
        )
        self._versions: dict[str, int] = {}

    async def prepare(self) -> None:
        await ensure_indexes(self.database, INDEXES)
        await ensure_indexes(self.keys, KEY_INDEXES)

    async def registers(self, *persons: str, local: str | None = None, replaces: tuple[str, ...] = ()) -> None:
        changes = []
        for person in persons:
            version = self._versions[person] = self._versions.get(person, 0) + 1
            keys = {uhid_key(person)}
            if local:
                keys.update(registered_local_keys(HOSPITAL, "", local, self.lookup.hash))
            changes.append(PersonState(person, version, "active", keys, replaces))
        await self.follow(changes)

    async def submits(self, *payloads: tuple[str, Any], source: str = HOSPITAL) -> list[Any]:
        self.now += timedelta(milliseconds=1)
        sent = [
            Submission(source, json.dumps(body).encode(), self.now, id=ref, by_topic=True) for ref, body in payloads
        ]
        return await self.record(sent, at=self.now)

    async def state(self, ref: str, source: str = HOSPITAL) -> str:
        key = submission_key(source, ref)
        return (await self.records.receipts([key]))[key].state

    async def person(self, ref: str) -> str | None:
        key = submission_key(HOSPITAL, ref)
        return (await self.records.receipts([key]))[key].person


@pytest.fixture
async def desk(mongo_uri: str, tmp_path: Any, database: str):
    made = Desk(mongo_uri, tmp_path, database)
    await made.prepare()
    yield made
    await made.client.drop_database(f"{database}_keys")
    await made.client.close()
