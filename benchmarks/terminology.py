"""``$validate-code``: in process, and over HTTP beside a bare FastAPI GET that returns the same bytes.

``.venv/bin/python -m benchmarks.terminology [--seconds N]`` prints medians and ratios. The server runs in a process of
its own, 16 connections; broker and database are started for the run and removed after it. Rates are given by the
clock and by the server's own processor time, which says more on a machine that is busy with other things.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

CONNECTIONS = 16
ROUNDS = 3
CODES = 20_000


def code_system() -> dict[str, Any]:
    """A code system of 20,000 codes below 20 chapters."""
    chapters = [
        {
            "code": f"C{chapter:02d}",
            "display": f"Chapter {chapter}",
            "concept": [
                {"code": f"C{chapter:02d}.{n:03d}", "display": f"Finding {n} of chapter {chapter}"}
                for n in range(CODES // 20 - 1)
            ],
        }
        for chapter in range(20)
    ]
    return {
        "resourceType": "CodeSystem", "url": "http://example.org/bench", "version": "1", "status": "active",
        "content": "complete", "concept": chapters,
    }  # fmt: skip


def codings(count: int) -> list[str]:
    """Codes to ask for; one in ten is unknown."""
    choose = random.Random(7)
    return [
        f"C{choose.randrange(20):02d}.{choose.randrange(CODES // 20 - 1):03d}" if n % 10 else f"X{n}"
        for n in range(count)
    ]


def in_process(seconds: float) -> float:
    """Validations per second of processor time."""
    from shr_terminology.domain.index import Terminology

    index = Terminology([code_system()])
    asked = codings(10_000)
    validate, url = index.validate, "http://example.org/bench"
    done, start = 0, time.process_time()
    while (spent := time.process_time() - start) < seconds:
        for code in asked:
            validate(url, code)
        done += len(asked)
    return done / spent


async def hammer(url: str, pid: int, paths: list[str], headers: dict[str, str], seconds: float) -> tuple[float, float]:
    """Requests per second, by the clock and by the server's processor time, over keep-alive connections.

    A plain HTTP/1.1 client, which costs little itself.
    """
    host, _, port = url.removeprefix("http://").partition(":")
    deadline = time.perf_counter() + seconds
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    requests = [f"GET {path} HTTP/1.1\r\nHost: {host}\r\n{lines}\r\n".encode() for path in paths]

    async def connection(number: int) -> int:
        reader, writer = await asyncio.open_connection(host, int(port))
        done = 0
        while time.perf_counter() < deadline:
            writer.write(requests[(number * 997 + done) % len(requests)])
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head[:200]
            size = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            await reader.readexactly(size)
            done += 1
        writer.close()
        return done

    start, used = time.perf_counter(), _processor_s(pid)
    total = sum(await asyncio.gather(*(connection(number) for number in range(CONNECTIONS))))
    return total / (time.perf_counter() - start), total / (_processor_s(pid) - used)


BARE = """
import sys, uvicorn
from fastapi import FastAPI, Response
app = FastAPI()
body = sys.argv[2].encode()
@app.get("/bare")
async def bare() -> Response:
    return Response(body, media_type="application/fhir+json")
uvicorn.run(app, port=int(sys.argv[1]), loop="uvloop", http="httptools", access_log=False, log_level="warning")
"""


async def over_http(seconds: float) -> dict[str, float]:
    """Median rates of the service (answers ready, and each asked once) and of the bare handler; resident memory."""
    import httpx
    from shr_common.testing import Issuer
    from shr_local.ports import free_ports
    from shr_local.testing import start_infrastructure

    with start_infrastructure() as infrastructure, tempfile.TemporaryDirectory() as folder:
        await asyncio.to_thread(infrastructure.create_topics)
        issuer = Issuer(Path(folder))
        port, bare_port = free_ports(2)
        said = issuer.settings()
        environment = os.environ | {
            "SHR_MONGO_URI": infrastructure.mongo_uri,
            "SHR_KAFKA_BOOTSTRAP": infrastructure.kafka_bootstrap,
            "SHR_ISSUER": said["issuer"],
            "SHR_JWKS_URL": said["jwks_url"],
            "SHR_KEYS_DIR": str(said["keys_dir"]),
            "SHR_TERMINOLOGY_PORT": str(port),
        }
        base, bare = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{bare_port}"
        service = _started(["-m", "shr_terminology"], environment)
        try:
            async with httpx.AsyncClient(timeout=60, trust_env=False) as client:
                await _until_ready(client, f"{base}/health/ready")
                admin = issuer.as_("administrator")
                body = json.dumps(code_system()).encode()
                (await client.post(f"{base}/loads", content=body, headers=admin)).raise_for_status()
                path = "/fhir/CodeSystem/$validate-code?url=http://example.org/bench&code="
                one = await client.get(f"{base}{path}C01.001", headers=admin)
                handler = _started(["-c", BARE, str(bare_port), one.text], dict(os.environ))
                try:
                    await _until_ready(client, f"{bare}/bare")
                    found = await _rounds((base, service.pid), (bare, handler.pid), path, admin, seconds)
                    return found | {"rss_mb": _resident_mb(service.pid)}
                finally:
                    handler.terminate()
                    handler.wait()
        finally:
            service.terminate()
            service.wait()


Server = tuple[str, int]


async def _rounds(
    service: Server, bare: Server, path: str, headers: dict[str, str], seconds: float
) -> dict[str, float]:
    few = [f"{path}{code}" for code in codings(500)]
    rates: dict[str, list[tuple[float, float]]] = {"ready": [], "fresh": [], "bare": []}
    for turn in range(ROUNDS):
        rates["bare"].append(await hammer(*bare, ["/bare"], headers, seconds))
        rates["ready"].append(await hammer(*service, few, headers, seconds))
        # a parameter that differs each time defeats the kept answers
        fresh = [f"{path}C01.001&x={turn}-{n}" for n in range(200_000)]
        rates["fresh"].append(await hammer(*service, fresh, headers, seconds))
    return {
        f"{name}_{by}": statistics.median(pair[place] for pair in found)
        for name, found in rates.items()
        for place, by in enumerate(("clock", "cpu"))
    }


def _started(arguments: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, *arguments], env=environment, stdout=subprocess.DEVNULL)


async def _until_ready(client: Any, url: str) -> None:
    import httpx

    for _ in range(600):
        try:
            if (await client.get(url)).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        await asyncio.sleep(0.1)
    raise SystemExit(f"{url} does not answer")


def _processor_s(pid: int) -> float:
    import psutil

    used = psutil.Process(pid).cpu_times()
    return float(used.user + used.system)


def _resident_mb(pid: int) -> float:
    import psutil

    return float(psutil.Process(pid).memory_info().rss) / 1e6


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0)
    seconds = parser.parse_args().seconds
    rate = statistics.median(in_process(seconds / 3) for _ in range(ROUNDS))
    print(f"terminology: $validate-code in process {rate:,.0f}/s (aim 500,000/s)")
    found = asyncio.run(over_http(seconds))
    for name, words in (("ready", "answers kept ready"), ("fresh", "each asked for the first time")):
        clock, cpu = (found[f"{name}_{by}"] / found[f"bare_{by}"] for by in ("clock", "cpu"))
        rate = found[f"{name}_clock"]
        print(
            f"terminology: HTTP, {words}: {rate:,.0f}/s = {clock:.2f} of a bare GET, {cpu:.2f} by processor time (0.7)"
        )
    print(f"terminology: bare GET {found['bare_clock']:,.0f}/s; resident {found['rss_mb']:.0f} MB with {CODES:,} codes")


if __name__ == "__main__":
    main()
