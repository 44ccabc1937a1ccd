"""Dead letters at the command line, on the real broker with the real key store."""

from __future__ import annotations

import asyncio
import json
import secrets
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from shr_cli.main import run
from shr_common.errors import invalid
from shr_common.kafka import DeadLetters, Producer, Record
from shr_common.keys import Envelope
from shr_common.testing import Topics
from shr_contracts.events import RecordAccessed
from shr_contracts.topics import RECORD_ACCESSED, TopicSpec
from shr_local.keys import ensure
from shr_local.topics import create_topics

PAYLOAD = b"\x00\xff no bundle \n"
HEADERS = (("ce_id", b"\xfe"), ("ce_source", b"openmrs/10000001"), ("mine", b"kept"))


def call(*arguments: str) -> int:
    """One command line, as from a shell: in a thread, since the test's own loop runs in this one."""
    with ThreadPoolExecutor(1) as aside:
        return aside.submit(run, ["dlq", *arguments]).result()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kafka_bootstrap: str) -> Path:
    ensure(tmp_path / "keys")
    monkeypatch.setenv("SHR_HOME", str(tmp_path))
    monkeypatch.delenv("SHR_KEYS_DIR", raising=False)
    monkeypatch.setenv("SHR_KAFKA_BOOTSTRAP", kafka_bootstrap)
    return tmp_path


@pytest.fixture
async def topic(home: Path, kafka_bootstrap: str) -> str:
    """A topic in whose queue lies one dead letter, ``{topic}:0:7``, of a known person."""
    name = f"topic-{secrets.token_hex(5)}"
    topics = (TopicSpec(name, partitions=1), TopicSpec(f"{name}.dlq", partitions=1), TopicSpec(RECORD_ACCESSED))
    await create_topics(kafka_bootstrap, topics)
    producer = Producer(kafka_bootstrap, client_id="test")
    letters = DeadLetters(producer, Envelope.load(home / "keys", "dlq"))
    record = Record(name, 0, 7, b"98000173958", PAYLOAD, HEADERS, 0)
    await letters.bury(record, invalid("It is not readable."))
    await letters.bury(record, invalid("It is not readable."))  # the worker died before its commit: twice the same
    await producer.stop()
    return name


async def test_list_shows_each_once_with_its_reason_and_never_its_bytes(
    topic: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments in (["list", topic], ["list", f"{topic}.dlq"], ["list"]):
        assert call(*arguments, "--json") == 0
        entries = [one for one in json.loads(capsys.readouterr().out)["entries"] if one["topic"] == topic]
        assert len(entries) == 1
        assert entries[0]["id"] == f"{topic}:0:7"
        assert entries[0]["category"] == "invalid"
        assert entries[0]["reason"] == "It is not readable."
        assert entries[0]["source"] == "openmrs/10000001"
    assert call("list", topic) == 0
    assert "no bundle" not in capsys.readouterr().out


async def test_show_prints_the_exact_bytes_after_the_look_was_audited(
    topic: str, kafka_bootstrap: str, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert call("show", f"{topic}:0:7") == 0
    shown = capfdbinary.readouterr()
    assert shown.out == PAYLOAD
    assert b"ce_source: openmrs/10000001" in shown.err
    assert b"dlq_reason: It is not readable." in shown.err
    [entry] = await accesses(kafka_bootstrap, topic)
    value = RecordAccessed.model_validate_json(entry.value)
    assert (entry.key, value.patient) == ("98000173958", "98000173958")
    assert value.actor.role == "administrator"


async def accesses(bootstrap: str, topic: str) -> list[Record]:
    topics = Topics(bootstrap)
    return await topics.read(RECORD_ACCESSED, where=lambda record: f"{topic}:0:7".encode() in record.value)


async def test_show_as_json_has_everything(topic: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("show", f"{topic}:0:7", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["payload"] is None
    assert said["payload_base64"] == "AP8gbm8gYnVuZGxlIAo="
    assert said["key"] == "98000173958"
    assert {"name": "mine", "value": "kept"} in said["headers"]


async def test_without_the_entry_nothing_is_shown(
    topic: str, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_said: Any) -> None:
        from shr_common.errors import unavailable

        raise unavailable("The broker does not answer at the moment.")

    monkeypatch.setattr(Producer, "send", away)
    assert call("show", f"{topic}:0:7") == 1
    shown = capfdbinary.readouterr()
    assert shown.out == b""
    assert shown.err.count(b"\n") == 1


async def test_replay_sends_the_record_as_it_first_came(
    topic: str, kafka_bootstrap: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("replay", f"{topic}:0:7") == 0
    [again] = await Topics(kafka_bootstrap).read(topic)
    assert (again.value, again.key, again.raw_headers) == (PAYLOAD, "98000173958", HEADERS)
    assert f"{topic}:0:7" in capsys.readouterr().out


async def test_mend_sends_other_bytes_under_the_same_headers(topic: str, kafka_bootstrap: str, tmp_path: Path) -> None:
    mended = tmp_path / "mended.json"
    mended.write_bytes(b'{"resourceType": "Bundle"}')
    assert call("mend", f"{topic}:0:7", str(mended)) == 0
    [again] = await Topics(kafka_bootstrap).read(topic)
    assert (again.value, again.key, again.raw_headers) == (mended.read_bytes(), "98000173958", HEADERS)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("show", "nothing"), "no dead letter's id"),
        (("show", "nothing:1:2"), "no topic nothing.dlq"),
        (("replay", "{topic}:0:8"), "no dead letter"),
        (("list", "nothing"), "no topic nothing.dlq"),
        (("mend", "{topic}:0:7", "/no/such/file"), "no such file"),
    ],
)
async def test_a_failure_is_one_line(
    topic: str, arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(*(argument.replace("{topic}", topic) for argument in arguments)) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert said in told.err


async def test_another_key_store_cannot_open_it(topic: str, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "keys" / "dlq.key").write_bytes(secrets.token_bytes(32))
    assert call("show", f"{topic}:0:7") == 1
    assert "another key" in capsys.readouterr().err
    (home / "keys" / "dlq.key").unlink()
    assert call("show", f"{topic}:0:7") == 1
    assert "dlq.key" in capsys.readouterr().err


async def test_a_broker_that_is_away_is_one_line(
    topic: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHR_KAFKA_BOOTSTRAP", "127.0.0.1:9")
    assert await asyncio.to_thread(call, "list") == 1
    assert "Kafka does not answer at 127.0.0.1:9" in capsys.readouterr().err
