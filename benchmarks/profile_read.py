"""Consented, audited profile reads with 32 connections, against a bare FastAPI handler that returns the same bytes.

Both run under uvicorn as processes of their own; broker and database are started for the run and gone afterwards. The
gateway does all of its work: token, fresh consent, decision item by item, audit entry durable (majority, journaled)
before the first byte, relay of the entries to Kafka, and folding them back into "who looked".

    python benchmarks/profile_read.py [--seconds 4] [--rounds 3] [--split] [--json]

``--split``: the gateway as two processes, API and worker, as it is deployed where it is scaled; else one, as locally.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import httpx
import orjson
from shr_common.kafka import Producer
from shr_common.kafka.producer import Message
from shr_common.testing import Issuer
from shr_contracts.cloudevents import CONSENT_HEARTBEAT, event_type, rfc3339
from shr_local.ports import free_ports
from shr_local.testing import start_infrastructure

CONNECTIONS = 32
PEOPLE = 500
VISITS = 3
PARTITIONS = 8
DOCTOR, HOSPITAL = "20000002", "10000002"
HERE = Path(__file__)


def resources(person: str, visit: int) -> list[dict[str, Any]]:
    """Eight resources of one visit."""
    day = (datetime(2026, 1, 10, tzinfo=UTC) + timedelta(days=30 * visit)).date().isoformat()
    encounter = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{person}/{visit}"))
    common = {"subject": {"reference": f"Patient/{person}"}, "encounter": {"reference": f"Encounter/{encounter}"}}
    loinc = [("8480-6", "Systolic blood pressure", 128.50, "mmHg"), ("8462-4", "Diastolic blood pressure", 84, "mmHg"),
             ("8867-4", "Heart rate", 76, "/min"), ("2339-0", "Glucose", 6.10, "mmol/L")]  # fmt: skip
    made: list[dict[str, Any]] = [
        {"resourceType": "Encounter", "id": encounter, "status": "finished", "subject": common["subject"],
         "class": {"code": "AMB"}, "period": {"start": f"{day}T09:00:00+06:00"}, "type": [{"text": "Outpatient visit"}]},
        {"resourceType": "Condition", "recordedDate": day, **common,
         "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10", "code": "I10", "display": "Hypertension"}]}},
        {"resourceType": "MedicationRequest", "status": "active", "intent": "order", "authoredOn": day, **common,
         "medicationCodeableConcept": {"text": "Losartan 50 mg"}, "dosageInstruction": [{"text": "1+0+0"}]},
        {"resourceType": "AllergyIntolerance", "recordedDate": day, "patient": common["subject"],
         "code": {"text": "Penicillin"}, "criticality": "high"},
    ]  # fmt: skip
    made += [
        {"resourceType": "Observation", "status": "final", "effectiveDateTime": f"{day}T09:10:00+06:00", **common,
         "code": {"coding": [{"system": "http://loinc.org", "code": code, "display": name}]},
         "valueQuantity": {"value": value, "unit": unit}}
        for code, name, value, unit in loinc
    ]  # fmt: skip
    return made


def people() -> list[str]:
    """Health IDs; whether their check digit is right does not matter to a read."""
    return [f"98{number:09d}" for number in range(PEOPLE)]


def event(topic: str, key: str, value: Any) -> Message:
    """An event as a service would publish it."""
    headers = [("ce_type", event_type(topic).encode()), ("ce_id", str(uuid.uuid4()).encode())]
    return Message(topic, key.encode(), orjson.dumps(value), headers)


async def fill(producer: Producer) -> None:
    """Everybody has visits, and has granted."""
    at = rfc3339(datetime.now(UTC))
    until = rfc3339(datetime.now(UTC) + timedelta(hours=2))
    for person in people():
        registered = {"health_id": person, "version": 1, "status": "active", "name": "Rahima Khatun",
                      "name_bn": "রহিমা খাতুন", "gender": "female", "birth_date": "1980-03-12", "via": "openmrs", "at": at}  # fmt: skip
        consent = {"consent_id": str(uuid.uuid4()), "patient": person, "version": 1, "status": "granted",
                   "recipient": {"type": "practitioner", "id": DOCTOR}, "purpose": "CAREMGT", "record_types": "*",
                   "expires_at": until, "access_mode": "VIEW", "at": at}  # fmt: skip
        messages = [event("patient.registered", person, registered), event("consent.changed", person, consent)]
        for visit in range(VISITS):
            entries = []
            for resource in resources(person, visit):
                id_ = resource.get("id") or str(uuid.uuid4())
                served = {**resource, "id": id_, "meta": {"versionId": "1", "lastUpdated": at}}
                entries.append({"type": resource["resourceType"], "id": id_, "version": 1, "resource": served})
            recorded = {"source": "openmrs/10000001", "submission_id": f"{person}-{visit}", "health_id": person,
                        "resources": entries, "recorded_at": at, "version": 1}  # fmt: skip
            messages.append(event("encounter.recorded", person, recorded))
        await producer.send(messages)


async def beat(producer: Producer) -> None:
    """Consent's heartbeat, each 250 ms."""
    sequence = 0
    while True:
        sequence += 1
        value = orjson.dumps({"at": rfc3339(datetime.now(UTC)), "seq": sequence})
        headers = [("ce_type", CONSENT_HEARTBEAT.encode())]
        await producer.send(Message("consent.changed", None, value, headers, partition=p) for p in range(PARTITIONS))
        await asyncio.sleep(0.25)


class Connection(asyncio.Protocol):
    """One keep-alive connection that asks again as soon as it was answered. Counts answers of the expected status."""

    def __init__(self, requests: list[bytes], start: int, status: bytes = b"200") -> None:
        self.answered = 0
        self._expected = b"HTTP/1.1 " + status
        self.refused = 0
        self.latencies_s: list[float] = []
        self._requests = requests
        self._next = start
        self._buffer = b""
        self._asked_at = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._ask()

    def _ask(self) -> None:
        assert self._transport is not None
        self._asked_at = time.perf_counter()
        self._transport.write(self._requests[self._next % len(self._requests)])
        self._next += CONNECTIONS

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        at = head.lower().index(b"content-length:") + 15
        length = int(head[at:].split(b"\r\n", 1)[0])
        if len(body) < length:
            return
        self._buffer = body[length:]
        self.latencies_s.append(time.perf_counter() - self._asked_at)
        if head.startswith(self._expected):
            self.answered += 1
        else:
            self.refused += 1
        self._ask()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()


async def load(port: int, requests: list[bytes], seconds: float, *, status: bytes = b"200") -> dict[str, float]:
    """Answers per second, and latencies."""
    loop = asyncio.get_running_loop()
    connections = []
    started = time.perf_counter()
    for number in range(CONNECTIONS):
        _, connection = await loop.create_connection(
            lambda number=number: Connection(requests, number, status), "127.0.0.1", port
        )
        connections.append(connection)
    await asyncio.sleep(seconds)
    elapsed = time.perf_counter() - started
    for connection in connections:
        connection.close()
    latencies = sorted(latency for connection in connections for latency in connection.latencies_s)
    refused = sum(connection.refused for connection in connections)
    return {
        "refused": refused,
        "per_second": sum(connection.answered for connection in connections) / elapsed,
        "p50_ms": latencies[len(latencies) // 2] * 1000,
        "p99_ms": latencies[int(len(latencies) * 0.99)] * 1000,
    }


def request(path: str, headers: dict[str, str]) -> bytes:
    """One GET as bytes."""
    lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


@contextlib.contextmanager
def process(arguments: list[str], **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that ends with the block."""
    child = subprocess.Popen(arguments, env={**os.environ, **environment}, stdout=subprocess.DEVNULL)
    try:
        yield child
    finally:
        child.terminate()
        child.wait(20)


async def serving(url: str) -> None:
    """Wait for a 200."""
    async with httpx.AsyncClient() as client:
        for _ in range(600):
            with contextlib.suppress(httpx.HTTPError):
                if (await client.get(url)).status_code == 200:
                    return
            await asyncio.sleep(0.1)
    raise SystemExit(f"{url} does not come up")


@contextlib.asynccontextmanager
async def world(kafka: str, mongo: str, keys: Path, *, split: bool) -> AsyncIterator[tuple[int, dict[str, str], int]]:
    """The gateway with everybody's record folded: (its port, a doctor's headers, its process id)."""
    issuer = Issuer(keys)
    (port,) = free_ports(1)
    environment = {
        "SHR_MONGO_URI": mongo, "SHR_KAFKA_BOOTSTRAP": kafka, "SHR_KEYS_DIR": str(keys), "SHR_GATEWAY_PORT": str(port),
        "SHR_ISSUER": str(issuer.settings()["issuer"]), "SHR_JWKS_URL": str(issuer.settings()["jwks_url"]),
    }  # fmt: skip
    headers = issuer.as_("practitioner", practitioner=DOCTOR, facility=HOSPITAL) | {"X-Purpose": "CAREMGT"}
    producer = Producer(kafka, client_id="benchmark")
    await producer.start()
    await fill(producer)
    beating = asyncio.create_task(beat(producer))
    try:
        with contextlib.ExitStack() as ends:
            command, role = [sys.executable, "-m", "shr_gateway"], "api" if split else "both"
            gateway = ends.enter_context(process(command, **environment, SHR_ROLE=role))
            if split:
                aside = {**environment, "SHR_ROLE": "worker", "SHR_GATEWAY_PORT": str(free_ports(1)[0])}
                ends.enter_context(process(command, **aside))
            await serving(f"http://127.0.0.1:{port}/health/ready")
            for person in people():
                await until_whole(port, person, headers)
            yield port, headers, gateway.pid
    finally:
        beating.cancel()
        await producer.stop()


async def until_whole(port: int, person: str, headers: dict[str, str]) -> None:
    """Wait until a person's visits are all there."""
    async with httpx.AsyncClient() as client:
        for _ in range(600):
            answer = await client.get(f"http://127.0.0.1:{port}/profile/{person}", headers=headers)
            if answer.status_code == 200 and len(answer.json()["timeline"]) == 8 * VISITS:
                return
            await asyncio.sleep(0.1)
    raise SystemExit(f"{person} is not there: {answer.status_code}")


async def measure(seconds: float, rounds: int, *, split: bool) -> dict[str, Any]:
    """Gateway and bare handler in turns."""
    from shr_contracts.topics import ALL_TOPICS
    from shr_local.topics import create_topics

    with contextlib.ExitStack() as ends, tempfile.TemporaryDirectory() as keys:
        stores = ends.enter_context(start_infrastructure())
        await create_topics(stores.kafka_bootstrap, ALL_TOPICS)
        async with world(stores.kafka_bootstrap, stores.mongo_uri, Path(keys), split=split) as (port, headers, pid):
            requests = [request(f"/profile/{person}", headers) for person in people()]
            async with httpx.AsyncClient() as client:
                body = (await client.get(f"http://127.0.0.1:{port}/profile/{people()[0]}", headers=headers)).content
            page = Path(keys) / "body.json"
            page.write_bytes(body)
            (bare_port,) = free_ports(1)
            ends.enter_context(process([sys.executable, str(HERE), "--bare", str(bare_port), str(page)]))
            await serving(f"http://127.0.0.1:{bare_port}/profile/x")
            await load(port, requests, 1.5)
            await load(bare_port, requests, 1.5)
            reads, bares = [], []
            for _ in range(rounds):
                reads.append(await load(port, requests, seconds))
                await asyncio.sleep(1)
                bares.append(await load(bare_port, requests, seconds))
            memory_mb = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 / 1e6
    read, bare = (statistics.median(one["per_second"] for one in many) for many in (reads, bares))
    return {
        "connections": CONNECTIONS,
        "processes": 2 if split else 1,
        "bytes": len(body),
        "items": 8 * VISITS,
        "reads_per_s": round(read),
        "bare_per_s": round(bare),
        "ratio": round(read / bare, 3),
        "p50_ms": round(statistics.median(one["p50_ms"] for one in reads), 1),
        "p99_ms": round(statistics.median(one["p99_ms"] for one in reads), 1),
        "refused": sum(one["refused"] for one in reads),
        "gateway_rss_mb": round(memory_mb),
    }


def serve_bare(port: int, page: Path) -> None:
    """The yardstick: a FastAPI handler that returns the bytes."""
    import uvicorn
    from fastapi import FastAPI, Response

    app, body = FastAPI(), page.read_bytes()

    @app.get("/profile/{health_id}")
    async def profile(health_id: str) -> Response:
        return Response(body, media_type="application/json")

    uvicorn.run(
        app, port=port, loop="uvloop", http="httptools", access_log=False, log_level="warning", server_header=False
    )


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--seconds", type=float, default=4.0)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--split", action="store_true")
    options.add_argument("--json", action="store_true")
    options.add_argument("--bare", nargs=2, metavar=("PORT", "FILE"), help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.bare:
        serve_bare(int(given.bare[0]), Path(given.bare[1]))
        return
    import uvloop

    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    found = uvloop.run(measure(given.seconds, given.rounds, split=given.split))
    if given.json:
        print(json.dumps(found))
        return
    print(
        f"profile read, {found['processes']} process(es), {found['items']} items, {found['bytes']} bytes, {found['connections']} connections"
    )
    print(
        f"  consented and audited  {found['reads_per_s']:>7,}/s   p50 {found['p50_ms']} ms   p99 {found['p99_ms']} ms"
    )
    print(f"  bare FastAPI handler   {found['bare_per_s']:>7,}/s")
    print(
        f"  ratio                  {found['ratio']:>7}   (floor 0.25, aim 0.4)   gateway {found['gateway_rss_mb']} MB"
    )


if __name__ == "__main__":
    main()
