"""One Kafka broker (KRaft, no ZooKeeper, no container) from the jars that the set-up fetched.

For runs and for tests: port, folder and heap are parameters. Nothing is created by itself: topics come from
``shr_local.topics``. One copy of each record, so what survives is what this machine's disk cache survives: a killed
broker loses nothing, a power cut may.
"""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import socket
import struct
import subprocess
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from shr_local.failure import StackError
from shr_local.paths import KAFKA_SETUP
from shr_local.ports import free_ports

LIBRARIES = KAFKA_SETUP / "libs"
ARCHIVE = KAFKA_SETUP / "kafka.jsa"
MESSAGE_LIMIT_BYTES = 12 * 1024 * 1024
_LOG4J = Path(__file__).with_name("kafka_log4j2.properties")
_HEAP = ("-Xmx384m", "-Xms96m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
_METADATA_REQUEST = struct.pack(">hhih", 3, 4, 1, -1) + struct.pack(">i?", 0, False)


def java() -> str:
    """The Java that runs Kafka: ``JAVA_HOME``, else the one on PATH."""
    home = os.environ.get("JAVA_HOME")
    inside = Path(home) / "bin" / "java" if home else None
    return str(inside) if inside and inside.exists() else shutil.which("java") or "java"


@dataclass(frozen=True, slots=True)
class KafkaServer:
    """A broker on a port with a folder of its own."""

    port: int
    data: Path
    host: str = "127.0.0.1"

    @property
    def bootstrap(self) -> str:
        """``host:port`` for clients."""
        return f"{self.host}:{self.port}"

    def prepare(self) -> None:
        """Format the folder if it is new, and write the configuration (the port may have moved since).

        Raises StackError if the set-up was not done or the folder cannot be formatted.
        """
        if not LIBRARIES.is_dir():
            raise StackError("Kafka's jars are missing: run `make setup`")
        self.data.mkdir(parents=True, exist_ok=True)
        self._configuration.write_text(self._settings(), encoding="utf-8")
        if not (self.data / "log" / "meta.properties").exists():
            self._format()

    def command(self, *, archive_at_exit: Path | None = None) -> list[str]:
        """The program that serves; ``archive_at_exit`` makes it leave a class archive (see the set-up)."""
        return [*self._java(archive_at_exit), "kafka.Kafka", str(self._configuration)]

    def serves(self) -> bool:
        """Whether the broker answers and has joined its cluster (it can then create topics and take records)."""
        with contextlib.suppress(OSError, struct.error):
            with socket.create_connection((self.host, self.port), timeout=1) as connection:
                connection.sendall(struct.pack(">i", len(_METADATA_REQUEST)) + _METADATA_REQUEST)
                size = struct.unpack(">i", _exactly(connection, 4))[0]
                answer = _exactly(connection, min(size, 64))
            brokers: int = struct.unpack(">i", answer[8:12])[0]  # after the correlation id and the throttle time
            return brokers > 0
        return False

    def wait(self, process: subprocess.Popen[bytes], *, log: Path, deadline_s: float = 60) -> None:
        """Return once it serves. Raises StackError if it ends or the deadline passes."""
        until = time.monotonic() + deadline_s
        while not self.serves():
            if process.poll() is not None:
                raise StackError(f"kafka ended with code {process.returncode} before it served: see {log}")
            if time.monotonic() > until:
                raise StackError(f"kafka does not serve after {deadline_s:.0f} s: see {log}")
            time.sleep(0.05)

    @property
    def _configuration(self) -> Path:
        return self.data / "server.properties"

    def _java(self, archive_at_exit: Path | None = None) -> list[str]:
        if archive_at_exit is not None:
            sharing = [f"-XX:ArchiveClassesAtExit={archive_at_exit}"]
        elif ARCHIVE.exists():
            sharing = ["-Xshare:auto", f"-XX:SharedArchiveFile={ARCHIVE}", "-Xlog:cds=off", "-Xlog:cds+dynamic=off"]
        else:
            sharing = []
        jars = ":".join(str(jar) for jar in sorted(LIBRARIES.glob("*.jar")))
        logging = f"-Dlog4j2.configurationFile={_LOG4J}"
        return [java(), *_HEAP, *sharing, logging, "-Djava.awt.headless=true", "-cp", jars]

    def _format(self) -> None:
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
        if cluster.startswith("-"):  # the tool would take it for an option
            cluster = f"A{cluster[1:]}"
        done = subprocess.run(
            [*self._java(), "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(self._configuration)],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        if done.returncode:
            said = (done.stderr or done.stdout).strip().splitlines()
            raise StackError(f"kafka's folder could not be formatted: {said[-1] if said else 'no reason given'}")

    def _settings(self) -> str:
        """The controller listens on a port that is chosen anew at each start: nobody else needs to find it."""
        controller = free_ports(1)[0]
        return "\n".join(
            (
                "process.roles=broker,controller",
                "node.id=1",
                f"controller.quorum.voters=1@{self.host}:{controller}",
                f"listeners=PLAINTEXT://{self.host}:{self.port},CONTROLLER://{self.host}:{controller}",
                f"advertised.listeners=PLAINTEXT://{self.host}:{self.port}",
                "controller.listener.names=CONTROLLER",
                "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
                f"log.dirs={self.data / 'log'}",
                "num.partitions=8",
                "auto.create.topics.enable=false",
                f"message.max.bytes={MESSAGE_LIMIT_BYTES}",
                f"replica.fetch.max.bytes={MESSAGE_LIMIT_BYTES}",
                f"socket.request.max.bytes={4 * MESSAGE_LIMIT_BYTES}",
                "default.replication.factor=1",
                "min.insync.replicas=1",
                "offsets.topic.replication.factor=1",
                "offsets.topic.num.partitions=8",
                "transaction.state.log.replication.factor=1",
                "transaction.state.log.min.isr=1",
                "transaction.state.log.num.partitions=4",
                "share.coordinator.state.topic.replication.factor=1",
                "share.coordinator.state.topic.min.isr=1",
                "group.initial.rebalance.delay.ms=0",
                "group.min.session.timeout.ms=1000",
                # after a kill the broker joins again only when its former life's session has ended
                "broker.session.timeout.ms=3000",
                "broker.heartbeat.interval.ms=500",
                # hundreds of partitions on one small machine: less memory mapped, fewer threads
                "log.index.size.max.bytes=1048576",
                "num.network.threads=2",
                "num.io.threads=4",
                "num.recovery.threads.per.data.dir=2",
                "log.cleaner.dedupe.buffer.size=16777216",
                "",
            )
        )


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise OSError("closed")
        data += part
    return data
