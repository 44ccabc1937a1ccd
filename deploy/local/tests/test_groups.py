"""Members that were killed do not hold up their group at the next start."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from shr_local.groups import _PROBES, forget_members
from shr_local.testing import Infrastructure

JOIN = """
import asyncio, sys, time
from aiokafka import AIOKafkaConsumer
async def main():
    broker, topic = sys.argv[1:]
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=broker, group_id="left-behind", session_timeout_ms=60000)
    await consumer.start()
    print("joined", flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


@pytest.fixture
def killed_member(kafka_bootstrap: str, kafka_topics: tuple[str, ...]) -> None:
    """A group whose only member was killed; its session would go on for a minute."""
    program = subprocess.Popen(
        [sys.executable, "-c", JOIN, kafka_bootstrap, kafka_topics[0]], stdout=subprocess.PIPE, env=os.environ
    )
    with program:
        assert program.stdout is not None
        assert program.stdout.readline() == b"joined\n"
        program.kill()


async def members(bootstrap: str) -> int:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        (answer,) = await admin.describe_consumer_groups(["left-behind"])
        return len(answer.groups[0][5])
    finally:
        await admin.close()


def test_the_probes_fall_into_every_partition_of_the_groups() -> None:
    def partition(name: str) -> int:  # as the broker computes it: Java's hash of a string
        total = 0
        for letter in name:
            total = (31 * total + ord(letter)) & 0xFFFFFFFF
        return (total & 0x7FFFFFFF) % 8

    assert {partition(name) for name in _PROBES} == set(range(8))


@pytest.mark.usefixtures("killed_member")
async def test_a_killed_member_is_taken_out_of_its_group(kafka_bootstrap: str) -> None:
    assert await members(kafka_bootstrap) == 1
    assert await forget_members(kafka_bootstrap) >= 1
    assert await members(kafka_bootstrap) == 0


@pytest.mark.usefixtures("killed_member")
async def test_it_is_taken_out_when_the_broker_was_killed_too(infrastructure: Infrastructure) -> None:
    infrastructure.kafka.kill()
    infrastructure.kafka.start_again()
    assert await forget_members(infrastructure.kafka_bootstrap) >= 1
    assert await members(infrastructure.kafka_bootstrap) == 0


async def test_a_broker_that_is_away_only_costs_the_patience() -> None:
    assert await forget_members("127.0.0.1:1", within_s=0.5) == 0
