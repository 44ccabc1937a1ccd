"""The development inbox: messages to citizens, sealed, for a day."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pymongo import UpdateOne
from shr_common.mongo import Database, categorised

from shr_healthid.domain.delivery import Message
from shr_healthid.storage.collections import MESSAGES
from shr_healthid.storage.sealing import Sealing


class MessageStore:
    """Keeps each message once, whatever Kafka repeats."""

    def __init__(self, database: Database, sealing: Sealing) -> None:
        self._messages = database[MESSAGES]
        self._sealing = sealing

    async def add(self, messages: Sequence[Message]) -> None:
        """Keep messages."""
        if not messages:
            return
        writes = [
            UpdateOne(
                {"_id": message.id},
                {
                    "$setOnInsert": {
                        "health_id": message.health_id,
                        "at": message.at,
                        "channel": message.channel,
                        "text": self._sealing.seal(message.text, message.id),
                    }
                },
                upsert=True,
            )
            for message in messages
        ]
        with categorised():
            await self._messages.bulk_write(writes, ordered=False)

    async def of(self, health_ids: Sequence[str], *, limit: int) -> list[dict[str, Any]]:
        """The newest messages to a citizen under any of her ids, newest last."""
        with categorised():
            newest = self._messages.find({"health_id": {"$in": list(health_ids)}}).sort("at", -1).limit(limit)
            found = await newest.to_list()
        return [
            {"at": m["at"], "channel": m["channel"], "text": self._sealing.open(m["text"], m["_id"])}
            for m in reversed(found)
        ]
