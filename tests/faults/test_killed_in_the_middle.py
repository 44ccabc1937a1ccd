"""kill -9 of records and gateway in the middle of 2,000 bundles: what was acknowledged is recorded once, and shown."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Iterator

import httpx
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from shr_contracts.topics import ENCOUNTER_SUBMITTED, answer_topic
from shr_local.testing import Stack, start_stack
from shr_local.testing.people import People, a_bundle, an_observation

BUNDLES = 2000
PERSONS = 20
PATIENCE_S = 180
KILLED_AT = {400: "records", 800: "gateway", 1200: "records", 1600: "gateway"}


@pytest.fixture(scope="module")
def own_stack() -> Iterator[Stack]:
    with start_stack() as running:
        yield running


@pytest.mark.timeout(400)
async def test_what_was_acknowledged_is_recorded_exactly_once_and_stands_in_the_profile(own_stack: Stack) -> None:
    async with httpx.AsyncClient(timeout=60, trust_env=False) as client:
        people = People(own_stack, client)
        persons = [await people.registers() for _ in range(PERSONS)]
        await asyncio.gather(*[people.records(a_bundle(an_observation(person))) for person in persons])

        acknowledged = await _publish(own_stack, persons)

        answers = await _answers(own_stack, set(acknowledged))
        assert {answer["state"] for answer in answers.values()} == {"recorded"}
        assert set(answers) == set(acknowledged)
        for person in persons:
            expected = 1 + sum(1 for owner in acknowledged.values() if owner == person)
            assert await _shown(people, person, expected) == expected


async def _publish(stack: Stack, persons: list[str]) -> dict[str, str]:
    """Submission id → person, of everything that the broker acknowledged; a tenth is sent twice."""
    producer = AIOKafkaProducer(bootstrap_servers=stack.kafka_bootstrap, acks="all", enable_idempotence=True)
    await producer.start()
    acknowledged = {}
    try:
        for number in range(BUNDLES):
            if number in KILLED_AT:
                await asyncio.to_thread(stack.wait_ready, KILLED_AT[number])
                await asyncio.to_thread(stack.kill, KILLED_AT[number])  # the supervisor starts it again
            person, submission_id = persons[number % PERSONS], str(uuid.uuid4())
            value = json.dumps(a_bundle(an_observation(person))).encode()
            headers = [("ce_id", submission_id.encode()), ("ce_source", b"openmrs/10000001")]
            for _ in range(2 if number % 10 == 0 else 1):
                await producer.send_and_wait(ENCOUNTER_SUBMITTED, value, key=person.encode(), headers=headers)
            acknowledged[submission_id] = person
    finally:
        await producer.stop()
    return acknowledged


async def _answers(stack: Stack, wanted: set[str]) -> dict[str, dict]:
    """The answer to each submission, from the topic that its source reads."""
    consumer = AIOKafkaConsumer(bootstrap_servers=stack.kafka_bootstrap, enable_auto_commit=False)
    await consumer.start()
    found: dict[str, dict] = {}
    try:
        topic = answer_topic("openmrs")
        places = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or {0})]
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        deadline = time.monotonic() + PATIENCE_S
        while wanted - set(found):
            assert time.monotonic() < deadline, f"{len(wanted - set(found))} of {len(wanted)} have no answer"
            for records in (await consumer.getmany(timeout_ms=200)).values():
                for record in records:
                    answer = json.loads(record.value)
                    if answer["submission_id"] in wanted:
                        found[answer["submission_id"]] = answer
    finally:
        await consumer.stop()
    return found


async def _shown(people: People, person: str, expected: int) -> int:
    """How many observations the citizen sees of herself; waits until they are all there."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        answer = await people.client.get(
            people.stack.url("gateway", f"/fhir/Observation?patient={person}&_summary=count"),
            headers=people.citizen(person),
        )
        total = answer.json().get("total", 0) if answer.status_code == 200 else 0
        if total >= expected or time.monotonic() > deadline:
            return total
        await asyncio.sleep(0.1)
