"""Take the members that a killed stack left out of their consumer groups.

A consumer that was killed could not leave its group, and the group waits for it until its session ends (10 s). Before a
start we know that none of them lives.
"""

from __future__ import annotations

import asyncio
import time

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.protocol.group import LeaveGroupRequest

PATIENCE_S = 5.0


async def forget_members(bootstrap: str, *, within_s: float = PATIENCE_S) -> int:
    """Empty every group; call it while no consumer runs. Returns how many were taken out.

    Never fails: what could not be done in time only makes the first start of the consumers slower.
    """
    until = time.monotonic() + within_s
    taken_out = 0
    while time.monotonic() < until:
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, client_id="shr-groups")
        try:
            await admin.start()
            taken_out += await _empty_all(admin)
            return taken_out
        except (KafkaError, OSError):  # a group is still being loaded, or the broker is not there yet
            await asyncio.sleep(0.2)
        finally:
            await admin.close()
    return taken_out


async def _empty_all(admin: AIOKafkaAdminClient) -> int:
    count = 0
    for name, *_ in await admin.list_consumer_groups():
        coordinator = await admin.find_coordinator(name)
        for answer in await admin.describe_consumer_groups([name], coordinator):
            for group in answer.groups:
                members = [member[0] for member in group[5]]
                for member in members:
                    await admin._send_request(LeaveGroupRequest(name, member), coordinator)
                count += len(members)
    return count
