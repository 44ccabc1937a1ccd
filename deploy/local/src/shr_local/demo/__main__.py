"""``python -m shr_local.demo``: tells the story on the running stack; exits 1 with one line when a step fails."""

from __future__ import annotations

import asyncio
import sys

import httpx
from aiokafka.errors import KafkaError

from shr_local.demo.story import World, tell
from shr_local.failure import StackError
from shr_local.identity_provider.tokens import issuer
from shr_local.paths import Home
from shr_local.ports import Ports


def main() -> int:
    """Tell it, numbered."""
    number = 0

    def say(happened: str, came_back: str, where: str) -> None:
        nonlocal number
        number += 1
        print(f"{number:2}. {happened}\n    {came_back}\n    {where}", flush=True)

    try:
        asyncio.run(tell(World(Home.from_environment(), Ports.from_environment(), issuer()), say))
    except StackError as error:
        print(f"demonstration: {error}", file=sys.stderr)
        return 1
    except (httpx.HTTPError, KafkaError, OSError) as error:
        print(f"demonstration: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
