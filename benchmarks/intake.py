"""Intake of 8-resource bundles of registered patients: over Kafka and over HTTP, beside a bare loop.

The bare loop polls, parses, validates each resource with one compiled schema, and writes submissions, resources and
outbox in one majority- and journal-acknowledged transaction: what this machine gives Python on Kafka and MongoDB. Ours
runs as a process of its own with everything on (strict parsing, R4 validation, identity, codes, encryption, outbox and
its relay to Kafka). Both use the same broker and database, which are started for the run and gone afterwards.
Where other work shares the cores, compare the CPU time of a bundle rather than the rates.

    python benchmarks/intake.py [--bundles 4000] [--rounds 3] [--profile FILE] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson
import psutil
from aiokafka import AIOKafkaConsumer
from pymongo import AsyncMongoClient
from shr_common.identifiers import health_id, is_issuable_base
from shr_common.kafka import Producer
from shr_common.kafka.producer import Message
from shr_common.testing import Issuer
from shr_contracts.cloudevents import event_type
from shr_contracts.topics import ENCOUNTER_SUBMITTED, PATIENT_REGISTERED, TopicSpec
from shr_local.ports import free_ports
from shr_local.testing import start_infrastructure
from shr_local.topics import create_topics

RESOURCES = 8
PEOPLE = 1000
CONNECTIONS = 32
BATCH = 200
GOAL_KAFKA, GOAL_HTTP = 0.4, 0.2
SOURCE = "openmrs/10000001"


def people() -> list[str]:
    """Health IDs that could be issued."""
    bases = (f"98{n:08d}" for n in range(1_000_000, 9_000_000, 37))
    issuable = (health_id(base) for base in bases if is_issuable_base(base))
    return [next(issuable) for _ in range(PEOPLE)]


def bundle(person: str) -> bytes:
    """Eight blood pressures of one person, as a source that speaks FHIR sends them."""
    entries = []
    for _ in range(RESOURCES):
        resource = str(uuid.uuid4())
        entries.append({
            "fullUrl": f"urn:uuid:{resource}",
            "request": {"method": "POST", "url": "Observation"},
            "resource": {
                "resourceType": "Observation", "id": resource, "status": "final",
                "subject": {"reference": f"Patient/{person}"},
                "code": {"coding": [{"system": "http://loinc.org", "code": "8480-6", "display": "Systolic blood pressure"}],
                         "text": "BP"},
                "effectiveDateTime": "2026-11-20T10:00:00+06:00",
                "valueQuantity": {"value": 120.5, "unit": "mmHg", "system": "http://unitsofmeasure.org", "code": "mm[Hg]"},
            },
        })  # fmt: skip
    return orjson.dumps({"resourceType": "Bundle", "type": "transaction", "id": str(uuid.uuid4()), "entry": entries})


# The bare loop

_TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
OBSERVATION = {
    "type": "object",
    "required": ["resourceType", "status", "code"],
    "properties": {
        "resourceType": {"const": "Observation"},
        "id": {"type": "string", "pattern": r"^[A-Za-z0-9\-\.]{1,64}$"},
        "status": {"enum": ["registered", "preliminary", "final", "amended", "corrected", "cancelled"]},
        "subject": _TEXTS,
        "code": {
            "type": "object",
            "properties": {"text": {"type": "string"}, "coding": {"type": "array", "items": _TEXTS}},
            "additionalProperties": False,
        },
        "effectiveDateTime": {"type": "string", "pattern": r"^\d{4}"},
        "valueQuantity": {"type": "object"},
    },
    "additionalProperties": False,
}


def bare_rows(records: list[Any], validator: Any) -> tuple[list[Any], list[Any], list[Any]]:
    """Documents of a polled batch."""
    submissions, resources, outbox = [], [], []
    for record in records:
        parsed = orjson.loads(record.value)
        patient = ""
        for entry in parsed["entry"]:
            resource = entry["resource"]
            if not validator.is_valid(resource):
                raise ValueError(resource["id"])
            patient = resource["subject"]["reference"]
            resources.append({
                "_id": resource["id"], "patient": patient, "type": resource["resourceType"],
                "date": resource["effectiveDateTime"], "codes": ["http://loinc.org|8480-6"], "version": 1,
                "raw": orjson.dumps(resource),
            })  # fmt: skip
        submissions.append({"source": "bare", "submission": parsed["id"], "state": "recorded"})
        outbox.append({"key": patient, "value": record.value})
    return submissions, resources, outbox


async def bare_loop(kafka: str, mongo: str, payloads: list[bytes]) -> float:
    """Bundles a second."""
    name = f"bare-{uuid.uuid4().hex[:8]}"
    await create_topics(kafka, [TopicSpec(name, partitions=4)])
    await produce(kafka, [Message(name, str(n).encode(), body, []) for n, body in enumerate(payloads)])
    client: Any = AsyncMongoClient(
        f"{mongo}&w=majority&journal=true" if "?" in mongo else f"{mongo}/?w=majority&journal=true"
    )
    database = client[name]
    await database.submissions.create_index([("source", 1), ("submission", 1)], unique=True)
    await database.resources.create_index([("patient", 1), ("type", 1), ("date", -1)])
    await database.resources.create_index([("codes", 1)])
    await database.create_collection("outbox")
    consumer = AIOKafkaConsumer(
        name, bootstrap_servers=kafka, group_id=name, auto_offset_reset="earliest", enable_auto_commit=False,
        max_partition_fetch_bytes=4 << 20,
    )  # fmt: skip
    await consumer.start()
    validator = jsonschema_rs.validator_for(OBSERVATION)
    done, started = 0, time.perf_counter()
    while done < len(payloads):
        polled = await consumer.getmany(timeout_ms=200, max_records=BATCH)
        records = [record for partition in polled.values() for record in partition]
        if not records:
            continue
        submissions, resources, outbox = bare_rows(records, validator)
        async with client.start_session() as session, await session.start_transaction():
            await database.submissions.insert_many(submissions, session=session, ordered=False)
            await database.resources.insert_many(resources, session=session, ordered=False)
            await database.outbox.insert_many(outbox, session=session, ordered=False)
        await consumer.commit()
        done += len(records)
    elapsed = time.perf_counter() - started
    await consumer.stop()
    await client.drop_database(name)
    await client.close()
    return len(payloads) / elapsed


async def produce(kafka: str, messages: list[Message]) -> None:
    """Write everything, acknowledged."""
    producer = Producer(kafka, client_id="bench", timeout_s=60)
    await producer.start()
    for first in range(0, len(messages), 500):
        await producer.send(messages[first : first + 500])
    await producer.stop()


# Ours


@contextlib.contextmanager
def service(
    kafka: str, mongo: str, issuer: Issuer, port: int, profile: str | None
) -> Iterator[subprocess.Popen[bytes]]:
    """The records service as a process of its own."""
    known = issuer.settings()
    environment = os.environ | {
        "SHR_MONGO_URI": mongo, "SHR_KAFKA_BOOTSTRAP": kafka, "SHR_NAMESPACE": "bench", "SHR_RECORDS_PORT": str(port),
        "SHR_ISSUER": known["issuer"], "SHR_JWKS_URL": known["jwks_url"], "SHR_KEYS_DIR": str(known["keys_dir"]),
    }  # fmt: skip
    command = [sys.executable, "-m", "shr_records"]
    if profile:
        command = [sys.executable, "-m", "cProfile", "-o", profile, "-m", "shr_records"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


async def ready(port: int) -> None:
    """Wait until the service is ready."""
    for _ in range(600):
        with contextlib.suppress(OSError):
            async with Connection.open(port) as connection:
                if await connection.ask(b"GET /health/ready HTTP/1.1\r\nHost: bench\r\n\r\n") == 200:
                    return
        await asyncio.sleep(0.1)
    raise SystemExit("the service did not become ready")


async def count_reaches(collection: Any, count: int, within_s: float = 180) -> None:
    """Wait until a collection has so many documents."""
    deadline = time.monotonic() + within_s
    while await collection.estimated_document_count() < count:
        if time.monotonic() > deadline:
            raise SystemExit(f"only {await collection.estimated_document_count()} of {count} within {within_s} s")
        await asyncio.sleep(0.02)


def submitted(body: bytes) -> Message:
    """A bundle as a hospital produces it."""
    headers = [("ce_id", str(uuid.uuid4()).encode()), ("ce_source", SOURCE.encode())]
    return Message(ENCOUNTER_SUBMITTED, None, body, headers)


async def over_kafka(
    process: subprocess.Popen[bytes], kafka: str, database: Any, payloads: list[bytes]
) -> tuple[float, float]:
    """Bundles a second until recorded, and until their events have left the outbox as well."""
    before = await database.submissions.estimated_document_count()
    process.send_signal(signal.SIGSTOP)
    await produce(kafka, [submitted(body) for body in payloads])
    started = time.perf_counter()
    process.send_signal(signal.SIGCONT)
    await count_reaches(database.submissions, before + len(payloads))
    recorded = time.perf_counter() - started
    while await database.outbox.estimated_document_count():
        await asyncio.sleep(0.02)
    return len(payloads) / recorded, len(payloads) / (time.perf_counter() - started)


class Connection:
    """HTTP/1.1 over one socket, as cheap as a client can be: the generator runs on the same cores."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, port: int) -> AsyncIterator[Connection]:
        """Connect."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
        try:
            yield cls(reader, writer)
        finally:
            writer.close()

    async def ask(self, request: bytes) -> int:
        """Send and read one whole response; its status."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        place = head.lower().find(b"content-length:")
        if place >= 0:
            await self._reader.readexactly(int(head[place + 15 :].partition(b"\r\n")[0]))
        return int(head[9:12])


async def over_http(port: int, token: str, payloads: list[bytes]) -> float:
    """Bundles a second with 32 connections."""
    head = f"POST /fhir HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\nContent-Type: application/fhir+json\r\n"
    waiting = iter([f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body for body in payloads])

    async def client() -> None:
        async with Connection.open(port) as connection:
            for request in waiting:
                status = await connection.ask(request)
                if status != 200:
                    raise SystemExit(f"HTTP {status}")

    started = time.perf_counter()
    await asyncio.gather(*[client() for _ in range(CONNECTIONS)])
    return len(payloads) / (time.perf_counter() - started)


async def register(kafka: str, database: Any, persons: list[str]) -> None:
    """The registry tells of the patients."""
    messages = []
    for person in persons:
        value = {"health_id": person, "version": 1, "status": "active", "at": "2026-11-23T00:00:00Z"}
        said = [("ce_id", str(uuid.uuid4()).encode()), ("ce_type", event_type(PATIENT_REGISTERED).encode())]
        messages.append(Message(PATIENT_REGISTERED, person.encode(), orjson.dumps(value), said))
    await produce(kafka, messages)
    await count_reaches(database.people, len(persons))


def cpu_s(*processes: int) -> float:
    """CPU seconds that processes have used so far."""
    return sum(sum(psutil.Process(one).cpu_times()[:2]) for one in processes)


async def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """All rounds; medians in bundles a second."""
    persons = people()
    figures: dict[str, list[float]] = defaultdict(list)
    with start_infrastructure() as started, tempfile.TemporaryDirectory() as folder:
        kafka, mongo = started.kafka_bootstrap, started.mongo_uri
        await create_topics(kafka)
        issuer = Issuer(Path(folder))
        (port,) = free_ports(1)
        client: Any = AsyncMongoClient(mongo)
        database = client["bench_records"]
        token = issuer.token("source_system", source="openmrs", facility="10000001")
        with service(kafka, mongo, issuer, port, arguments.profile) as process:
            await ready(port)
            await register(kafka, database, persons)
            for round_ in range(arguments.rounds + 1):
                payloads = [bundle(persons[n % PEOPLE]) for n in range(arguments.bundles if round_ else 400)]
                mongod, count = started.mongo.process.pid, len(payloads) / 1e6
                found = {"bare": await bare_loop(kafka, mongo, payloads)}
                before = cpu_s(process.pid), cpu_s(mongod)
                found["kafka"], found["published"] = await over_kafka(process, kafka, database, payloads)
                found["service_cpu_us"] = (cpu_s(process.pid) - before[0]) / count
                found["database_cpu_us"] = (cpu_s(mongod) - before[1]) / count
                found["http"] = await over_http(
                    port, token, [bundle(persons[n % PEOPLE]) for n in range(len(payloads))]
                )
                for name, rate in found.items():
                    if round_:  # the first round warms up
                        figures[name].append(rate)
        await client.close()
    return {name: statistics.median(rates) for name, rates in figures.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundles", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--profile", help="write a cProfile of the service here (it slows it down)")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    rates = asyncio.run(measure(arguments))
    spent = {name: round(rates.pop(name)) for name in ("service_cpu_us", "database_cpu_us")}
    result = spent | {f"{name}_resources_per_s": round(rate * RESOURCES) for name, rate in rates.items()}
    result |= {f"{name}_ratio": round(rates[name] / rates["bare"], 2) for name in ("kafka", "published", "http")}
    if arguments.json:
        print(json.dumps(result))
        return
    print(f"bare loop           {result['bare_resources_per_s']:>8,} resources/s")
    print(
        f"Kafka, recorded     {result['kafka_resources_per_s']:>8,}   ratio {result['kafka_ratio']}  (goal {GOAL_KAFKA})"
    )
    print(f"Kafka, published    {result['published_resources_per_s']:>8,}   ratio {result['published_ratio']}")
    print(
        f"HTTP, 32 connections{result['http_resources_per_s']:>8,}   ratio {result['http_ratio']}  (goal {GOAL_HTTP})"
    )
    print(f"CPU of a bundle      service {spent['service_cpu_us']} µs, database {spent['database_cpu_us']} µs")


if __name__ == "__main__":
    main()
