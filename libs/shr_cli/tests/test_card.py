"""``shr card verify``: one clear line, and a code that scripts can rely on; no connection needed."""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from joserfc.jwk import ECKey
from shr_cli.main import run
from shr_healthid.card_keys import CardKeys
from shr_healthid.domain.cards import Claims
from shr_healthid.domain.status_list import BITS, TYPE, packed, subject_of

RAHIMA = Claims("98001046534", "Rahima Khatun", 12, "2026-11-23")
KEYS = CardKeys(ECKey.generate_key("P-256"))
TEXT = KEYS.sign(RAHIMA.as_json())


def listed(*, keys: CardKeys = KEYS, expires_in: int = 60, part: int = 0, **ended: int) -> str:
    """A part of the status list, with these numbers: ``lost=12``."""
    lst = packed((number, status) for status, number in ended.items())
    claims = {"sub": subject_of(part), "exp": int(time.time()) + expires_in, "status_list": {"bits": BITS, "lst": lst}}
    return keys.sign(claims, type=TYPE)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SHR_HOME", str(tmp_path))
    monkeypatch.delenv("SHR_KEYS_DIR", raising=False)
    return tmp_path


@pytest.fixture
def key(tmp_path: Path) -> str:
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps(KEYS.public))
    return str(file)


def test_a_genuine_card_is_valid_in_one_line(key: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["card", "verify", TEXT, "--key", key]) == 0
    said = capsys.readouterr().out
    assert said.startswith("valid: Health ID 980 0104 6534, Rahima Khatun, card 12 of 2026-11-23 (signature only")
    assert said.count("\n") == 1


def test_a_machine_gets_json(key: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["card", "verify", TEXT, "--key", key, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["valid"], said["health_id"], said["status_checked"]) == (True, RAHIMA.health_id, False)


def test_a_changed_text_is_not_valid(key: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["card", "verify", TEXT[:-4] + "AAAA", "--key", key]) == 1
    assert capsys.readouterr().out == "not valid: The signature does not fit: the text was changed or forged.\n"
    assert run(["card", "verify", "hello", "--key", key, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["reason"] == "This is not the code of a Health card."


@pytest.mark.parametrize("status", ["lost", "revoked", "replaced"])
def test_the_status_list_tells_what_became_of_a_card(
    key: str, tmp_path: Path, status: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "status.jwt"
    file.write_text(listed(**{status: 12}) + "\n")
    assert run(["card", "verify", TEXT, "--key", key, "--status", str(file)]) == 1
    said = capsys.readouterr().out
    assert said.startswith("not valid: Health ID 980 0104 6534, Rahima Khatun, card 12")
    assert status in said
    file.write_text(listed(**{status: 13}))
    assert run(["card", "verify", TEXT, "--key", key, "--status", str(file)]) == 0
    assert capsys.readouterr().out == "valid: Health ID 980 0104 6534, Rahima Khatun, card 12 of 2026-11-23\n"


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (listed(expires_in=-1), "too old"),
        (listed(part=1), "not the part"),
        (listed(keys=CardKeys(ECKey.generate_key("P-256"))), "not a status list signed with this key"),
        (TEXT, "not a status list signed with this key"),
        ("", "not a status list signed with this key"),
    ],
)
def test_a_list_that_cannot_be_relied_on_decides_nothing(
    key: str, tmp_path: Path, content: str, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "status.jwt"
    file.write_text(content)
    assert run(["card", "verify", TEXT, "--key", key, "--status", str(file)]) == 2
    assert line in capsys.readouterr().err


def test_text_comes_from_standard_input_or_a_file(
    key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(f"{TEXT}\n".encode())))
    assert run(["card", "verify", "-", "--key", key]) == 0
    file = tmp_path / "scanned.txt"
    file.write_text(f"{TEXT}\r\n")
    assert run(["card", "verify", str(file), "--key", key]) == 0
    assert capsys.readouterr().out.count("valid:") == 2


def test_a_picture_of_the_code_is_read(key: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("zxingcpp")
    pytest.importorskip("PIL")
    import segno

    file = tmp_path / "card.png"
    segno.make_qr(TEXT, error="m").save(str(file), scale=4)
    assert run(["card", "verify", str(file), "--key", key]) == 0
    assert capsys.readouterr().out.startswith("valid:")
    file.write_bytes(file.read_bytes()[:100])
    assert run(["card", "verify", str(file), "--key", key]) == 2
    assert "cannot be read" in capsys.readouterr().err


def test_the_key_of_the_local_key_store_is_at_hand(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["card", "verify", TEXT]) == 2
    assert "--key" in capsys.readouterr().err
    (home / "keys").mkdir()
    local = CardKeys.load(home / "keys", create=True)
    assert run(["card", "verify", local.sign(RAHIMA.as_json())]) == 0
    assert run(["card", "verify", TEXT]) == 1


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"keys": []}', "[" * 100_000])
def test_a_file_that_holds_no_key_is_said_in_one_line(
    tmp_path: Path, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "keys.json"
    file.write_text(content)
    assert run(["card", "verify", TEXT, "--key", str(file)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.fixture
def published() -> Iterator[str]:
    answers: dict[str, str] = {
        "/.well-known/jwks.json": json.dumps(KEYS.public),
        "/.well-known/card-status/0": listed(lost=12),
    }

    class Published(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path in answers else 404)
            self.end_headers()
            self.wfile.write(answers.get(self.path, "").encode())

        def log_message(self, *said: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Published)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/.well-known"
    server.shutdown()
    thread.join()
    server.server_close()


def test_key_and_list_may_be_addresses(published: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["card", "verify", TEXT, "--key", f"{published}/jwks.json"]
    assert run([*command, "--status", f"{published}/card-status"]) == 1
    assert "reported lost" in capsys.readouterr().out
    assert run([*command, "--status", f"{published}/card-status/7"]) == 2
    assert run(["card", "verify", TEXT, "--key", f"{published}/nothing"]) == 2
    assert "answered 404" in capsys.readouterr().err
    assert run(["card", "verify", TEXT, "--key", "http://127.0.0.1:9/jwks.json"]) == 2
    assert "does not answer" in capsys.readouterr().err
