"""``shr import``: batches are acknowledged in order, a killed run goes on, nothing is lost or sent to nobody."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from shr_cli.main import run

SHR = str(Path(sys.executable).with_name("shr"))


@dataclass
class Registry:
    """Stands in for healthid and records: one person for each id, refusals and busy times as told."""

    persons: Counter[str] = field(default_factory=Counter)
    bundles: Counter[str] = field(default_factory=Counter)
    busy: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    failing_once: set[str] = field(default_factory=set)
    slow_s: float = 0.0
    requests: int = 0
    url: str = ""

    def answer(self, path: str, body: bytes) -> tuple[int, dict[str, str], Any]:
        self.requests += 1
        time.sleep(self.slow_s)
        if self.busy:
            status, headers = self.busy.pop(0)
            return status, headers, {"issue": [{"details": {"text": "later"}}]}
        if path == "/fhir":
            id_ = json.loads(body)["id"]
            self.bundles[id_] += 1
            return (422 if id_ == "wrong" else 200), {}, {"resourceType": "OperationOutcome", "issue": []}
        lines = [self.line(number, raw) for number, raw in enumerate(body.split(b"\n"), 1)]
        return 200, {}, {"lines": lines}

    def line(self, number: int, raw: bytes) -> dict[str, Any]:
        id_ = json.loads(raw)["id"]
        if id_ in self.failing_once:
            self.failing_once.remove(id_)
            return {"line": number, "state": "failed", "status": 503, "outcome": {}}
        if id_.startswith("bad"):
            return {"line": number, "state": "rejected", "status": 422, "outcome": {"issue": [{"code": "value"}]}}
        self.persons[id_] += 1
        return {"line": number, "state": "created" if self.persons[id_] == 1 else "existing", "status": 200}


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Registry]:
    standing = Registry()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, headers, said = standing.answer(self.path, body)
            content = json.dumps(said).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    standing.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name in ("HEALTHID", "RECORDS"):
        monkeypatch.setenv(f"SHR_{name}_URL", standing.url)
    monkeypatch.setenv("SHR_TOKEN", "t")
    monkeypatch.setenv("SHR_HOME", str(tmp_path))
    yield standing
    server.shutdown()
    server.server_close()


def patient(id_: str) -> str:
    return json.dumps({"resourceType": "Patient", "id": id_, "name": [{"text": "রহিমা"}]}, ensure_ascii=False)


def written(folder: Path, lines: list[str], *, name: str = "people.ndjson") -> Path:
    file = folder / name
    content = "\n".join(lines).encode()
    file.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return file


def imported(capsys: pytest.CaptureFixture[str], file: Path, *more: str, code: int = 0) -> dict[str, Any]:
    assert run(["import", str(file), "--json", *more]) == code
    (said,) = json.loads(capsys.readouterr().out)["files"]
    return dict(said)


@pytest.mark.parametrize("name", ["people.ndjson", "people.ndjson.gz"])
def test_persons_and_bundles_go_to_their_services(
    registry: Registry, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    bundle = json.dumps({"resourceType": "Bundle", "id": "visit", "type": "transaction"})
    lines = [*map(patient, map(str, range(25))), bundle, "", *map(patient, map(str, range(25, 30)))]
    said = imported(capsys, written(tmp_path, lines, name=name), "--batch", "10")
    assert said["counts"] == {"created": 30, "recorded": 1}
    assert (len(registry.persons), registry.bundles) == (30, {"visit": 1})
    assert said["refused_file"] is None and not list(tmp_path.glob("*.refused.ndjson"))
    again = imported(capsys, tmp_path / name)
    assert (again["sent"], again["counts"]) == (0, said["counts"]), "what is finished is not sent again"


def test_one_bundle_over_many_lines_is_one(
    registry: Registry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "visit.json"
    file.write_text(json.dumps({"resourceType": "Bundle", "id": "visit"}, indent=2))
    assert imported(capsys, file)["counts"] == {"recorded": 1}


def test_refused_lines_are_in_a_file_of_their_own_with_their_numbers(
    registry: Registry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = json.dumps({"resourceType": "Bundle", "id": "wrong"})
    lines = [
        patient("1"),
        "{not json",
        patient("bad-1"),
        '{"resourceType": "Practitioner"}',
        "[1]",
        wrong,
        patient("2"),
    ]
    said = imported(capsys, written(tmp_path, lines), code=3)
    assert said["counts"] == {"created": 2, "refused": 5}
    refused = [json.loads(line) for line in Path(said["refused_file"]).read_text().splitlines()]
    assert [(one["line"], one["status"]) for one in refused] == [(2, None), (3, 422), (4, None), (5, None), (6, 422)]
    assert "not a JSON object" in refused[0]["outcome"]["issue"][0]["details"]["text"]


def test_busy_and_undecided_lines_are_sent_again_until_they_are_decided(
    registry: Registry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    registry.busy = [(429, {"Retry-After": "0"}), (503, {"Retry-After": "0"}), (502, {"Retry-After": "0"})]
    registry.failing_once = {"3", "7"}
    said = imported(capsys, written(tmp_path, [patient(str(n)) for n in range(10)]), "--at-once", "1")
    assert said["counts"] == {"created": 10}
    assert set(registry.persons.values()) == {1}, "only what was not decided is sent again"


def test_a_service_that_stays_away_is_one_clear_line_and_the_next_run_goes_on(
    registry: Registry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, [patient(str(n)) for n in range(40)])
    registry.busy = [(503, {"Retry-After": "0"})] * 1000
    assert run(["import", str(file), "--patience", "0"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("shr: ") and said.count("\n") == 1 and "answered 503" in said
    registry.busy = []
    assert imported(capsys, file)["counts"] == {"created": 40}


@pytest.mark.parametrize("status", [401, 403, 413])
def test_a_refusal_of_the_whole_ends_it(
    registry: Registry, tmp_path: Path, capsys: pytest.CaptureFixture[str], status: int
) -> None:
    registry.busy = [(status, {})] * 100
    assert run(["import", str(written(tmp_path, [patient("1")]))]) == 1
    assert "later" in capsys.readouterr().err


@pytest.mark.parametrize("with_signal", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_import_goes_on_where_it_was(
    registry: Registry, tmp_path: Path, capsys: pytest.CaptureFixture[str], with_signal: int
) -> None:
    registry.slow_s = 0.05
    lines = [patient(f"bad-{n}" if n % 10 == 0 else str(n)) for n in range(400)]
    file = written(tmp_path, lines)
    child = subprocess.Popen(
        [SHR, "import", str(file), "--batch", "5", "--at-once", "3"], env=os.environ.copy(), stderr=subprocess.PIPE
    )
    until = time.monotonic() + 20
    while len(registry.persons) < 100:
        assert time.monotonic() < until
        time.sleep(0.01)  # until it is in the middle
    child.send_signal(with_signal)
    said = child.communicate(timeout=20)[1].decode()
    if with_signal != signal.SIGKILL:
        assert child.returncode == 130
        assert "run the same command to go on" in said and said.count("\n") == 1
    registry.slow_s = 0.0
    state = json.loads(file.with_name("people.ndjson.import-state").read_text())
    assert 60 <= state["line"] < 400
    done = imported(capsys, file, "--batch", "7", code=3)
    assert done["sent"] == 400 - state["line"]
    assert len(registry.persons) == 360, "nothing is lost"
    assert sum(registry.persons.values()) - 360 <= 3 * 5, "only what was under way is sent again"
    assert sum(done["counts"].values()) == 400 and done["counts"]["refused"] == 40
    refused = [json.loads(line)["line"] for line in Path(done["refused_file"]).read_text().splitlines()]
    assert refused == list(range(1, 400, 10)), "each refusal once"


def test_the_state_of_another_file_is_not_taken(
    registry: Registry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, [patient("1")])
    imported(capsys, file)
    written(tmp_path, [patient("2"), patient("3")])
    assert run(["import", str(file)]) == 1
    assert "--restart" in capsys.readouterr().err
    assert imported(capsys, file, "--restart")["counts"] == {"created": 2}
    file.with_name("people.ndjson.import-state").write_text("{")
    assert run(["import", str(file)]) == 1
    assert "cannot be read" in capsys.readouterr().err


def test_what_cannot_be_read_is_one_line(
    registry: Registry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["import", str(tmp_path / "none.ndjson")]) == 2
    assert "no such file" in capsys.readouterr().err
    cut = tmp_path / "cut.ndjson.gz"
    cut.write_bytes(gzip.compress(os.urandom(4000).hex().encode())[:500])
    assert run(["import", str(cut)]) == 1
    assert "damaged or cut off" in capsys.readouterr().err
