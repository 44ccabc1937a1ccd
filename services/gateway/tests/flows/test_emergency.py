"""An emergency while consent is away is declared here, for an hour at most, and recorded like any other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import orjson
import pytest
from pydantic import ValidationError
from shr_common.testing import eventually

from ..world import NAZMUL, World, condition, new_health_id, now, observation, sensitive

VERY = {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "V"}]}


@pytest.fixture(scope="module")
async def world(run_gateway: Any) -> AsyncIterator[World]:
    """A gateway that notices soon when consent falls silent."""
    async with run_gateway() as found:
        yield found


async def test_an_emergency_opens_all_but_what_is_very_restricted_even_when_consent_is_silent(world: World) -> None:
    person = await world.registers()
    plain, labelled, very = await world.records(
        person, observation(), sensitive(condition("HIV disease")), {**condition("Witness"), "meta": VERY}
    )
    await world.sees(person, world.citizen(person), plain, labelled, very)
    emergency = world.doctor(purpose="BTG")
    assert (await world.reads(person, emergency)).status_code == 403
    told = {"patient": person, "reason": "Unconscious", "kind": "emergency", "hours": 4}
    answer = await world.client.post("/break-glass", headers=world.doctor(), json=told)
    assert answer.status_code == 201
    ends = datetime.fromisoformat(answer.json()["expires_at"]) - datetime.fromisoformat(now())
    assert ends.total_seconds() <= 3600
    await world.beats.pause()
    try:
        await world.notices_silence(person)
        profile = await world.sees(person, emergency, plain, labelled, within_s=3)
        assert profile["access"]["by"] == "emergency" and profile["restricted"]
        assert (await world.reads(person, world.doctor())).status_code == 503
        another = world.doctor("20000077", purpose="BTG")
        assert (await world.reads(person, another)).status_code == 503
    finally:
        world.beats.resume()
    entries = await world.audited(person, decision="permit", actor=NAZMUL, count=2)
    assert entries[0]["break_glass"]["reason"] == "Unconscious"
    assert entries[1]["break_glass"]["id"] == answer.json()["id"]


@pytest.mark.parametrize(
    ("said", "place"),
    [
        ({"patient": "x", "reason": "r"}, "patient"),
        ({"patient": new_health_id(), "reason": " "}, "reason"),
        ({"patient": new_health_id(), "reason": "r", "hours": -1}, "hours"),
        ({"patient": new_health_id(), "reason": "r", "hours": 25}, "hours"),
        ({"patient": new_health_id(), "reason": "r", "hours": True}, "hours"),
        ({"patient": {"$where": "1"}, "reason": "r"}, "patient"),
        ({"patient": new_health_id(), "reason": "r", "kind": 7}, "kind"),
    ],
)
async def test_a_declaration_says_what_is_wrong_with_it(world: World, said: dict[str, Any], place: str) -> None:
    answer = await world.client.post("/break-glass", headers=world.doctor(), json=said)
    assert answer.status_code == 422
    assert answer.json()["issues"][0]["expression"] == place


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"patient": NaN}', b'{"a":1,"a":2}', b'{"a":' * 90, b"\xff"])
async def test_what_is_no_json_object_is_refused_with_its_place(world: World, body: bytes) -> None:
    answer = await world.client.post("/break-glass", headers=world.doctor(), content=body)
    assert answer.status_code == 400
    assert (await world.reads(new_health_id(), world.doctor(purpose="BTG"))).status_code == 403


def test_no_setting_makes_an_hour_without_consent_longer(make_settings: Any) -> None:
    assert make_settings(emergency_limit_s=600).emergency_limit_s == 600
    with pytest.raises(ValidationError, match="less than or equal to 3600"):
        make_settings(emergency_limit_s=7200)


async def test_only_practitioners_declare(world: World) -> None:
    said = {"patient": new_health_id(), "reason": "r"}
    answer = await world.client.post("/break-glass", headers=world.citizen(new_health_id()), json=said)
    assert answer.status_code == 403


async def test_an_acknowledged_result_is_told_to_those_who_may_read_it(world: World) -> None:
    person = await world.registers()
    seen, hidden = await world.records(person, observation(), condition())
    await world.grants(person, record_types=["Observation"])
    await world.sees(person, world.doctor(), seen)
    path = f"/profile/{person}/acknowledgements"
    for reference in (hidden, "Observation/none"):
        refused = await world.client.post(path, headers=world.doctor(), json={"reference": reference})
        assert refused.status_code == 404
    answer = await world.client.post(path, headers=world.doctor(), json={"reference": seen})
    assert answer.status_code == 201
    event = (await world.topics.read("result.acknowledged", where=lambda r: r.key == person))[0]
    assert orjson.loads(event.value)["reference"] == seen

    async def told() -> bool:
        profile = (await world.reads(person, world.doctor())).json()
        return [one["practitioner"] for one in profile["acknowledged"]] == [NAZMUL]

    await eventually(told)
    other = await world.client.post(path, headers=world.doctor(), json={"reference": {"$ne": 1}})
    assert other.status_code == 422
