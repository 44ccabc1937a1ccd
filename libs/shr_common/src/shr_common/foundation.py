"""What a service that owns data stands on: its database, and an outbox from which its relay publishes."""

from __future__ import annotations

from dataclasses import dataclass

import pymongo

from shr_common.errors import ShrError
from shr_common.kafka import Producer
from shr_common.keys import Envelope
from shr_common.mongo import Client, Database, categorised, connect
from shr_common.outbox import Outbox, Relay
from shr_common.settings import ServiceSettings

PING_S = 2.0


@dataclass(frozen=True, slots=True)
class Foundation:
    """Parts to start: ``producer``, then whatever writes to the outbox, then ``relay``."""

    client: Client
    database: Database
    producer: Producer
    envelope: Envelope
    outbox: Outbox
    relay: Relay

    async def check(self) -> str | None:
        """Why the service cannot write or publish, if so."""
        try:
            with categorised(), pymongo.timeout(PING_S):
                await self.database.command("ping")
        except ShrError:
            return "MongoDB does not answer"
        return await self.relay.check()


def foundation(settings: ServiceSettings, service: str) -> Foundation:
    """Nothing is connected yet. Raises what a missing or wrong key file does."""
    client = connect(settings.mongo_uri)
    database = client[settings.database_of(service)]
    producer = Producer(settings.kafka_bootstrap, client_id=f"shr-{service}")
    envelope = Envelope.load(settings.keys_dir, f"master-{service}")
    outbox = Outbox(database, envelope)
    relay = Relay(database, producer, envelope, service=service)
    outbox.wake = relay.wake
    return Foundation(client, database, producer, envelope, outbox, relay)
