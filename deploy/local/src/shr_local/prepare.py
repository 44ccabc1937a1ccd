"""``python -m shr_local.prepare``: what a stack needs once: keys, a primary, and every topic.

A process of its own, so that the supervisor, which stays, carries no driver.
"""

from __future__ import annotations

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor

from shr_local import keys
from shr_local.failure import StackError
from shr_local.mongo import become_primary
from shr_local.paths import Home
from shr_local.ports import Ports
from shr_local.topics import create_topics

DEADLINE_S = 80.0


def main() -> None:
    """Keys, then both stores at the same time. Raises StackError when a deadline passes."""
    home, ports = Home.from_environment(), Ports.from_environment()
    host = "127.0.0.1"
    home.create()
    keys.ensure(home.keys)
    with ThreadPoolExecutor(1) as aside:
        database = aside.submit(become_primary, host=host, port=ports["mongo"], deadline_s=DEADLINE_S)
        asyncio.run(create_topics(f"{host}:{ports['kafka']}", deadline_s=DEADLINE_S))
        database.result()
    home.topics_stamp.touch()


if __name__ == "__main__":
    try:
        main()
    except StackError as error:
        sys.exit(str(error))
