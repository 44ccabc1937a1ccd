"""Who looks the same as a newcomer becomes a question on top of the queue; nobody is linked by looks."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

FATHER, MOTHER = "মোঃ আব্দুল করিম", "Fatema Begum"


def parents(father: str = FATHER, mother: str = MOTHER) -> list[dict[str, Any]]:
    return [
        {"relationship": [{"coding": [{"code": code}]}], "name": {"text": name}}
        for code, name in (("FTH", father), ("MTH", mother))
    ]


@pytest.fixture
def family() -> dict[str, Any]:
    """What the members of one family have in common; of no other test."""
    mark = uuid.uuid4().int
    return {
        "telecom": [{"system": "phone", "value": f"017{mark % 10**8:08d}"}],
        "birthDate": f"19{50 + mark % 40}-{1 + mark // 7 % 6:02d}-{7 + mark // 91 % 6:02d}",
        "address": [{"use": "home", "line": [f"Rasulpur {mark % 997}"], "district": "3026", "country": "BD"}],
        "contact": parents(),
    }


@pytest.fixture
async def questions(registry: Any) -> Any:
    """The questions about a person, of the matching kind."""

    async def of(id_: str) -> list[dict[str, Any]]:
        found = await registry.database.reviews.find({"persons": id_, "kind": "possible-duplicate"}).to_list()
        reviewer = registry.issuer.as_("reviewer")
        answers = [await registry.client.get(f"/duplicates/{one['_id']}", headers=reviewer) for one in found]
        return [answer.json() for answer in answers]

    return of


async def test_the_same_woman_with_a_birth_registration_is_asked_about_and_not_linked(
    registry: Any, citizen: Any, number: Any, family: Any, questions: Any
) -> None:
    first = await registry.register(citizen(nid=number(17), **family))
    again = citizen(brn=number(17), name="RAHIMA  KHATUN", name_bn="মোছাঃ রহিমা\u200d খাতুন", **family)
    second = await registry.register(again)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["id"] != second.json()["id"]
    [asked] = [q for q in await questions(second.json()["id"]) if first.json()["id"] in q["persons"]]
    assert asked["about"]["grade"] == "certain"
    assert asked["certainty"] > 0.95
    assert {person["id"] for person in asked["people"]} == {first.json()["id"], second.json()["id"]}
    assert all(part["text"] and part["text_bn"] for part in asked["about"]["explanation"])


async def test_twins_with_numbers_of_their_own_are_asked_about_by_nobody(
    registry: Any, citizen: Any, number: Any, family: Any, questions: Any
) -> None:
    one = await registry.register(
        citizen(brn=number(17), name="Hasan Miah", name_bn="হাসান মিয়া", gender="male", **family)
    )
    two = await registry.register(
        citizen(brn=number(17), name="Hossain Miah", name_bn="হোসেন মিয়া", gender="male", **family)
    )
    assert one.json()["id"] != two.json()["id"]
    assert await questions(two.json()["id"]) == []


async def test_a_son_of_his_fathers_name_is_another(
    registry: Any, citizen: Any, number: Any, family: Any, questions: Any
) -> None:
    name = {"name": "Abdul Karim", "name_bn": "আব্দুল করিম", "gender": "male"}
    father = await registry.register(citizen(nid=number(17), **name, **family))
    son = {**family, "birthDate": "2003-02-09", "contact": parents(father="Abdul Karim", mother="Selina Begum")}
    child = await registry.register(citizen(brn=number(17), **name, **son))
    assert child.status_code == 201
    asked = [q for q in await questions(child.json()["id"]) if father.json()["id"] in q["persons"]]
    assert all(q["about"]["grade"] != "certain" for q in asked)


async def test_match_finds_by_any_one_thing_and_says_why_in_both_languages(
    registry: Any, citizen: Any, number: Any, family: Any
) -> None:
    known = (await registry.register(citizen(nid=number(17), **family))).json()["id"]
    half = {
        "phone": {"name": "Rohima", "name_bn": "রহিমা", "birthDate": None, "address": None, "contact": None},
        "swapped date": {"telecom": None, "address": None, "birthDate": _swapped(family["birthDate"])},
        "year": {"birthDate": family["birthDate"][:4], "contact": None},
    }
    for what, changes in half.items():
        sought = citizen(**{**family, **changes})
        found = await _matched(registry, sought)
        assert known in [entry["resource"]["id"] for entry in found], what
    best = (await _matched(registry, citizen(**family)))[0]
    assert best["resource"]["id"] == known
    extensions = {e["url"].rpartition("/")[2]: e for e in best["search"]["extension"]}
    assert extensions["match-grade"]["valueCode"] == "certain"
    said = extensions["match-explanation"]
    assert "father's name agrees" in said["valueString"]
    assert "পিতার নাম মেলে" in said["_valueString"]["extension"][0]["extension"][1]["valueString"]


async def test_what_one_side_of_a_merge_knew_finds_who_answers(
    registry: Any, citizen: Any, number: Any, family: Any
) -> None:
    kept = (await registry.register(citizen(nid=number(17), name="Shefali Das", name_bn="শেফালী দাস"))).json()["id"]
    retired = (await registry.register(citizen(brn=number(17), **family))).json()["id"]
    body = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": name, "valueReference": {"reference": f"Patient/{id_}"}}
            for name, id_ in (("survivor", kept), ("retired", retired))
        ],
    }
    merged = await registry.client.post("/fhir/Patient/$merge", json=body, headers=registry.issuer.as_("registrar"))
    assert merged.status_code == 200, merged.text
    assert (await _matched(registry, citizen(**family)))[0]["resource"]["id"] == kept


async def test_nothing_that_is_compared_stands_in_the_clear(
    registry: Any, citizen: Any, number: Any, family: Any
) -> None:
    id_ = (await registry.register(citizen(nid=number(17), **family))).json()["id"]
    document = await registry.database.persons.find_one({"_id": id_})
    assert 3 <= len(document["keys"]) <= 14
    assert all(isinstance(key, int) for key in document["keys"])
    assert family["telecom"][0]["value"] not in str(document)
    assert FATHER not in str(document)


def _swapped(born: str) -> str:
    year, month, day = born.split("-")
    return f"{year}-{day}-{month}"


async def _matched(registry: Any, patient: dict[str, Any]) -> list[dict[str, Any]]:
    body = {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": patient}]}
    answer = await registry.client.post("/fhir/Patient/$match", json=body, headers=registry.issuer.as_("registrar"))
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["entry"]
    return found
