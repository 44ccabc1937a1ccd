"""Which Kafka cluster this is: positions are of one cluster, and say nothing about another (a restored broker)."""

from __future__ import annotations

import contextlib

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from shr_common.errors import unavailable


class Cluster:
    """Knows the cluster's id once started. Part of the service's life."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._id = ""

    @property
    def id(self) -> str:
        """The id; empty before the start."""
        return self._id

    async def start(self) -> None:
        """Ask the broker. Raises unavailable."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap, client_id="shr-gateway-cluster")
        try:
            await admin.start()
            self._id = str((await admin.describe_cluster())["cluster_id"])
        except (KafkaError, OSError) as error:
            raise unavailable("The broker does not answer at the moment.") from error
        finally:
            with contextlib.suppress(KafkaError):
                await admin.close()

    async def stop(self) -> None:
        """Nothing to end."""
