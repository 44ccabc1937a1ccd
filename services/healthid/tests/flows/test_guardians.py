"""``$guardian``: who speaks for a person besides her mother."""

from __future__ import annotations

import json
from typing import Any

import pytest
from shr_common.testing import Topics


async def new(registry: Any, citizen: Any, number: Any) -> str:
    return str((await registry.register(citizen(nid=number(17)))).json()["id"])


async def guard(registry: Any, person: str, **said: Any) -> Any:
    by = registry.issuer.as_("registrar", sub="reg-1")
    return await registry.client.post(f"/fhir/Patient/{person}/$guardian", json=said, headers=by)


async def test_a_guardian_is_added_and_ended(registry: Any, citizen: Any, number: Any, topics: Topics) -> None:
    ward, aunt = await new(registry, citizen, number), await new(registry, citizen, number)
    as_aunt = registry.issuer.as_("citizen", health_id=aunt)
    assert (await registry.read(ward, by=as_aunt)).status_code == 404
    for _ in range(2):  # the same again changes nothing
        added = await guard(registry, ward, guardian=aunt, relation="aunt", action="add")
        assert (added.status_code, added.json()["meta"]["versionId"]) == (200, "2"), added.text
    assert (await registry.read(ward, by=as_aunt)).status_code == 200
    ended = await guard(registry, ward, guardian=f"Patient/{aunt}", relation="aunt", action="end")
    assert (ended.status_code, ended.json()["meta"]["versionId"]) == (200, "3")
    assert (await registry.read(ward, by=as_aunt)).status_code == 404
    told = await topics.read("patient.updated", where=lambda r: r.key == ward, count=2)
    assert [json.loads(r.value)["guardians"] for r in told] == [[aunt], []]
    history = await registry.client.get(
        f"/fhir/Patient/{ward}/_history", headers=registry.issuer.as_("registrar", sub="reg-1")
    )
    said = [
        {p["url"]: p["valueString"] for p in e["resource"]["meta"]["extension"][0]["extension"]}
        for e in history.json()["entry"]
    ]
    assert [one["action"] for one in said] == ["guardian-end", "guardian-add", "register"]
    assert (said[1]["by"], said[1]["reason"]) == ("reg-1", "aunt")


@pytest.mark.parametrize(
    ("said", "where"),
    [
        ({"relation": "aunt", "action": "add"}, "guardian"),
        ({"guardian": 7, "action": "add"}, "guardian"),
        ({"guardian": "9800017395", "action": "add"}, "guardian"),
        ({"guardian": "98000173958", "action": "add"}, "guardian"),
        ({"guardian": "98000173958", "action": "give"}, "action"),
        ({"guardian": "98000173958", "relation": 7, "action": "add"}, "relation"),
        ({"guardian": "98000173958", "relation": "x" * 65, "action": "add"}, "relation"),
    ],
)
async def test_what_is_wrong_is_located(
    registry: Any, citizen: Any, number: Any, said: dict[str, Any], where: str
) -> None:
    answer = await guard(registry, await new(registry, citizen, number), **said)
    assert answer.status_code == 422
    issue = answer.json()["issue"][0]
    assert issue["expression"] == [where] and issue["details"]["_text"]


async def test_nobody_is_her_own_guardian(registry: Any, citizen: Any, number: Any) -> None:
    one = await new(registry, citizen, number)
    answer = await guard(registry, one, guardian=one, action="add")
    assert (answer.status_code, answer.json()["issue"][0]["expression"]) == (422, ["guardian"])
    unknown = await guard(registry, "98000173958", guardian=one, action="add")
    assert unknown.status_code == 404
