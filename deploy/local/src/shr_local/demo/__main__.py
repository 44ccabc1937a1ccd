"""``python -m shr_local.demo``: tells the story on the running stack; exits 1 with one line when a step fails."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence

import httpx
from aiokafka.errors import KafkaError

from shr_local.demo.story import World, tell
from shr_local.failure import StackError
from shr_local.identity_provider.tokens import issuer
from shr_local.paths import Home
from shr_local.ports import Ports


def main(arguments: Sequence[str]) -> int:
    """Tell it, numbered; with ``--json`` as one document at the end: the steps, and the reason if one failed."""
    as_json = "--json" in arguments
    steps: list[dict[str, str]] = []

    def say(happened: str, came_back: str, where: str) -> None:
        steps.append({"happened": happened, "came_back": came_back, "where": where})
        if not as_json:
            print(f"{len(steps):2}. {happened}\n    {came_back}\n    {where}", flush=True)

    fault = None
    try:
        asyncio.run(tell(World(Home.from_environment(), Ports.from_environment(), issuer()), say))
    except StackError as error:
        fault = str(error)
    except (httpx.HTTPError, KafkaError, OSError) as error:
        fault = f"{type(error).__name__}: {error}"
    if as_json:
        print(json.dumps({"steps": steps, "fault": fault}, ensure_ascii=False, indent=2))
    if fault is not None:
        print(f"demonstration: {fault}", file=sys.stderr)
    return 0 if fault is None else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
