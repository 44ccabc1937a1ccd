"""Take the members that a killed stack left out of their consumer groups.

A consumer that was killed could not leave its group, and the group waits for it until its session ends (10 s). Before a
start we know that none of them lives.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    KafkaError,
    NotCoordinatorForGroupError,
)
from aiokafka.protocol.group import LeaveGroupRequest

PATIENCE_S = 5.0
_GROUPS_TOPIC = "__consumer_offsets"
_NOT_LOADED = {
    GroupLoadInProgressError.errno,
    GroupCoordinatorNotAvailableError.errno,
    NotCoordinatorForGroupError.errno,
}
_PROBES = [f"probe-{number}" for number in range(8)]
"""No groups: names of which one falls into each of the 8 partitions in which the broker keeps groups."""


async def forget_members(bootstrap: str, *, within_s: float = PATIENCE_S) -> int:
    """Empty every group; call it while no consumer runs. Returns how many were taken out.

    Never fails: what could not be done in time only makes the first start of the consumers slower.
    """
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, client_id="shr-groups")
        try:
            await admin.start()
            async with asyncio.timeout(max(until - time.monotonic(), 0)):
                return await _empty_all(admin)
        except (KafkaError, OSError, TimeoutError):  # a group is still being loaded, or the broker is not there yet
            await asyncio.sleep(0.2)
        finally:
            await admin.close()
    return 0


async def _empty_all(admin: AIOKafkaAdminClient) -> int:
    if _GROUPS_TOPIC not in await admin.list_topics():
        return 0  # new data: there was never a group
    coordinator = (await admin.describe_cluster())["controller_id"]  # a stack has one broker
    await _loaded(admin, coordinator)
    count = 0
    for name, *_ in await admin.list_consumer_groups():
        for member, *_ in (await _described(admin, name, coordinator))[5]:
            await admin._send_request(LeaveGroupRequest(name, member), coordinator)
            count += 1
    return count


async def _loaded(admin: AIOKafkaAdminClient, coordinator: int) -> None:
    """Until the broker knows its groups again: before, its list of them is silently too short."""
    for probe in _PROBES:
        while (await _described(admin, probe, coordinator))[0] in _NOT_LOADED:  # noqa: ASYNC110 (nobody here could set an event)
            await asyncio.sleep(0.05)


async def _described(admin: AIOKafkaAdminClient, name: str, coordinator: int) -> tuple[Any, ...]:
    """Code, name, state, protocol type, protocol, members. One at a time: the client cannot read two in one answer."""
    (answer,) = await admin.describe_consumer_groups([name], coordinator)
    group: tuple[Any, ...] = answer.groups[0]
    return group
