"""``python -m shr_local.kafka_archive``: start a broker once and keep the classes that it loaded (AppCDS).

With the archive a broker serves in half the time. It is made for one Java and one set of jars; another Java ignores
it, and the set-up makes a new one.
"""

from __future__ import annotations

import sys
from pathlib import Path

from shr_local.failure import StackError
from shr_local.kafka import ARCHIVE, KafkaServer
from shr_local.ports import free_ports
from shr_local.process import last_line, spawn, stop
from shr_local.testing.data import data_folder

GRACE_S = 60.0


def make(archive: Path = ARCHIVE) -> None:
    """Write the archive. Raises StackError if the broker does not start."""
    part = archive.with_suffix(".part")
    part.unlink(missing_ok=True)
    with data_folder() as folder:
        broker = KafkaServer(free_ports(1)[0], folder / "kafka")
        broker.prepare()
        log = folder / "kafka.log"
        process = spawn(broker.command(archive_at_exit=part), log=log)
        try:
            broker.wait(process, log=log)
        except StackError as error:
            raise StackError(f"{error} ({last_line(log)})") from None
        finally:
            stop(process, grace_s=GRACE_S)
    if part.exists():
        part.replace(archive)


if __name__ == "__main__":
    try:
        make()
    except StackError as error:
        sys.exit(f"kafka: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
