"""What a declaration of an emergency has to say, and who may make one; results that were seen. (What it opens while
consent is silent: test_freshness.)
"""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from pydantic import ValidationError
from shr_common.testing import eventually

from ..world import NAZMUL, World, condition, new_health_id, observation


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
