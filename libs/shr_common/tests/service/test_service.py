"""The skeleton as a process: readiness tells the truth, the end is orderly, logs name nobody."""

from __future__ import annotations

import asyncio
import http.server
import json
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from prometheus_client.parser import text_string_to_metric_families
from shr_common.mongo import Client
from shr_common.settings import ServiceSettings, load, port_of
from shr_common.testing import Issuer, Topics, eventually
from shr_local.ports import free_ports
from shr_local.testing import Infrastructure

PROBE = Path(__file__).with_name("probe_service.py")


class Process:
    """One running probe."""

    def __init__(self, process: asyncio.subprocess.Process, port: int, log: Path) -> None:
        self.process = process
        self.log = log
        self.client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10)

    async def get(self, path: str) -> httpx.Response | None:
        try:
            return await self.client.get(path)
        except httpx.TransportError:
            return None

    async def is_ready(self) -> bool:
        answer = await self.get("/health/ready")
        return answer is not None and answer.status_code == 200

    async def reasons(self) -> list[str]:
        answer = await self.get("/health/ready")
        return answer.json().get("reasons", []) if answer is not None else []

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]


Start = Callable[..., Awaitable[Process]]


@pytest.fixture
async def start(
    settings_of: Callable[..., ServiceSettings], issuer: Issuer, topic: str, tmp_path: Path
) -> AsyncIterator[Start]:
    """``await start(SHR_X=...)``: a probe service as a process; None leaves a setting out."""
    running: list[Process] = []
    settings = settings_of()

    async def started(**changed: str | None) -> Process:
        [port] = free_ports(1)
        said = {
            "SHR_MONGO_URI": settings.mongo_uri,
            "SHR_KAFKA_BOOTSTRAP": settings.kafka_bootstrap,
            "SHR_NAMESPACE": settings.namespace,
            "SHR_KEYS_DIR": str(settings.keys_dir),
            "SHR_ISSUER": settings.issuer,
            "SHR_JWKS_URL": settings.keys_url,
            "SHR_RECORDS_PORT": str(port),
            "SHR_PROBE_TOPIC": topic,
            **changed,
        }
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SHR_")}
        log = tmp_path / f"log-{port}"
        with log.open("w") as out:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                str(PROBE),
                env=kept | {name: value for name, value in said.items() if value is not None},
                stdout=out,
                stderr=asyncio.subprocess.STDOUT,
            )
        running.append(Process(process, port, log))
        return running[-1]

    yield started
    for one in running:
        if one.process.returncode is None:
            one.process.kill()
            await one.process.wait()
        await one.client.aclose()


async def test_sigterm_finishes_what_was_accepted_and_ends_quickly(
    start: Start, issuer: Issuer, topics: Topics, topic: str
) -> None:
    probe = await start()
    await eventually(probe.is_ready, within_s=20)
    registrar = issuer.as_("registrar")
    asked = [asyncio.create_task(probe.client.post(f"/things/{n}", headers=registrar)) for n in range(20)]

    async def all_accepted() -> bool:
        return int((await probe.client.get("/accepted", headers=registrar)).text) == 20

    await eventually(all_accepted)  # most wait for the group commit now
    probe.process.send_signal(signal.SIGTERM)
    answers = await asyncio.gather(*asked)
    assert [answer.status_code for answer in answers] == [200] * 20
    code = await asyncio.wait_for(probe.process.wait(), timeout=10)
    assert code in (0, -signal.SIGTERM)
    # the relay publishes what was committed before it ends
    assert {record.id for record in await topics.read(topic, count=20)} == {str(n) for n in range(20)}
    assert [line["event"] for line in probe.lines()] == ["ready"]


async def test_logs_are_json_that_names_nobody_and_quotes_no_exception(
    start: Start, issuer: Issuer, kafka_bootstrap: str
) -> None:
    probe = await start()
    await eventually(probe.is_ready, within_s=20)
    answer = await probe.client.get("/broken/98000173958", headers=issuer.as_("registrar"))
    assert answer.status_code == 500
    probe.process.send_signal(signal.SIGTERM)
    await probe.process.wait()
    assert "98000173958" not in probe.log.read_text()
    lines = probe.lines()  # every line is JSON, those of libraries too
    assert {line["service"] for line in lines} == {"records"}
    told = [line for line in lines if line.get("exception") == "ValueError"]
    assert told
    assert any("probe_service.py" in frame for frame in told[0]["frames"])


async def test_a_missing_or_wrong_setting_stops_the_start_with_its_name_in_one_line(start: Start) -> None:
    wrong: dict[str, str | None] = {
        "SHR_MONGO_URI": None,
        "SHR_PROBE_TOPIC": None,
        "SHR_ROLE": "king",
        "SHR_RECORDS_PORT": "http",
        "SHR_KEYS_DIR": "/nowhere",
    }
    probes = {name: await start(**{name: value}) for name, value in wrong.items()}
    for name, probe in probes.items():
        assert await asyncio.wait_for(probe.process.wait(), timeout=30) == 1
        [line] = probe.log.read_text().splitlines()
        assert name in line


async def test_readiness_tells_the_truth_while_the_store_is_away_at_the_start_and_later(
    infrastructure: Infrastructure, start: Start
) -> None:
    infrastructure.mongo.kill()
    try:
        probe = await start()
        assert await eventually(probe.reasons, within_s=20)
        live = await probe.get("/health/live")
        assert live is not None
        assert live.status_code == 200
        assert "starting" in await probe.reasons()
    finally:
        await asyncio.to_thread(infrastructure.mongo.start_again)
    await eventually(probe.is_ready, within_s=20)

    infrastructure.mongo.kill()
    try:
        await eventually(probe.reasons, within_s=10)
        assert "the store does not answer" in await eventually(probe.reasons)
    finally:
        await asyncio.to_thread(infrastructure.mongo.start_again)
    await eventually(probe.is_ready, within_s=20)
    probe.process.send_signal(signal.SIGTERM)
    await asyncio.wait_for(probe.process.wait(), timeout=10)


async def test_docs_need_nothing_from_elsewhere_and_metrics_are_valid(start: Start, issuer: Issuer) -> None:
    probe = await start()
    await eventually(probe.is_ready, within_s=20)
    page = (await probe.client.get("/docs")).text
    assert "https://" not in page
    assert "http://" not in page
    for asset in ("swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png"):
        assert f"/docs/assets/{asset}" in page
        assert (await probe.client.get(f"/docs/assets/{asset}")).status_code == 200
    paths = (await probe.client.get("/openapi.json")).json()["paths"]
    assert {"/things/{name}", "/health/ready", "/metrics"} <= set(paths)

    await probe.client.post("/things/98000173958", headers=issuer.as_("registrar"))
    metrics = (await probe.client.get("/metrics")).text
    families = {family.name: family for family in text_string_to_metric_families(metrics)}
    assert {"shr_outbox_age_seconds", "shr_consumer_lag_records", "shr_http_seconds"} <= set(families)
    assert 'route="/things/{name}"' in metrics
    assert "98000173958" not in metrics


@pytest.fixture
def collector() -> Any:
    """A small OTLP/HTTP collector: ``spans`` is what it was told."""
    spans: list[Any] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told = ExportTraceServiceRequest()
            told.ParseFromString(self.rfile.read(int(self.headers["content-length"])))
            for resource in told.resource_spans:
                for scope in resource.scope_spans:
                    spans.extend(scope.spans)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_said: Any) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", spans
    server.shutdown()
    server.server_close()
    thread.join()


async def test_one_trace_passes_from_http_through_the_event_to_its_consumer(
    start: Start, issuer: Issuer, collector: Any, client: Client, settings_of: Callable[..., ServiceSettings]
) -> None:
    endpoint, spans = collector
    probe = await start(SHR_OTLP_ENDPOINT=endpoint)
    await eventually(probe.is_ready, within_s=20)
    trace = "0af7651916cd43dd8448eb211c80319c"
    headers = issuer.as_("registrar") | {"traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    await probe.client.post("/things/98000173958", headers=headers)
    seen = client[settings_of().database_of("probe")]["seen"]
    consumed = await eventually(seen.find_one)
    assert consumed["traceparent"].split("-")[1] == trace
    assert consumed["now"].split("-")[1] == trace
    probe.process.send_signal(signal.SIGTERM)
    await probe.process.wait()
    mine = [span for span in spans if span.trace_id.hex() == trace]
    names = {span.name for span in mine}
    assert "POST /things/{name}" in names
    assert any(name.endswith(".seen process") for name in names)
    assert "shr_probe.insert" in {name.replace(settings_of().namespace, "shr") for name in names}
    assert b"98000173958" not in b"".join(span.SerializeToString() for span in spans)
    assert b"98000173958" not in probe.log.read_bytes()


def test_settings_name_what_is_wrong_and_repeat_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("SHR_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("SHR_PAGE_SIZE", "secret-value")
    with pytest.raises(SystemExit) as ended:
        load(ServiceSettings)
    said = str(ended.value)
    assert "\n" not in said
    for name in ("SHR_MONGO_URI", "SHR_KAFKA_BOOTSTRAP", "SHR_KEYS_DIR", "SHR_PAGE_SIZE"):
        assert name in said
    assert "secret-value" not in said


def test_ports_are_moved_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHR_GATEWAY_PORT", "9999")
    assert port_of("gateway", 8000) == 9999
    assert port_of("consent", 8003) == 8003
