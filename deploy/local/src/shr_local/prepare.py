"""``python -m shr_local.prepare [--alone]``: what a stack needs once: keys, a primary, and every topic.

``--alone`` says that no service runs yet: then what a killed stack left in the consumer groups is taken out.

A process of its own, so that the supervisor, which stays, carries no driver.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from shr_local import keys
from shr_local.failure import StackError
from shr_local.groups import forget_members
from shr_local.mongo import become_primary
from shr_local.paths import Home
from shr_local.ports import Ports
from shr_local.topics import create_topics

DEADLINE_S = 80.0


def main(arguments: Sequence[str]) -> None:
    """Keys, then both stores at the same time. Raises StackError when a deadline passes."""
    home, ports = Home.from_environment(), Ports.from_environment()
    host = "127.0.0.1"
    home.create()
    keys.ensure(home.keys)
    with ThreadPoolExecutor(1) as aside:
        database = aside.submit(become_primary, host=host, port=ports["mongo"], deadline_s=DEADLINE_S)
        asyncio.run(_prepare_kafka(f"{host}:{ports['kafka']}", alone="--alone" in arguments))
        database.result()


async def _prepare_kafka(bootstrap: str, *, alone: bool) -> None:
    await create_topics(bootstrap, deadline_s=DEADLINE_S)
    if alone:
        await forget_members(bootstrap)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except StackError as error:
        sys.exit(str(error))
