"""The broker and database that tests get are real, private and gone afterwards."""

from __future__ import annotations

import secrets
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from pymongo import AsyncMongoClient
from pymongo.asynchronous.client_session import AsyncClientSession
from shr_contracts.topics import ALL_TOPICS, TopicSpec
from shr_local.testing import Infrastructure
from shr_local.topics import create_topics


async def test_a_record_that_the_broker_acknowledged_survives_its_kill(infrastructure: Infrastructure) -> None:
    topic = f"t.{secrets.token_hex(4)}"
    await create_topics(infrastructure.kafka_bootstrap, [TopicSpec(topic, partitions=1)])
    async with AIOKafkaProducer(bootstrap_servers=infrastructure.kafka_bootstrap, enable_idempotence=True) as producer:
        await producer.send_and_wait(topic, b"kept")
    infrastructure.kafka.kill()
    infrastructure.kafka.start_again()
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=infrastructure.kafka_bootstrap, auto_offset_reset="earliest")
    async with consumer:
        assert (await consumer.getone()).value == b"kept"


async def test_the_database_has_transactions_and_keeps_what_it_acknowledged(
    infrastructure: Infrastructure, database: str
) -> None:
    async with AsyncMongoClient[dict[str, object]](infrastructure.mongo_uri, w="majority", journal=True) as client:
        things = client[database]["things"]

        async def two(session: AsyncClientSession) -> None:
            await things.insert_one({"_id": 1}, session=session)
            await things.insert_one({"_id": 2}, session=session)

        async with client.start_session() as session:
            await session.with_transaction(two)
    infrastructure.mongo.kill()
    infrastructure.mongo.start_again()
    async with AsyncMongoClient[dict[str, object]](infrastructure.mongo_uri) as client:
        assert await client[database]["things"].count_documents({}) == 2


async def test_every_topic_of_the_contracts_is_created_once(
    kafka_bootstrap: str, kafka_topics: tuple[str, ...]
) -> None:
    await create_topics(kafka_bootstrap)  # again: nothing to do
    async with AIOKafkaProducer(bootstrap_servers=kafka_bootstrap) as producer:
        for spec in ALL_TOPICS:
            assert len(await producer.partitions_for(spec.name)) == spec.partitions
    assert len(kafka_topics) == len(ALL_TOPICS)


def test_a_run_that_is_killed_leaves_no_process_and_no_data(tmp_path: Path) -> None:
    program = textwrap.dedent("""
        import time
        from shr_local.testing import start_infrastructure
        with start_infrastructure() as started:
            print(started.folder, started.kafka.process.pid, started.mongo.process.pid, flush=True)
            time.sleep(60)
    """)
    run = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert run.stdout is not None
    folder, *servers = run.stdout.readline().split()
    assert all(psutil.pid_exists(int(pid)) for pid in servers)
    run.kill()
    run.wait()
    run.stdout.close()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and (Path(folder).exists() or any(psutil.pid_exists(int(p)) for p in servers)):
        time.sleep(0.1)
    assert not any(psutil.pid_exists(int(pid)) for pid in servers)
    assert not Path(folder).exists()
