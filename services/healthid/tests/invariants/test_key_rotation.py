"""The master key is replaced while people are registered; afterwards the former key is needed for nothing."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest
from bson import Binary
from shr_common import key_store
from shr_common.keys import Envelope, key_id, sealed_under
from shr_common.testing import eventually
from shr_healthid.storage.rewrap import SEALED

NAME = "master-healthid"
FAST = {"rewrap_poll_s": 0.05, "rewrap_pause_s": 0, "rewrap_settle_s": 0.3, "rewrap_batch": 7}


@pytest.fixture
def keys(issuer: Any, tmp_path: Path) -> Path:
    """A key store of its own: the others' key must stay."""
    return Path(shutil.copytree(issuer.directory, tmp_path / "keys"))


def sealed_values(value: Any, at: str = "") -> list[tuple[str, bytes]]:
    """Every binary value of a document, however deep, and where it lies."""
    if isinstance(value, dict):
        return [found for name, one in value.items() for found in sealed_values(one, f"{at}.{name}")]
    if isinstance(value, list):
        return [found for place, one in enumerate(value) for found in sealed_values(one, f"{at}.{place}")]
    return [(at, bytes(value))] if isinstance(value, bytes | Binary) else []


async def keys_of_values(database: Any) -> dict[str, set[str | None]]:
    """By collection, under which keys its values lie."""
    found: dict[str, set[str | None]] = {}
    for name in await database.list_collection_names():
        async for document in database[name].find():
            for _, value in sealed_values(document):
                found.setdefault(name, set()).add(sealed_under(value))
    return found


async def as_an_older_release_left_it(database: Any) -> None:
    """Some values without the name of their key."""
    async for document in database["persons"].find({"sealed": {"$exists": True}}).limit(3):
        bare = document["sealed"][6:]
        await database["persons"].update_one({"_id": document["_id"]}, {"$set": {"sealed": bare}})


async def stand(service: Any) -> dict[str, Any]:
    answer = await service.client.get("/keys", headers=service.issuer.as_("administrator"))
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def replaced(keys: Path, *services: Any) -> str:
    """What ``shr keys rotate`` does."""
    new = key_store.announce(keys, NAME)
    for service in services:

        async def everybody(what: Any, service: Any = service) -> bool:
            said = (await stand(service))["replicas"]
            return len(said) == len(services) and all(what(one) for one in said)

        await eventually(lambda: everybody(lambda one: new in one["known"]), what="everybody knows the key")
    key_store.activate(keys, NAME)
    return new


async def done_under(service: Any, key: str) -> dict[str, Any]:
    async def done() -> Any:
        said = (await stand(service))["rewrap"]
        return said if said and (said["key"], said["state"]) == (key, "done") else None

    return dict(await eventually(done, within_s=30, what="the re-wrap"))


async def test_the_master_key_is_replaced_while_people_are_registered(
    serve: Any, new_settings: Any, busy_day: Any, keys: Path, citizen: Any, number: Any
) -> None:
    settings = new_settings(keys_dir=keys, **FAST)
    before = key_id((keys / f"{NAME}.key").read_bytes())
    async with serve(settings) as one, serve(settings.model_copy(update={"role": "api"})) as other:
        day = busy_day(one)
        await day.all_of_it()
        await as_an_older_release_left_it(one.database)
        registered: list[tuple[str, str]] = []
        going_on = True

        async def hospital(service: Any) -> None:
            while going_on:
                nid = number(17)
                answer = await service.register(citizen(nid=nid))
                assert answer.status_code == 201, answer.text
                registered.append((answer.json()["id"], nid))

        hospitals = [asyncio.create_task(hospital(service)) for service in (one, other) for _ in range(3)]
        new = await replaced(keys, one, other)
        at_the_change = len(registered)
        rewrapped = await done_under(one, new)
        await eventually(lambda: len(registered) > at_the_change + 20, what="registrations go on", within_s=20)
        going_on = False
        await asyncio.gather(*hospitals)
        assert (rewrapped["unreadable"], rewrapped["rewrapped"] > 20) == (0, True), rewrapped

        async def told() -> bool:
            return not await one.database["outbox"].estimated_document_count()

        await eventually(told, what="an empty outbox")
        found = await keys_of_values(one.database)
        assert found.keys() <= SEALED.keys(), "sealed values that a rotation does not know of"
        assert {name: under for name, under in found.items() if under != {new}} == {}
        assert {
            "persons",
            "versions",
            "intakes",
            "reviews",
            "approvals",
            "cards",
            "refusals",
            "messages",
        } <= found.keys()
    (former,) = key_store.formers(keys, NAME)
    assert former.id == before
    former.file.unlink()
    async with serve(settings) as later:
        for id_, nid in registered:
            assert [p["id"] for p in await later.find(f"http://dghs.gov.bd/identifier/nid|{nid}")] == [id_]
        registrar = later.issuer.as_("registrar")
        for id_ in day.persons:
            assert (await later.read(id_)).status_code == 200
            history = await later.client.get(f"/fhir/Patient/{id_}/_history", headers=registrar)
            assert history.status_code == 200, history.text
        for path in ("/duplicates?status=all", "/approvals?status=all", f"/dev/inbox?health_id={day.persons[0]}"):
            assert (await later.client.get(path, headers=registrar)).status_code == 200, path
        cards = await later.database["cards"].find_one()
        assert (await later.client.get(f"/cards/{cards['_id']}", headers=registrar)).status_code == 200
        assert before not in (await stand(later))["replicas"][0]["known"]


async def test_a_rewrap_goes_on_where_a_stopped_worker_was_and_says_what_it_cannot_open(
    serve: Any, new_settings: Any, keys: Path, citizen: Any, number: Any
) -> None:
    settings = new_settings(keys_dir=keys, **FAST | {"rewrap_pause_s": 0.2})
    async with serve(settings.model_copy(update={"role": "api"})) as service:
        for _ in range(30):
            assert (await service.register(citizen(nid=number(17)))).status_code == 201
        lost = Envelope(b"x" * 32).seal(b'"of a key that was lost"', b"m-1")
        await service.database["messages"].insert_one({"_id": "m-1", "text": lost})
        new = await replaced(keys, service)
    async with serve(settings) as service:

        async def some() -> bool:
            said = (await stand(service))["rewrap"]
            return bool(said) and said["looked"] >= 14

        await eventually(some, what="two batches")
        halfway = (await stand(service))["rewrap"]
        assert halfway["state"] == "running"
    async with serve(settings.model_copy(update={"rewrap_pause_s": 0.0})) as service:
        said = await done_under(service, new)
        assert said["began_at"] == halfway["began_at"]
        assert said["looked"] > halfway["looked"]
        assert said["unreadable"] == 1
        (keys / f"{NAME}.key.lost").write_bytes(b"x" * 32)  # found again

        async def readable() -> bool:
            said = (await stand(service))["rewrap"]
            return said["state"] == "done" and said["unreadable"] == 0

        await eventually(readable, what="the found key opens", within_s=20)
        message = await service.database["messages"].find_one({"_id": "m-1"})
        assert sealed_under(message["text"]) == new


async def test_only_administrators_see_how_keys_stand(registry: Any) -> None:
    assert (await registry.client.get("/keys")).status_code == 401
    assert (await registry.client.get("/keys", headers=registry.issuer.as_("registrar"))).status_code == 403
