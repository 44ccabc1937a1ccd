"""The command itself: every failure is one line, every command is found and helps."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from shr_cli.main import LazyGroup, run
from shr_cli.remote import service_url

SHR = str(Path(sys.executable).with_name("shr"))


def claims_of(token: str) -> dict[str, Any]:
    """The payload of a compact JWT, unverified."""
    part = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in list(os.environ):
        if name.startswith("SHR_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("SHR_HOME", str(tmp_path))
    return tmp_path


def test_a_token_says_what_was_asked(capsys: pytest.CaptureFixture[str]) -> None:
    words = "token --role citizen --health-id 98000173958 --guardian-of 98001046534 --guardian-of 98002412586"
    assert run([*words.split(), "--scope", "patient/*.rs", "--ttl", "60", "--audience", "other"]) == 0
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    claims = claims_of(said)
    assert claims["exp"] - claims["iat"] == 60
    assert abs(claims["iat"] - time.time()) < 5
    assert {name: claims[name] for name in ("iss", "aud", "sub", "scope", "role", "health_id", "guardian_of")} == {
        "iss": "http://127.0.0.1:8009",
        "aud": "other",
        "sub": "98000173958",
        "scope": "patient/*.rs",
        "role": "citizen",
        "health_id": "98000173958",
        "guardian_of": ["98001046534", "98002412586"],
    }


def test_a_source_is_its_system_and_facility(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["token", "--role", "source_system", "--source", "openmrs", "--facility", "10000001"]) == 0
    claims = claims_of(capsys.readouterr().out)
    assert (claims["sub"], claims["source"], claims["facility"]) == ("openmrs/10000001", "openmrs", "10000001")
    assert claims["exp"] - claims["iat"] == 3600
    assert claims["aud"] == "shr"
    assert claims["jti"]


def test_a_token_may_have_expired_already(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["token", "--role", "analyst", "--ttl", "-60"]) == 0
    assert claims_of(capsys.readouterr().out)["exp"] < time.time()


def test_the_issuer_is_the_one_of_the_environment(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHR_IDP_PORT", "18009")
    run(["token", "--role", "analyst"])
    assert claims_of(capsys.readouterr().out)["iss"] == "http://127.0.0.1:18009"
    monkeypatch.setenv("SHR_ISSUER", "https://issuer.example")
    run(["token", "--role", "analyst"])
    assert claims_of(capsys.readouterr().out)["iss"] == "https://issuer.example"


def test_the_keys_are_for_their_owner_only(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["token", "--role", "analyst"])
    modes = {file.stat().st_mode & 0o777 for file in (home / "keys").iterdir()}
    assert modes == {0o600}
    assert capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("token --role sorcerer", 1, "there is no role sorcerer"),
        ("token", 2, "--role"),
        ("nonsense", 2, "nonsense"),
        ("token --role analyst --ttl soon", 2, "--ttl"),
        ("demo", 1, "the stack does not run"),
        ("counters", 1, "healthid does not answer"),
        ("audit verify", 1, "MongoDB does not answer"),
        ("up --detach --services nonsense", 1, "there is no service nonsense"),
    ],
)
def test_a_failure_is_one_line_on_stderr(
    words: str, code: int, said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHR_HEALTHID_PORT", "1")
    monkeypatch.setenv("SHR_MONGO_URI", "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=300")
    assert run(words.split()) == code
    heard = capsys.readouterr()
    assert heard.out == ""
    assert heard.err.count("\n") == 1
    assert said in heard.err


def test_the_log_of_a_library_is_not_heard(tmp_path: Path) -> None:
    environment = {"SHR_HOME": str(tmp_path), "SHR_KAFKA_BOOTSTRAP": "127.0.0.1:1", "PATH": "/usr/bin:/bin"}
    done = subprocess.run([SHR, "dlq", "list"], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "Kafka does not answer" in done.stderr


@pytest.mark.parametrize("words", [[], ["dlq"], ["audit"]])
def test_a_command_without_its_words_shows_how(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) == 2
    assert capsys.readouterr().err.startswith(f"Usage: {' '.join(['shr', *words])} [OPTIONS] COMMAND")


def test_a_port_that_is_none_is_named(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHR_GATEWAY_PORT", "http")
    assert run(["status"]) == 1
    assert capsys.readouterr().err == "shr: SHR_GATEWAY_PORT=http is not a port number (1 to 65535)\n"


def test_the_status_of_a_stack_that_does_not_run_is_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["status", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in said["services"]] == [
        "gateway", "healthid", "records", "consent", "terminology", "appointments", "registry", "idp", "verification",
    ]  # fmt: skip
    assert not any(one["ready"] for one in said["services"])
    assert said["kafka"] == {"pid": None, "port": 9092, "ready": False}


def test_every_command_helps(capsys: pytest.CaptureFixture[str]) -> None:
    names = LazyGroup(name="shr").list_commands(None)
    assert {"up", "down", "status", "token", "demo", "counters"} <= set(names)
    for name in names:
        assert run([name, "--help"]) == 0
        said = capsys.readouterr().out
        assert "Usage: shr" in said
        assert "completion" not in said


@pytest.mark.parametrize("words", ["import", "rebuild gateway", "card verify", "id-block issue", "keys rotate"])
def test_a_command_that_does_not_exist_is_not_offered(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    names = LazyGroup(name="shr").list_commands(None)
    if words.split()[0] in names:
        pytest.skip("it exists by now")
    assert run(words.split()) == 2
    assert capsys.readouterr().err == f"shr: No such command '{words.split()[0]}'. (`--help` shows how)\n"


def leaves(name: str) -> list[list[str]]:
    """A command, or each command of a group."""
    found = LazyGroup(name="shr").get_command(None, name)
    inner = getattr(found, "commands", None)
    return [[name, one] for one in inner] if inner else [[name]]


def test_every_command_speaks_to_machines(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (words for name in LazyGroup(name="shr").list_commands(None) for words in leaves(name)):
        assert run([*words, "--help"]) == 0
        assert "--json" in capsys.readouterr().out, words


def test_a_token_for_a_machine_is_what_a_token_endpoint_answers(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["token", "--role", "analyst", "--ttl", "60", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert claims_of(said["access_token"])["role"] == "analyst"
    assert (said["token_type"], said["expires_in"]) == ("Bearer", 60)


def test_a_stop_for_a_machine_says_whether_something_ran(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["down", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"stopped": False}


def test_it_works_from_any_directory(tmp_path: Path) -> None:
    done = subprocess.run(
        [SHR, "token", "--role", "analyst"], cwd="/", capture_output=True, text=True, check=True,
        env={"SHR_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert done.stdout.count(".") == 2
    assert done.stderr == ""


def test_a_service_elsewhere_is_named_by_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    assert service_url("healthid") == "http://127.0.0.1:8001"
    monkeypatch.setenv("SHR_HEALTHID_URL", "https://healthid.example/")
    assert service_url("healthid") == "https://healthid.example"
