"""Rules of the house that a reader relies on and no type checker sees."""

from __future__ import annotations

import ast
import configparser
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from shr_common.security import ROLES, allowed_roles, is_public
from shr_common.testing import Issuer

ROOT = Path(__file__).parents[2]
SERVICES = ("healthid", "records", "consent", "terminology", "appointments", "registry", "gateway")
LINES_LIMIT = 400
NO_JOB = {"util", "utils", "helper", "helpers", "misc", "common", "shared", "stuff", "tools"}
HTTP_EXCEPTIONS = {"HTTPException", "StarletteHTTPException"}
STORE_ROOMS = {"storage"}
STORE_LIBRARIES = {"shr_common", "shr_local"}


def product() -> list[Path]:
    """Every module that runs in production, and those of the local stack and the command line."""
    folders = [*(ROOT / "libs").glob("*/src"), *(ROOT / "services").glob("*/src"), ROOT / "deploy/local/src"]
    return [path for folder in folders for path in sorted(folder.rglob("*.py"))]


def everything() -> list[Path]:
    """Every Python file of the project."""
    folders = [ROOT / name for name in ("libs", "services", "deploy", "tests", "benchmarks")]
    return [path for folder in folders for path in sorted(folder.rglob("*.py"))]


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports(path: Path) -> Iterator[str]:
    """The modules that a file names in its imports."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def rooms(path: Path) -> tuple[str, ...]:
    """``services/records/src/shr_records/http/fhir.py`` → ("shr_records", "http", "fhir.py")."""
    parts = path.parts
    return parts[parts.index("src") + 1 :] if "src" in parts else parts


@pytest.fixture(scope="module")
def apps(tmp_path_factory: pytest.TempPathFactory) -> dict[str, FastAPI]:
    """Every service, made but not started: neither broker nor database is asked for anything."""
    issuer = Issuer(tmp_path_factory.mktemp("keys"))
    made = {}
    for name in SERVICES:
        main = importlib.import_module(f"shr_{name}.main")
        settings = importlib.import_module(f"shr_{name}.settings").Settings
        where: dict[str, Any] = {"mongo_uri": "mongodb://127.0.0.1:9/?replicaSet=rs0", "kafka_bootstrap": "127.0.0.1:9"}
        made[name] = main.create_app(settings(**where, **issuer.settings()))
    return made


@pytest.mark.parametrize("service", SERVICES)
async def test_every_route_declares_its_caller_or_is_public(apps: dict[str, FastAPI], service: str) -> None:
    undeclared = [
        f"{sorted(route.methods)} {route.path}"
        for route in apps[service].routes
        if isinstance(route, APIRoute) and allowed_roles(route) is None and not is_public(route.path)
    ]
    assert not undeclared


@pytest.mark.parametrize("service", SERVICES)
async def test_whatever_a_route_lets_in_is_a_role(apps: dict[str, FastAPI], service: str) -> None:
    declared = {route.path: allowed_roles(route) for route in apps[service].routes if isinstance(route, APIRoute)}
    assert len(declared) > 6, "a service has routes of its own besides /health, /metrics and /docs"
    for path, roles in declared.items():
        assert roles is None or (roles and roles <= ROLES), path


@pytest.mark.parametrize("service", SERVICES)
async def test_every_subscription_names_its_group_and_its_topics(apps: dict[str, FastAPI], service: str) -> None:
    subscribers = apps[service].state.assembly.subscribers
    if subscribers is None:
        pytest.skip(f"{service} consumes nothing")
    for group, subscriber in subscribers._subscribers.items():
        assert group.startswith(f"shr.{service}.")
        assert subscriber.topic_names_for_subscribe
        assert subscriber.group_id == group.partition("#")[0]  # a second consumer of the same group


def test_no_file_is_longer_than_a_reader_takes_in() -> None:
    long = {named(path): lines for path in everything() if (lines := len(path.read_bytes().splitlines())) > LINES_LIMIT}
    assert not long


def test_a_module_is_named_after_its_job() -> None:
    assert not [
        named(path)
        for path in product()
        if NO_JOB & {part.removesuffix(".py") for part in rooms(path)} - {"shr_common"}
    ]


def test_statuses_belong_to_the_edges() -> None:
    """Errors are categories; what HTTP makes of them stands in ``shr_common.outcomes``."""
    guilty = []
    for path in product():
        place = rooms(path)
        if place == ("shr_common", "outcomes.py") or place[0] == "shr_local":
            continue
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Name) and node.id in HTTP_EXCEPTIONS:
                guilty.append(f"{named(path)}:{node.lineno}")
    assert not guilty


def test_all_that_knows_the_database_lives_in_storage() -> None:
    guilty = []
    for path in product():
        place = rooms(path)
        if place[0] in STORE_LIBRARIES or STORE_ROOMS & set(place):
            continue
        if any(module.split(".")[0] in ("pymongo", "bson", "motor") for module in imports(path)):
            guilty.append(named(path))
    assert not guilty


def test_topics_are_consumed_by_the_common_subscriber_only() -> None:
    """Which has the parser, the manual ack and the dead letters; FastStream's defaults lose messages."""
    guilty = [
        named(path)
        for path in product()
        if rooms(path)[0] != "shr_common" and any(module.split(".")[0] == "faststream" for module in imports(path))
    ]
    assert not guilty


def test_every_room_of_a_service_is_one_that_the_import_table_knows() -> None:
    """A new room would be outside the contracts of ``.importlinter``."""
    config = configparser.ConfigParser()
    config.read(ROOT / ".importlinter", encoding="utf-8")
    layers = re.findall(r"\w+", config["importlinter:contract:rooms"]["layers"])
    for name in SERVICES:
        package = ROOT / "services" / name / "src" / f"shr_{name}"
        assert package.is_dir(), name
        assert f"shr_{name}" in config["importlinter"]["root_packages"].split()
        assert {"domain", "use_cases", "storage"} & {path.name for path in package.iterdir()} <= set(layers)


def test_imports_keep_to_the_table() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([str(linter), "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:]


def test_importing_a_service_does_nothing() -> None:
    """No connection, no thread, no file, and nothing heavy: importing a main module is for tests and tools, too."""
    look = (
        "import sys, threading, importlib\n"
        f"[importlib.import_module(f'shr_{{name}}.main') for name in {SERVICES!r}]\n"
        "heavy = [m for m in ('fhir.resources', 'opentelemetry.sdk', 'typst', 'shr_local') if m in sys.modules]\n"
        "print(threading.active_count(), heavy)"
    )
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "1 []", done.stdout + done.stderr[-2000:]
