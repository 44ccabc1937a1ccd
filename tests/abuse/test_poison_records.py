"""Poison on `encounter.submitted`: kept and listed, or answered; what comes before and after it is recorded."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from shr_common.testing import Topics, eventually
from shr_contracts.topics import ENCOUNTER_SUBMITTED, answer_topic, dead_letters_of
from shr_local.testing.hostile import UNREADABLE
from shr_local.testing.people import People, a_bundle, an_observation

SOURCE = "openmrs/10000001"
SHR = str(Path(sys.executable).with_name("shr"))
Headers = Mapping[str, bytes]


@dataclass(frozen=True)
class Line:
    """One partition of the topic, so that what is sent stands in one row."""

    producer: AIOKafkaProducer
    people: People
    partition: int = 3

    async def sends(self, value: bytes | None, headers: Headers, *, key: bytes | None = None) -> str:
        """Produce; where it lies, as ``shr dlq`` names it."""
        kept = await self.producer.send_and_wait(
            ENCOUNTER_SUBMITTED, value, key=key, partition=self.partition, headers=list(headers.items())
        )
        return f"{kept.topic}:{kept.partition}:{kept.offset}"

    async def sends_a_good_one(self, health_id: str) -> str:
        """A bundle that will be recorded; its id."""
        sent = str(uuid.uuid4())
        await self.sends(json.dumps(a_bundle(an_observation(health_id))).encode(), named(sent))
        return sent

    async def is_recorded(self, id: str) -> None:
        """Until its source can see that."""
        await self.ends(id, "recorded")

    async def ends(self, id: str, state: str) -> dict[str, Any]:
        """Until the submission has this state."""

        async def there() -> dict[str, Any] | None:
            answer = await self.people.client.get(
                self.people.stack.url("records", f"/submissions/openmrs%2F10000001/{id}"),
                headers=self.people.hospital(),
            )
            said: dict[str, Any] = answer.json()
            return said if answer.status_code == 200 and said["state"] == state else None

        found: dict[str, Any] = await eventually(there, within_s=20, what=f"{id} {state}")
        return found


def named(id: str) -> dict[str, bytes]:
    """The headers of a source that does as agreed."""
    return {"ce_id": id.encode(), "ce_source": SOURCE.encode()}


@pytest.fixture
async def line(people: People) -> AsyncIterator[Line]:
    """Writes to one partition."""
    producer = AIOKafkaProducer(bootstrap_servers=people.stack.kafka_bootstrap, acks="all", max_request_size=12 << 20)
    await producer.start()
    yield Line(producer, people)
    await producer.stop()


@pytest.fixture
async def topics(people: People) -> AsyncIterator[Topics]:
    """Reads topics."""
    reader = Topics(people.stack.kafka_bootstrap)
    yield reader
    await reader.stop()


async def shr(people: People, *words: str) -> subprocess.CompletedProcess[bytes]:
    """The ``shr`` command on this stack."""
    environment = people.stack.environment() | {
        "SHR_KAFKA_BOOTSTRAP": people.stack.kafka_bootstrap,
        "SHR_KEYS_DIR": str(people.stack.home.keys),
    }
    return await asyncio.to_thread(
        subprocess.run, [SHR, *words], env=environment, capture_output=True, check=False, timeout=60
    )


POISON: dict[str, tuple[bytes | None, Headers]] = {
    "no headers at all": (b"\x00\xff poison \xc3\x28", {}),
    "a good bundle, no headers": (json.dumps(a_bundle(an_observation("98001046534"))).encode(), {}),
    "no id": (b"{}", {"ce_source": SOURCE.encode()}),
    "no source": (b"{}", {"ce_id": b"x"}),
    "an empty id": (b"{}", {"ce_id": b"", "ce_source": SOURCE.encode()}),
    "an id of 10 kB": (b"{}", {"ce_id": b"x" * 10_000, "ce_source": SOURCE.encode()}),
    "a tombstone": (None, {}),
}
"""Records that nobody could be answered for."""


@pytest.mark.parametrize("what", POISON)
async def test_poison_is_kept_to_the_byte_and_stops_nobody(
    what: str, people: People, line: Line, topics: Topics
) -> None:
    health_id = await people.registers()
    await people.records(a_bundle(an_observation(health_id)))
    value, headers = POISON[what]

    before = await line.sends_a_good_one(health_id)
    place = await line.sends(value, headers, key=None if value else b"x")
    after = await line.sends_a_good_one(health_id)

    await line.is_recorded(before)
    await line.is_recorded(after)
    topic, partition, offset = place.split(":")
    letter = (
        await topics.read(
            dead_letters_of(ENCOUNTER_SUBMITTED),
            where=lambda r: (r.headers.get("dlq_partition"), r.headers.get("dlq_offset")) == (partition, offset),
        )
    )[0]
    assert letter.headers["dlq_topic"] == topic
    assert letter.headers["dlq_category"] == "invalid"
    assert letter.headers["dlq_reason"]
    if value and len(value) > 8:
        assert value not in letter.value, "a dead letter is encrypted"
    shown = await shr(people, "dlq", "show", place)
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout == (value or b"")


async def test_a_dead_letter_is_listed_without_its_content(people: People, line: Line) -> None:
    place = await line.sends(b"\xffsecret of somebody", {})

    async def listed() -> dict[str, Any] | None:
        said = await shr(people, "dlq", "list", ENCOUNTER_SUBMITTED, "--json")
        assert said.returncode == 0, said.stderr
        assert b"secret" not in said.stdout
        return next((one for one in json.loads(said.stdout)["entries"] if one["id"] == place), None)

    found = await eventually(listed, within_s=20, what="it is listed")

    assert found["category"] == "invalid"


HEADERS_IN_OTHER_BYTES: dict[str, Headers] = {
    "an id that is not UTF-8": {"ce_id": b"\xff\xfe", "ce_source": SOURCE.encode()},
    "a source that is not UTF-8": {"ce_id": b"x", "ce_source": b"\xff/\xfe"},
    "a type that is not UTF-8": {"ce_type": b"\xc3\x28"},
    "a trace that is none": {"traceparent": b"\xff" * 100},
    "a header without a name": {"": b"\xff"},
    "a nul in the source": {"ce_id": b"x", "ce_source": b"open\x00mrs/1"},
}


@pytest.mark.parametrize("what", HEADERS_IN_OTHER_BYTES)
async def test_headers_in_other_bytes_cost_no_other_record(what: str, people: People, line: Line) -> None:
    health_id = await people.registers()
    await people.records(a_bundle(an_observation(health_id)))
    good = json.dumps(a_bundle(an_observation(health_id))).encode()

    before = await line.sends_a_good_one(health_id)
    await line.sends(good, {**named(str(uuid.uuid4())), **HEADERS_IN_OTHER_BYTES[what]})
    after = await line.sends_a_good_one(health_id)

    await line.is_recorded(before)
    await line.is_recorded(after)


@pytest.mark.parametrize("what", UNREADABLE)
async def test_what_cannot_be_read_is_answered_on_the_topic_and_known_under_its_id(
    what: str, people: People, line: Line, topics: Topics
) -> None:
    sent = str(uuid.uuid4())

    await line.sends(UNREADABLE[what], named(sent))

    state = await line.ends(sent, "rejected")
    assert state["outcome"]["issue"][0]["details"]["text"]
    answer = (await topics.read(answer_topic("openmrs"), where=lambda r: json.loads(r.value)["submission_id"] == sent))[
        0
    ]
    assert json.loads(answer.value)["state"] == "rejected"


async def test_the_topic_refuses_what_http_refuses(people: People, line: Line) -> None:
    health_id = await people.registers()
    await people.records(a_bundle(an_observation(health_id)))
    bad = {
        "an unknown field": a_bundle(an_observation(health_id) | {"$where": "1"}),
        "an impossible date": a_bundle(an_observation(health_id) | {"effectiveDateTime": "2026-02-30"}),
        "too many entries": a_bundle(*[an_observation(health_id)] * 2001),
        "6 MB": a_bundle(an_observation(health_id) | {"note": [{"text": "x" * (6 << 20)}]}),
    }
    for what, bundle in bad.items():
        sent = str(uuid.uuid4())
        await line.sends(json.dumps(bundle).encode(), named(sent))
        state = await line.ends(sent, "rejected")
        assert state["outcome"]["issue"], what
        assert state["resources"] == []


async def test_a_key_that_names_somebody_else_refuses_the_bundle(people: People, line: Line) -> None:
    mine, other = await people.registers(), await people.registers()
    for health_id in (mine, other):
        await people.records(a_bundle(an_observation(health_id)))
    sent = str(uuid.uuid4())

    await line.sends(json.dumps(a_bundle(an_observation(mine))).encode(), named(sent), key=other.encode())

    await line.ends(sent, "rejected")


async def test_one_id_with_other_content_is_a_duplicate_and_the_first_stays(
    people: People, line: Line, topics: Topics
) -> None:
    health_id = await people.registers()
    await people.records(a_bundle(an_observation(health_id)))
    sent = await line.sends_a_good_one(health_id)
    await line.is_recorded(sent)

    await line.sends(json.dumps(a_bundle(an_observation(health_id, value="77.0"))).encode(), named(sent))

    refused = (await topics.read("encounter.rejected", where=lambda r: json.loads(r.value)["submission_id"] == sent))[0]
    assert "duplicate" in {issue["code"] for issue in json.loads(refused.value)["outcome"]["issue"]}
    await line.is_recorded(sent)
