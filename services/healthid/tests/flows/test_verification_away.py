"""The national service is down, slow, refusing: nobody waits long, and everybody gets her Health ID later."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from shr_common.identifiers import is_health_id
from shr_common.testing import Topics, eventually


async def healed(registry: Any, former: str) -> Any:
    async def has_health_id() -> Any:
        answer = await registry.read(former)
        return answer if is_health_id(answer.json()["id"]) else None

    return await eventually(has_health_id, within_s=15, what="the Health ID")


@pytest.fixture
async def fresh(serve: Any, new_settings: Any) -> Any:
    async with serve(new_settings()) as service:
        yield service


@pytest.mark.parametrize("mode", ["503", "slow", "down"])
async def test_provisional_now_and_a_health_id_later(
    mode: str, fresh: Any, national: Any, citizen: Any, number: Any, topics: Topics
) -> None:
    national.mode = mode
    if mode == "down":
        national.stop()
    nid = number(17)
    began = time.monotonic()
    first = await fresh.register(citizen(nid=nid, local="W-1"))
    assert time.monotonic() - began < 3, "time-outs bound the wait"
    again = await fresh.register(citizen(nid=nid))
    differing = await fresh.register(citizen(nid=nid, name="Kamal Uddin", name_bn="কামাল উদ্দিন"))
    assert [a.status_code for a in (first, again, differing)] == [202, 202, 409], first.text
    former = first.json()["id"]
    assert again.json()["id"] == former
    assert former.startswith("P-")
    counted = (await fresh.client.get("/counters")).json()["by_source"].get("openmrs", 0)
    assert await fresh.find(f"http://dghs.gov.bd/identifier/nid|{nid}") == []

    national.mode = "ok"
    if mode == "down":
        national.start()
    health_id = (await healed(fresh, former)).json()["id"]
    events = await topics.read(
        "patient.registered", where=lambda r: b'"replaces":["' + former.encode() in r.value, count=2
    )
    assert {e.key for e in events} == {former, health_id}
    assert len({e.id for e in events}) == 1
    told = json.loads(events[0].value)
    assert (told["health_id"], told["status"], len(told["lookup"]["nid"])) == (health_id, "active", 3)
    assert {"source": "openmrs/10000001", "system": "OpenMRS ID", "value": "W-1"} in told["local_ids"]
    assert (await fresh.client.get("/counters")).json()["by_source"]["openmrs"] == counted + 1
    assert (await fresh.register(citizen(nid=nid))).json()["id"] == health_id
    assert [p["id"] for p in await fresh.find("OpenMRS ID|W-1")] == [health_id]


async def test_proof_by_a_second_registration_ends_the_wait(
    serve: Any, new_settings: Any, national: Any, citizen: Any, number: Any
) -> None:
    async with serve(new_settings(role="api")) as service:  # no worker: only the second registration can prove
        national.mode = "503"
        nid = number(17)
        former = (await service.register(citizen(nid=nid))).json()["id"]
        national.mode = "ok"
        created = await service.register(citizen(nid=nid), by=service.as_source("opensrp", "2"))
        assert created.status_code == 201
        assert (await service.read(former)).json()["id"] == created.json()["id"]
        counted = (await service.client.get("/counters")).json()
        assert (counted["total"], counted["by_source"]["openmrs"]) == (1, 1)


async def test_proof_takes_a_number_from_a_claim(
    serve: Any, new_settings: Any, national: Any, citizen: Any, number: Any
) -> None:
    async with serve(new_settings(role="api")) as service:
        national.mode = "503"
        nid = number(17)
        wrong = await service.register(citizen(nid=nid, name="Somebody Else", name_bn="অন্য কেউ"))
        national.mode = "ok"
        right = await service.register(citizen(nid=nid))
        assert (wrong.status_code, right.status_code) == (202, 201)
        assert (await service.read(wrong.json()["id"])).json()["id"] == wrong.json()["id"]
        found = await service.find(f"http://dghs.gov.bd/identifier/nid|{nid}")
        assert [p["id"] for p in found] == [right.json()["id"]]


async def test_a_number_that_turns_out_wrong_waits_for_a_reviewer(
    fresh: Any, national: Any, citizen: Any, number: Any
) -> None:
    national.mode = "503"
    former = (await fresh.register(citizen(nid=number(17, ending="000")))).json()["id"]
    national.mode = "ok"

    async def listed() -> Any:
        answer = await fresh.client.get("/duplicates?count=200", headers=fresh.issuer.as_("reviewer"))
        return [e for e in answer.json()["entries"] if e["persons"] == [former]]

    [review] = await eventually(listed, what="the review")
    assert review["kind"] == "verification-unknown"
    assert (await fresh.read(former)).json()["id"] == former


async def test_nobody_asks_while_the_breaker_is_open(
    serve: Any, new_settings: Any, national: Any, citizen: Any, number: Any
) -> None:
    async with serve(new_settings(role="api", verification_failures=2, verification_pause_s=1.0)) as service:
        national.mode = "slow"
        for _ in range(2):
            assert (await service.register(citizen(nid=number(17)))).status_code == 202
        began = time.monotonic()
        assert (await service.register(citizen(nid=number(17)))).status_code == 202
        assert time.monotonic() - began < 1, "two time-outs of half a second would take longer"
        metrics = (await service.client.get("/metrics")).text
        assert 'shr_verifications_total{answer="spared"}' in metrics
        national.mode = "ok"

        async def asks_again() -> bool:
            return bool((await service.register(citizen(nid=number(17)))).status_code == 201)

        await eventually(asks_again, what="the breaker to close")
