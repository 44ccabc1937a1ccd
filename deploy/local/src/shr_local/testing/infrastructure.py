"""A real broker and a real database for tests."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from shr_contracts.topics import ALL_TOPICS, TopicSpec

from shr_local.kafka import KafkaServer
from shr_local.mongo import MongoServer
from shr_local.ports import free_ports
from shr_local.process import spawn, stop
from shr_local.testing.data import data_folder
from shr_local.topics import create_topics

TEST_CACHE_GB = 0.25
TEST_OPLOG_MB = 128
GRACE_S = 20.0


@dataclass(slots=True)
class RunningServer:
    """One server of a test, which a test may kill and start again on the same port with the same data."""

    server: KafkaServer | MongoServer
    log: Path
    process: subprocess.Popen[bytes]

    @classmethod
    def start(cls, server: KafkaServer | MongoServer, *, log: Path) -> RunningServer:
        """Prepare and start; ``wait`` returns when it serves."""
        server.prepare()
        return cls(server, log, spawn(server.command(), log=log))

    def wait(self) -> None:
        """Return once it serves."""
        self.server.wait(self.process, log=self.log)

    def kill(self) -> None:
        """kill -9: nothing is flushed or said goodbye to."""
        self.process.kill()
        self.process.wait(GRACE_S)

    def stop(self) -> None:
        """End it in order."""
        stop(self.process, grace_s=GRACE_S)

    def start_again(self) -> None:
        """After ``kill`` or ``stop``: the same port, the same data; returns when it serves."""
        self.server.prepare()
        self.process = spawn(self.server.command(), log=self.log)
        self.wait()


@dataclass(frozen=True, slots=True)
class Infrastructure:
    """What a test connects to. ``folder`` holds the data and logs."""

    folder: Path
    kafka: RunningServer
    mongo: RunningServer
    kafka_bootstrap: str
    mongo_uri: str

    def create_topics(self, specs: Iterable[TopicSpec] = ALL_TOPICS) -> None:
        """Create topics (all of the system's by default); from a test that runs in an event loop use
        ``await shr_local.topics.create_topics(infrastructure.kafka_bootstrap, specs)``.
        """
        asyncio.run(create_topics(self.kafka_bootstrap, specs))


@contextlib.contextmanager
def start_infrastructure() -> Iterator[Infrastructure]:
    """A broker without topics and an empty replica set on free ports; both end with the block or with this process."""
    with data_folder() as folder, contextlib.ExitStack() as ends:
        kafka_port, mongo_port = free_ports(2)
        database = MongoServer(mongo_port, folder / "mongo", cache_gb=TEST_CACHE_GB, oplog_mb=TEST_OPLOG_MB)
        mongo = RunningServer.start(database, log=folder / "mongo.log")
        ends.callback(mongo.kill)  # the data goes with it: no need to end in order
        broker = KafkaServer(kafka_port, folder / "kafka")
        kafka = RunningServer.start(broker, log=folder / "kafka.log")
        ends.callback(kafka.kill)
        mongo.wait()
        kafka.wait()
        yield Infrastructure(
            folder=folder, kafka=kafka, mongo=mongo, kafka_bootstrap=broker.bootstrap, mongo_uri=database.uri
        )
