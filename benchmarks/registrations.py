"""Registrations on a running healthid: ``shr import``, single ones with 32 clients, ``$match``, look-up by number.

healthid runs as a process of its own with everything on (strict parsing, R4 validation, verification over HTTP, sealed
fields, counters, outbox and its relay to Kafka); the national service is a stand-in that answers at once. Broker and
database are started for the run and gone afterwards. Where other work shares the cores, compare the CPU time of a person
rather than the rates.

    python benchmarks/registrations.py [--persons 20000] [--seconds 4] [--growth] [--profile FILE] [--json]

``--growth``: loads a million people (minutes) and compares registrations and ``$match`` there with those at 100,000.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import orjson
import psutil
from profile_read import load, process, serving
from shr_common.testing import Issuer
from shr_contracts.topics import ALL_TOPICS
from shr_local.ports import free_ports
from shr_local.testing import start_infrastructure
from shr_local.topics import create_topics

HERE = Path(__file__)
SHR = str(Path(sys.executable).with_name("shr"))
GOAL_IMPORT, GOAL_SINGLE, GOAL_LOOKUP, GOAL_GROWTH = 1500, 200, 0.25, 0.8
SMALL, LARGE = 100_000, 1_000_000
NID = "http://dghs.gov.bd/identifier/nid"
GIVEN = {
    "female": [("Rahima", "রহিমা"), ("Fatema", "ফাতেমা"), ("Ayesha", "আয়েশা"), ("Nasrin", "নাসরিন"), ("Salma", "সালমা"),
               ("Shirin", "শিরিন"), ("Rokeya", "রোকেয়া"), ("Taslima", "তাসলিমা"), ("Jahanara", "জাহানারা"), ("Kohinoor", "কোহিনূর")],
    "male": [("Abdul", "আব্দুল"), ("Rafiqul", "রফিকুল"), ("Kamal", "কামাল"), ("Nazmul", "নাজমুল"), ("Shafiqul", "শফিকুল"),
             ("Jahangir", "জাহাঙ্গীর"), ("Mizanur", "মিজানুর"), ("Tariqul", "তরিকুল"), ("Habibur", "হাবিবুর"), ("Selim", "সেলিম")],
}  # fmt: skip
FAMILY = [("Khatun", "খাতুন"), ("Begum", "বেগম"), ("Akter", "আক্তার"), ("Islam", "ইসলাম"), ("Rahman", "রহমান"),
          ("Hossain", "হোসেন"), ("Uddin", "উদ্দিন"), ("Karim", "করিম"), ("Sarkar", "সরকার"), ("Mondal", "মন্ডল"),
          ("Chowdhury", "চৌধুরী"), ("Biswas", "বিশ্বাস"), ("Das", "দাস"), ("Talukdar", "তালুকদার")]  # fmt: skip
SYLLABLES = [
    "ra",
    "hi",
    "ma",
    "ka",
    "na",
    "sa",
    "ba",
    "la",
    "ta",
    "mi",
    "ni",
    "ri",
    "su",
    "ru",
    "du",
    "fa",
    "za",
    "ha",
    "ja",
    "ku",
    "mo",
]
DISTRICTS = ["3026", "8181", "2015", "5085", "4047", "1006", "6091", "3033", "5049", "2022"]


def person(number: int) -> dict[str, Any]:
    """The same person for a number, with an NID of 17 digits."""
    drawn = random.Random(number)
    gender = drawn.choice(("female", "male"))
    (given, given_bn), (family, family_bn) = drawn.choice(GIVEN[gender]), drawn.choice(FAMILY)
    middle = "".join(drawn.choices(SYLLABLES, k=3)).capitalize()
    year = drawn.randrange(1940, 2007)
    core = "https://fhir.dghs.gov.bd/core/StructureDefinition/"
    name, name_bn = f"{given} {middle} {family}", f"{given_bn} {family_bn}"
    return {
        "resourceType": "Patient",
        "identifier": [{"system": NID, "value": f"{year}{2_000_000_000_000 + number * 7919 % 10**12:013d}"[:16] + "1"},
                       {"type": {"text": "OpenMRS ID"}, "value": f"L{number}"}],
        "name": [{"use": "official", "text": name, "_text": {"extension": [
            {"url": f"{core}bd-name-en", "valueString": name}, {"url": f"{core}bd-name-bn", "valueString": name_bn}]}}],
        "gender": gender,
        "birthDate": f"{year}-{drawn.randrange(1, 13):02d}-{drawn.randrange(1, 29):02d}",
        "telecom": [{"system": "phone", "value": f"+88017{drawn.randrange(10**8):08d}"}],
        "address": [{"use": "home", "district": drawn.choice(DISTRICTS), "country": "BD"}],
    }  # fmt: skip


def write(file: Path, numbers: range) -> None:
    """People as lines."""
    with file.open("wb") as opened:
        for number in numbers:
            opened.write(orjson.dumps(person(number)) + b"\n")


def request(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """One POST as bytes."""
    said = {**headers, "Content-Length": str(len(body))}
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", *(f"{name}: {value}" for name, value in said.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


class Healthid:
    """A running healthid with its neighbours, and what it used of the machine."""

    def __init__(self, port: int, pids: dict[str, int], issuer: Issuer, environment: dict[str, str]) -> None:
        self.port = port
        self._pids = pids
        self._issuer = issuer
        self._environment = environment

    def headers(self) -> dict[str, str]:
        """Of a source."""
        return self._issuer.as_("source_system", source="openmrs", facility="10000001")

    def cpu_s(self) -> dict[str, float]:
        """CPU seconds of each process so far."""
        return {name: sum(psutil.Process(pid).cpu_times()[:2]) for name, pid in self._pids.items()}

    def import_(self, file: Path) -> dict[str, Any]:
        """``shr import`` as an operator runs it: persons a second, and the CPU time that a person took."""
        before = self.cpu_s()
        token = self.headers()["Authorization"].removeprefix("Bearer ")
        ran = subprocess.run(
            [SHR, "import", str(file), "--json"],
            env={**os.environ, **self._environment, "SHR_TOKEN": token},
            capture_output=True,
            check=False,
        )
        if ran.returncode:
            raise SystemExit(ran.stderr.decode() or ran.stdout.decode()[-500:])
        (said,) = json.loads(ran.stdout)["files"]
        used = {name: round((spent - before[name]) / said["sent"] * 1e6) for name, spent in self.cpu_s().items()}
        return {"per_second": round(said["per_second"]), "counts": said["counts"], "cpu_us": used}

    async def single(self, numbers: range, seconds: float) -> dict[str, float]:
        """Registrations one by one."""
        headers = self.headers() | {"Content-Type": "application/fhir+json"}
        bodies = [request("/fhir/Patient", orjson.dumps(person(n)), headers) for n in numbers]
        return await load(self.port, bodies, seconds, status=b"201")

    async def match(self, numbers: list[int], seconds: float) -> dict[str, float]:
        """``$match`` by what people say of themselves, without a number."""
        headers = self.headers() | {"Content-Type": "application/fhir+json"}
        bodies = []
        for number in numbers:
            asked = {name: value for name, value in person(number).items() if name != "identifier"}
            said = {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": asked}]}
            bodies.append(request("/fhir/Patient/$match", orjson.dumps(said), headers))
        return await load(self.port, bodies, seconds)

    def lookups(self, numbers: range) -> list[bytes]:
        """Exact look-ups by number."""
        headers = self.headers() | {"Content-Type": "application/x-www-form-urlencoded"}
        found = [person(n)["identifier"][0]["value"] for n in numbers]
        return [
            request("/fhir/Patient/_search", f"identifier={quote(f'{NID}|{nid}')}".encode(), headers) for nid in found
        ]


@contextlib.contextmanager
def world(keys: Path, profile: str | None) -> Iterator[Healthid]:
    """healthid, the national service, broker and database."""
    with contextlib.ExitStack() as ends:
        stores = ends.enter_context(start_infrastructure())
        issuer = Issuer(keys)
        port, national = free_ports(2)
        environment = {
            "SHR_MONGO_URI": stores.mongo_uri, "SHR_KAFKA_BOOTSTRAP": stores.kafka_bootstrap,
            "SHR_KEYS_DIR": str(keys), "SHR_HEALTHID_PORT": str(port), "SHR_ROLE": "both", "SHR_LOG_LEVEL": "WARNING",
            "SHR_ISSUER": str(issuer.settings()["issuer"]), "SHR_JWKS_URL": str(issuer.settings()["jwks_url"]),
            "SHR_VERIFICATION_URL": f"http://127.0.0.1:{national}",
        }  # fmt: skip
        answering = ends.enter_context(process([sys.executable, str(HERE), "--national", str(national)]))
        asyncio.run(create_topics(stores.kafka_bootstrap, ALL_TOPICS))
        command = [sys.executable, *(["-m", "cProfile", "-o", profile] if profile else []), "-m", "shr_healthid"]
        healthid = ends.enter_context(process(command, **environment))
        asyncio.run(serving(f"http://127.0.0.1:{port}/health/ready"))
        pids = {"healthid": healthid.pid, "national": answering.pid, "mongod": stores.mongo.process.pid,
                "kafka": stores.kafka.process.pid}  # fmt: skip
        yield Healthid(port, pids, issuer, {**environment, "SHR_HEALTHID_URL": f"http://127.0.0.1:{port}"})
        if profile:  # an interrupted process writes its profile, a terminated one does not
            healthid.send_signal(signal.SIGINT)
            healthid.wait(20)


async def measure_routes(healthid: Healthid, persons: int, seconds: float, keys: Path) -> dict[str, Any]:
    """Single registrations, matches, and look-ups beside a bare handler."""
    fresh = range(10 * LARGE, 10 * LARGE + int(seconds * 4000))
    said = {"single": await healthid.single(fresh, seconds)}
    drawn = random.Random(1).sample(range(persons), min(persons, 2000))
    said["match"] = await healthid.match(drawn, seconds)
    asked = healthid.lookups(range(min(persons, 2000)))
    async with httpx.AsyncClient() as client:
        head, _, body = asked[0].partition(b"\r\n\r\n")
        named = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
        found = await client.post(f"http://127.0.0.1:{healthid.port}/fhir/Patient/_search", content=body, headers=named)
        assert found.json()["total"] == 1, found.text
    page = keys / "found.json"
    page.write_bytes(found.content)
    (bare_port,) = free_ports(1)
    with process([sys.executable, str(HERE), "--bare", str(bare_port), str(page)]):
        await serving(f"http://127.0.0.1:{bare_port}/docs")
        for _ in range(2):  # the first round warms up
            said["lookup"] = await load(healthid.port, asked, seconds)
            said["bare"] = await load(bare_port, asked, seconds)
    return said


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Everything that was asked for."""
    with tempfile.TemporaryDirectory() as folder:
        keys = Path(folder) / "keys"
        keys.mkdir()
        with world(keys, options.profile) as healthid:
            file = Path(folder) / "people.ndjson"
            write(file, range(options.persons))
            result: dict[str, Any] = {"import": healthid.import_(file)}
            if not options.import_only:
                result |= asyncio.run(measure_routes(healthid, options.persons, options.seconds, keys))
                result["lookup_ratio"] = round(result["lookup"]["per_second"] / result["bare"]["per_second"], 3)
            if options.growth:
                result["growth"] = growth(healthid, options, Path(folder))
    return result


def growth(healthid: Healthid, options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Rates at a hundred thousand and at a million people."""
    rates: dict[int, dict[str, float]] = {}
    loaded = options.persons
    for size in (SMALL, LARGE):
        file = folder / f"people-{size}.ndjson"
        write(file, range(loaded, size))
        imported = healthid.import_(file)
        loaded = size
        drawn = random.Random(2).sample(range(size), 2000)
        fresh = range(20 * LARGE + size, 20 * LARGE + size + int(options.seconds * 4000))
        single = asyncio.run(healthid.single(fresh, options.seconds))
        match = asyncio.run(healthid.match(drawn, options.seconds))
        rates[size] = {"import": imported["per_second"], "single": single["per_second"], "match": match["per_second"]}
    return {name: round(rates[LARGE][name] / rate, 2) for name, rate in rates[SMALL].items()} | {"rates": rates}


def serve_bare(port: int, page: Path) -> None:
    """The yardstick: a FastAPI handler that returns the bytes."""
    import uvicorn
    from fastapi import FastAPI, Response

    app, body = FastAPI(), page.read_bytes()

    @app.post("/fhir/Patient/_search")
    async def search() -> Response:
        return Response(body, media_type="application/fhir+json")

    uvicorn.run(
        app, port=port, loop="uvloop", http="httptools", access_log=False, log_level="warning", server_header=False
    )


class National(asyncio.Protocol):
    """A national service that knows everybody and answers at once: it echoes what it was asked with."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport
        self._buffer = b""

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while True:
            head, found, rest = self._buffer.partition(b"\r\n\r\n")
            at = head.lower().find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if not found or len(rest) < length:
                return
            self._buffer = rest[length:]
            asked = orjson.loads(rest[:length])
            nid = asked["nidOrBrn"]
            citizen = {"name": asked["name"], "nameBangla": None, "dob": asked["dob"], "gender": None}
            said = orjson.dumps(
                {"verifyToken": "t", "citizenData": citizen, "nid": {"10": nid[-10:], "13": nid[-13:], "17": nid}}
            )
            self._transport.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(said), said)
            )


async def serve_national(port: int) -> None:
    """Until the process ends."""
    server = await asyncio.get_running_loop().create_server(National, "127.0.0.1", port)
    await server.serve_forever()


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--persons", type=int, default=20_000)
    options.add_argument("--seconds", type=float, default=4.0)
    options.add_argument("--import-only", action="store_true")
    options.add_argument("--growth", action="store_true", help="also at a million people")
    options.add_argument("--profile", help="write a cProfile of healthid here (it slows it down)")
    options.add_argument("--json", action="store_true")
    options.add_argument("--bare", nargs=2, metavar=("PORT", "FILE"), help=argparse.SUPPRESS)
    options.add_argument("--national", type=int, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.bare:
        serve_bare(int(given.bare[0]), Path(given.bare[1]))
    elif given.national:
        import uvloop

        uvloop.run(serve_national(given.national))
    else:
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
        report(measure(given), as_json=given.json)


def report(result: dict[str, Any], *, as_json: bool) -> None:
    """For a machine, or to read."""
    if as_json:
        print(json.dumps(result))
        return
    imported = result["import"]
    used = ", ".join(f"{name} {spent}" for name, spent in imported["cpu_us"].items())
    print(
        f"shr import          {imported['per_second']:>8,} persons/s  (goal {GOAL_IMPORT:,}); CPU of a person, µs: {used}"
    )
    if "single" in result:
        rates = {name: result[name]["per_second"] for name in ("single", "match", "lookup")}
        print(f"registration        {rates['single']:>8,.0f}/s  (goal {GOAL_SINGLE}), 32 clients; "
              f"p99 {result['single']['p99_ms']:.0f} ms, refused {result['single']['refused']}")  # fmt: skip
        print(f"$match              {rates['match']:>8,.0f}/s, p99 {result['match']['p99_ms']:.0f} ms")
        print(f"look-up by number   {rates['lookup']:>8,.0f}/s, ratio {result['lookup_ratio']}  (goal {GOAL_LOOKUP})")
    if "growth" in result:
        grown = {name: ratio for name, ratio in result["growth"].items() if name != "rates"}
        print(f"at a million, of the rate at a hundred thousand: {grown}  (goal {GOAL_GROWTH})")


if __name__ == "__main__":
    main()
