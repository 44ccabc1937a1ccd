"""What the supervisor runs: each part's program, environment and listeners, from the settings of this stack."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from shr_local.kafka import KafkaServer
from shr_local.mongo import MongoServer
from shr_local.paths import WORKING_COPY, Home
from shr_local.ports import Ports
from shr_local.process import child_environment
from shr_local.services import DOUBLES, SERVICE_NAMES, SERVICES

HOST = "127.0.0.1"
TOPICS_SOURCE = WORKING_COPY / "libs" / "shr_contracts" / "src" / "shr_contracts" / "topics.py"


class Check(StrEnum):
    """How a part shows that it is ready."""

    HTTP = "http"
    KAFKA = "kafka"
    TCP = "tcp"


@dataclass(frozen=True, slots=True)
class PartSpec:
    """One process: ``command`` prepares what it needs and names the program; ``listeners`` are names and ports."""

    name: str
    command: Callable[[], list[str]]
    listeners: Mapping[str, int]
    check: Check
    grace_s: float
    needs_topics: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole stack: stores first, services after them."""

    home: Home
    ports: Ports
    kafka: KafkaServer
    mongo: MongoServer
    stores: tuple[PartSpec, ...]
    services: tuple[PartSpec, ...]
    environment: Mapping[str, str]

    @property
    def issuer(self) -> str:
        """Who issues the tokens of this stack."""
        return self.environment["SHR_ISSUER"]

    @property
    def left_in_order(self) -> bool:
        """Whether this data has all topics (created after their list changed last) and its last run ended in order:
        then services need not wait for the preparation.
        """
        stamp = self.home.topics_stamp
        return stamp.exists() and stamp.stat().st_mtime > TOPICS_SOURCE.stat().st_mtime


def make_plan(
    *,
    home: Home | None = None,
    ports: Ports | None = None,
    services: Iterable[str] = SERVICE_NAMES,
    cache_gb: float = 1.0,
    oplog_mb: int = 1024,
) -> Plan:
    """The plan of this environment; ``services`` leaves some out (the doubles always run)."""
    home, ports = home or Home.from_environment(), ports or Ports.from_environment()
    kafka = KafkaServer(ports["kafka"], home.data / "kafka", HOST)
    mongo = MongoServer(ports["mongo"], home.data / "mongo", cache_gb=cache_gb, oplog_mb=oplog_mb, host=HOST)
    environment = _environment(home, ports, kafka, mongo)
    wanted = set(services)

    def start_kafka() -> list[str]:
        kafka.prepare()
        return kafka.command()

    def start_mongo() -> list[str]:
        mongo.prepare()
        return mongo.command()

    return Plan(
        home=home,
        ports=ports,
        kafka=kafka,
        mongo=mongo,
        stores=(
            PartSpec("mongo", start_mongo, {"mongo": ports["mongo"]}, Check.TCP, grace_s=30),
            PartSpec("kafka", start_kafka, {"kafka": ports["kafka"]}, Check.KAFKA, grace_s=30),
        ),
        services=(
            _python("doubles", "shr_local.doubles", {name: ports[name] for name in DOUBLES}, grace_s=8),
            *(
                _python(one.name, one.module, {one.name: ports[one.name]}, grace_s=20, needs_topics=True)
                for one in SERVICES
                if one.name in wanted
            ),
        ),
        environment=environment,
    )


def _python(
    name: str, module: str, listeners: Mapping[str, int], *, grace_s: float, needs_topics: bool = False
) -> PartSpec:
    return PartSpec(name, lambda: [sys.executable, "-m", module], listeners, Check.HTTP, grace_s, needs_topics)


def _environment(home: Home, ports: Ports, kafka: KafkaServer, mongo: MongoServer) -> dict[str, str]:
    """What every child is told; what the person at the terminal set goes before the defaults."""
    issuer = os.environ.get("SHR_ISSUER") or f"http://{HOST}:{ports['idp']}"
    defaults = {
        "SHR_HOST": HOST,
        "SHR_ENVIRONMENT": "development",
        "SHR_JWKS_URL": f"http://{HOST}:{ports['idp']}/jwks",
        "SHR_AUDIENCE": "shr",
        "SHR_VERIFICATION_URL": f"http://{HOST}:{ports['verification']}",
    }
    own = {
        "SHR_HOME": str(home.root),
        "SHR_KEYS_DIR": str(home.keys),
        "SHR_MONGO_URI": mongo.uri,
        "SHR_KAFKA_BOOTSTRAP": kafka.bootstrap,
        "SHR_ISSUER": issuer,
    }
    return child_environment({**defaults, **_set_by_hand(defaults), **own, **ports.environment()})


def _set_by_hand(defaults: Iterable[str]) -> dict[str, str]:
    return {name: os.environ[name] for name in defaults if os.environ.get(name)}
