"""``$match`` finds the person under another spelling, grades and explains, and links nothing."""

from __future__ import annotations

from typing import Any


def looking_for(patient: dict[str, Any], **more: Any) -> dict[str, Any]:
    values = {"onlyCertainMatches": "valueBoolean", "count": "valueInteger"}
    return {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "resource", "resource": patient},
            *({"name": name, values[name]: value} for name, value in more.items()),
        ],
    }


async def entries(registry: Any, body: dict[str, Any]) -> list[dict[str, Any]]:
    answer = await registry.client.post("/fhir/Patient/$match", json=body, headers=registry.issuer.as_("registrar"))
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["entry"]
    return found


async def test_another_spelling_is_found_graded_and_explained(registry: Any, citizen: Any, number: Any) -> None:
    named = {"name": "Md. Wazihul Quddus", "name_bn": "মোঃ ওয়াজিহুল কুদ্দুস", "gender": "male", "birthDate": "1958-12-16"}
    nid = number(17)
    right = (await registry.register(citizen(nid=nid, **named))).json()["id"]
    son = (await registry.register(citizen(nid=number(17), **{**named, "birthDate": "1989-02-01"}))).json()["id"]

    sought = citizen(name="Wajihul Kuddus", name_bn="ওয়াজিহুল কুদ্দুস", gender="male", birthDate="1958-12-16")
    found = await entries(registry, looking_for(sought))
    assert found[0]["resource"]["id"] == right
    assert son not in [entry["resource"]["id"] for entry in found if entry["search"]["score"] > 0.9]
    extensions = {e["url"].rpartition("/")[2]: e for e in found[0]["search"]["extension"]}
    assert extensions["match-grade"]["valueCode"] in ("certain", "probable")
    assert "name agrees" in extensions["match-explanation"]["valueString"]

    by_number = await entries(registry, looking_for(citizen(nid=nid, **named), onlyCertainMatches=True))
    assert [entry["resource"]["id"] for entry in by_number] == [right]
    assert by_number[0]["search"]["score"] == 1
    assert len(await entries(registry, looking_for(sought, count=1))) == 1


async def test_nothing_to_look_for_is_refused(registry: Any) -> None:
    for body in (looking_for({"resourceType": "Patient"}), {"resourceType": "Parameters"}, {"parameter": 7}):
        answer = await registry.client.post("/fhir/Patient/$match", json=body, headers=registry.as_source())
        assert answer.status_code == 422
