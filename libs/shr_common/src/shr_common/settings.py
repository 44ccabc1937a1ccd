"""The settings that every service has; each service adds its own in its ``settings.py``.

All come from environment variables with the prefix ``SHR_``. A setting that is missing stops the start with its name.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

MIB = 1024 * 1024


class ServiceSettings(BaseSettings):
    """Where a service finds its neighbours, and the limits that all share."""

    model_config = SettingsConfigDict(env_prefix="SHR_", extra="ignore", frozen=True)

    host: str = Field("127.0.0.1", description="Address to listen on.")
    environment: Literal["development", "production"] = Field(
        "development", description="In production nothing of the demonstration is loaded and /dev is absent."
    )
    role: Literal["both", "api", "worker"] = Field("both", description="Serve HTTP, consume topics, or both.")
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(str.upper)] = Field(
        "INFO", description="DEBUG, INFO, WARNING or ERROR."
    )

    mongo_uri: str = Field(description="MongoDB connection string (a replica set).")
    kafka_bootstrap: str = Field(description="Kafka bootstrap servers, host:port[,host:port].")
    namespace: str = Field("shr", description="Prefix of databases (shr_records) and consumer groups (shr.records.…).")
    keys_dir: Path = Field(
        description="Folder of the key store: lookup.key, master-<service>.key, messages.key, dlq.key, cards.pem."
    )

    issuer: str = Field("http://127.0.0.1:8009", description="Issuer of accepted tokens.")
    jwks_url: str | None = Field(None, description="Where the issuer's public keys are; default {issuer}/jwks.")
    audience: str = Field("shr", description="Audience of accepted tokens.")
    otlp_endpoint: str | None = Field(None, description="OTLP/HTTP endpoint for traces; unset means off.")

    body_limit_bytes: int = Field(5 * MIB, description="Largest accepted request body or submission.")
    bundle_entries_limit: int = Field(2000, description="Entries in one submission.")
    json_depth_limit: int = Field(64, description="Levels of JSON in one submission.")
    page_size: int = Field(20, description="Entries on one page where the caller does not say.")
    page_size_limit: int = Field(200, description="Entries on one page at most.")
    batch_items_limit: int = Field(200, description="Records in one transaction.")
    batch_bytes_limit: int = Field(8 * MIB, description="Bytes in one transaction; a larger record goes alone.")
    queue_limit: int = Field(2000, description="Requests that may wait for a group commit before 429.")
    store_timeout_s: float = Field(10.0, description="Longest wait for one unit of work in MongoDB.")
    fault_retries: int = Field(3, description="Tries of a record that fails for an unknown reason before its DLQ.")

    @property
    def keys_url(self) -> str:
        """Where the issuer's public keys are."""
        return self.jwks_url or f"{self.issuer}/jwks"

    def database_of(self, service: str) -> str:
        """The name of a service's database."""
        return f"{self.namespace}_{service}"

    def group_of(self, service: str, purpose: str) -> str:
        """The name of a consumer group."""
        return f"{self.namespace}.{service}.{purpose}"


def port_of(service: str, default: int) -> int:
    """The port of a service: ``SHR_<SERVICE>_PORT`` or the documented default."""
    name = f"SHR_{service.upper()}_PORT"
    try:
        return int(os.environ.get(name, default))
    except ValueError:
        raise SystemExit(f"settings: {name} (must be a port number)") from None


PORTS = {
    "gateway": 8000,
    "healthid": 8001,
    "records": 8002,
    "consent": 8003,
    "terminology": 8004,
    "appointments": 8005,
    "registry": 8006,
}


S = TypeVar("S", bound=ServiceSettings)


def load(kind: type[S]) -> S:
    """Read the settings, or end the process with one line that names what is missing or wrong."""
    try:
        return kind()
    except ValidationError as error:
        wrong = ", ".join(
            f"SHR_{str(found['loc'][0]).upper()} ({found['msg'].lower()})" for found in error.errors() if found["loc"]
        )
        raise SystemExit(f"settings: {wrong}") from None
