"""Create the topics of ``shr_contracts.topics`` on a broker. What is there already stays as it is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code
from shr_contracts.topics import ALL_TOPICS, TopicSpec

from shr_local.failure import StackError


async def create_topics(bootstrap: str, specs: Iterable[TopicSpec] = ALL_TOPICS, *, deadline_s: float = 60) -> None:
    """Return once every topic is there and can be written to.

    Waits for the broker. Raises StackError when the deadline passes or the broker refuses a topic for good.
    """
    wanted = {spec.name: spec for spec in specs}
    until = time.monotonic() + deadline_s
    said = "no answer"
    while time.monotonic() < until:
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, client_id="shr-topics")
        try:
            await admin.start()
            await _create(admin, wanted)
            while await _missing(admin, wanted):
                if time.monotonic() > until:
                    break
                await asyncio.sleep(0.05)
            else:
                return
        except (KafkaError, OSError) as error:
            said = str(error) or type(error).__name__
            await asyncio.sleep(0.1)
        finally:
            await admin.close()
    raise StackError(f"topics could not be created on {bootstrap} within {deadline_s:.0f} s ({said})")


async def _create(admin: AIOKafkaAdminClient, wanted: dict[str, TopicSpec]) -> None:
    there = set(await admin.list_topics())
    new = [
        NewTopic(
            name=spec.name,
            num_partitions=spec.partitions,
            replication_factor=1,
            topic_configs={"retention.ms": str(spec.retention_ms), **spec.config},
        )
        for spec in wanted.values()
        if spec.name not in there
    ]
    if not new:
        return
    answer = await admin.create_topics(new, timeout_ms=30_000)
    for name, code, *rest in answer.topic_errors:
        if code and for_code(code) is not TopicAlreadyExistsError:
            raise StackError(f"topic {name} was refused: {(rest or [None])[0] or for_code(code).__name__}")


async def _missing(admin: AIOKafkaAdminClient, wanted: dict[str, TopicSpec]) -> bool:
    """Whether a topic has no partitions with a leader yet."""
    described = await admin.describe_topics(list(wanted))
    ready = {
        topic["topic"]
        for topic in described
        if topic["partitions"] and all(partition["leader"] >= 0 for partition in topic["partitions"])
    }
    return not wanted.keys() <= ready
