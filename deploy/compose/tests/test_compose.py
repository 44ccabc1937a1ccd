"""The compose file names everything that the local stack has: services, ports, settings, limits, protections."""

from __future__ import annotations

import importlib
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from shr_common.settings import ServiceSettings
from shr_local.kafka import KafkaServer
from shr_local.mongo import REPLICA_SET
from shr_local.paths import WORKING_COPY
from shr_local.ports import DEFAULTS, variable
from shr_local.services import DOUBLES, SERVICE_NAMES, SERVICES

FOLDER = WORKING_COPY / "deploy" / "compose"
FILE = FOLDER / "compose.yaml"
ONE_SHOT = ("prepare", "demo")
OURS = ("pod", "doubles", *ONE_SHOT, *SERVICE_NAMES)
STORES = ("kafka", "mongo")
NO_SETTINGS = {"SHR_HOME", *map(variable, DEFAULTS)}
"""Variables that are not fields of a settings class: where things lie, and ports (``port_of``, ``Ports``)."""


def interpolated(text: str, **environment: str) -> str:
    """What compose makes of ``${NAME:-default}``, defaults inside defaults included."""
    innermost = re.compile(r"\$\{([A-Z_]+):-([^${}]*)\}")
    while innermost.search(text):
        text = innermost.sub(lambda found: environment.get(found[1]) or found[2], text)
    assert "${" not in text
    return text


def project(**environment: str) -> dict[str, Any]:
    """The file as compose reads it with these variables set."""
    loaded: dict[str, Any] = yaml.safe_load(interpolated(FILE.read_text(encoding="utf-8"), **environment))
    return loaded


SERVICES_OF_FILE: dict[str, dict[str, Any]] = project()["services"]


def test_every_process_of_the_local_stack_is_a_container() -> None:
    assert set(SERVICES_OF_FILE) == {*OURS, *STORES}


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_one_image_and_the_command_says_which_service(service: Any) -> None:
    container = SERVICES_OF_FILE[service.name]

    assert container["image"] == SERVICES_OF_FILE["pod"]["image"]
    assert container["command"] == ["python", "-m", service.module]
    assert container["healthcheck"]["test"][-2:] == ["/opt/shr/healthy.py", service.name]
    assert container["depends_on"]["prepare"]["condition"] == "service_completed_successfully"
    assert container["restart"] == "unless-stopped"
    assert int(container["stop_grace_period"].removesuffix("s")) > 20  # what the supervisor gives a service


def test_the_doubles_answer_on_their_ports() -> None:
    assert SERVICES_OF_FILE["doubles"]["command"] == ["python", "-m", "shr_local.doubles"]
    assert tuple(SERVICES_OF_FILE["doubles"]["healthcheck"]["test"][-2:]) == DOUBLES


def test_the_documented_ports_are_published_on_the_loopback_only() -> None:
    assert sorted(SERVICES_OF_FILE["pod"]["ports"]) == sorted(f"127.0.0.1:{port}:{port}" for port in DEFAULTS.values())


@pytest.mark.parametrize("name", DEFAULTS)
def test_each_port_moves_within_and_without(name: str) -> None:
    moved = project(**{variable(name): "14999"})["services"]

    assert "127.0.0.1:14999:14999" in moved["pod"]["ports"]
    for container in (*SERVICE_NAMES, "prepare", "doubles", "demo"):
        assert str(moved[container]["environment"][variable(name)]) == "14999"
    assert ":14999" in str(moved["records"]["environment"]) or name in SERVICE_NAMES
    if name in STORES:
        assert "14999" in str(moved[name])


@pytest.mark.parametrize("name", SERVICE_NAMES)
def test_a_service_finds_its_settings(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kind: type[ServiceSettings] = importlib.import_module(f"shr_{name}.settings").Settings
    environment = {key: str(value) for key, value in SERVICES_OF_FILE[name]["environment"].items()}
    known = {f"SHR_{field.upper()}" for field in kind.model_fields}

    required = {f"SHR_{field.upper()}" for field, info in kind.model_fields.items() if info.is_required()}
    assert required <= environment.keys()
    everywhere = {f"SHR_{field.upper()}" for field in ServiceSettings.model_fields}
    healthids_own = {"SHR_VERIFICATION_URL"}
    assert environment.keys() <= NO_SETTINGS | everywhere | healthids_own | known

    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    settings = kind()
    assert settings.issuer == f"http://127.0.0.1:{DEFAULTS['idp']}"
    assert settings.host == "0.0.0.0"
    assert f"replicaSet={REPLICA_SET}" in settings.mongo_uri


def test_any_other_setting_may_stand_in_one_file() -> None:
    for name in SERVICE_NAMES:
        assert SERVICES_OF_FILE[name]["env_file"] == [{"path": "settings.env", "required": False}]


@pytest.mark.parametrize("name", OURS)
def test_our_containers_may_do_little(name: str) -> None:
    container = SERVICES_OF_FILE[name]

    assert container["user"] == "10001:10001"
    assert container["read_only"] is True
    assert container["cap_drop"] == ["ALL"]
    assert container["security_opt"] == ["no-new-privileges:true"]
    assert container["pids_limit"]
    writable = [volume for volume in container.get("volumes", ()) if not volume.endswith(":ro")]
    assert writable == (["state:/var/lib/shr"] if name in ("prepare", "doubles") else [])


@pytest.mark.parametrize("name", STORES)
def test_the_stores_drop_what_they_do_not_need(name: str) -> None:
    container = SERVICES_OF_FILE[name]

    assert container["cap_drop"] == ["ALL"]
    assert not container["image"].endswith(":latest")
    assert container["image"].count(":") == 1
    assert container["restart"] == "unless-stopped"


def test_the_broker_is_that_of_the_local_stack() -> None:
    pom = (WORKING_COPY / "deploy" / "local" / "pom.xml").read_text(encoding="utf-8")
    version = re.search(r"<kafka.version>(.+?)</kafka.version>", pom)
    said = {
        key.removeprefix("KAFKA_").lower().replace("_", "."): str(value)
        for key, value in SERVICES_OF_FILE["kafka"]["environment"].items()
    }
    local = dict(
        line.split("=", 1) for line in KafkaServer(9092, Path("unused"))._settings().splitlines() if "=" in line
    )
    own = {"listeners", "log.dirs", "controller.quorum.voters", "node.id", "process.roles"}

    assert version is not None
    assert SERVICES_OF_FILE["kafka"]["image"] == f"apache/kafka:{version[1]}"
    both = (said.keys() & local.keys()) - own
    assert {"message.max.bytes", "auto.create.topics.enable", "offsets.topic.replication.factor"} <= both
    assert {key: said[key] for key in both} == {key: local[key] for key in both}


def test_the_demonstration_waits_for_every_service_and_starts_only_when_asked() -> None:
    demo = SERVICES_OF_FILE["demo"]

    assert demo["profiles"] == ["demo"]
    assert {name: on["condition"] for name, on in demo["depends_on"].items()} == dict.fromkeys(
        SERVICE_NAMES, "service_healthy"
    )


def test_what_ends_by_itself_is_waited_for_as_such() -> None:
    """`up --wait` takes an ended container for a failure unless somebody depends on its success."""
    waited_for = {
        name
        for container in SERVICES_OF_FILE.values()
        for name, on in container.get("depends_on", {}).items()
        if on["condition"] == "service_completed_successfully"
    }
    started = {name for name, container in SERVICES_OF_FILE.items() if "profiles" not in container}

    assert waited_for == started & set(ONE_SHOT)


def test_every_volume_is_declared() -> None:
    used = {volume.split(":")[0] for container in SERVICES_OF_FILE.values() for volume in container.get("volumes", ())}

    assert used == set(project()["volumes"])


def test_compose_itself_accepts_the_file() -> None:
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("no docker compose here")

    done = subprocess.run(
        [docker, "compose", "-f", str(FILE), "--profile", "demo", "config", "--quiet"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
