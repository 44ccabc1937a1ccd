"""``$merge`` and ``$unmerge``: one person answers for the other, and both are given back exactly."""

from __future__ import annotations

import asyncio
import json
from itertools import pairwise
from typing import Any

import pytest
from shr_common.testing import Topics

BRN = "http://dghs.gov.bd/identifier/brn"
NID = "http://dghs.gov.bd/identifier/nid"
UHID = "http://dghs.gov.bd/identifier/uhid"
SURVIVOR = "Parameters.parameter.where(name='survivor').value"
RETIRED = "Parameters.parameter.where(name='retired').value"


def pair(survivor: str, retired: str, **more: Any) -> dict[str, Any]:
    named = [
        {"name": name, "valueReference": {"reference": f"Patient/{id_}"}}
        for name, id_ in (("survivor", survivor), ("retired", retired))
    ]
    return {"resourceType": "Parameters", "parameter": [*named, *more.get("parameter", ())]}


class Desk:
    """A registrar at a running registry."""

    def __init__(self, registry: Any, citizen: Any, number: Any) -> None:
        self.registry, self.citizen, self.number = registry, citizen, number
        self.by = registry.issuer.as_("registrar", sub="reg-1")

    async def new(self, **said: Any) -> str:
        answer = await self.registry.register(self.citizen(**{"nid": self.number(17), **said}))
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def merge(self, survivor: str, retired: str, *, undo: bool = False, by: Any = None) -> Any:
        address = f"/fhir/Patient/${'unmerge' if undo else 'merge'}"
        return await self.registry.client.post(address, json=pair(survivor, retired), headers=by or self.by)

    async def unmerge(self, survivor: str, retired: str) -> Any:
        return await self.merge(survivor, retired, undo=True)

    async def shown(self, id_: str) -> dict[str, Any]:
        patient = (await self.registry.read(id_, by=self.by)).json()
        patient["meta"] = {
            name: value for name, value in patient["meta"].items() if name not in ("versionId", "lastUpdated")
        }
        return patient


@pytest.fixture
def desk(registry: Any, citizen: Any, number: Any) -> Desk:
    return Desk(registry, citizen, number)


def refusal(answer: Any) -> tuple[int, str, str]:
    said = answer.json()["issue"][0]
    assert said["details"]["_text"], "in Bangla as well"
    return answer.status_code, said["expression"][0], said["details"]["text"]


async def test_the_survivor_answers_for_the_retired_one(desk: Desk, number: Any) -> None:
    brn, local = number(17), f"L-{number(10)}"
    survivor, retired = await desk.new(), await desk.new(nid=None, brn=brn, local=local)
    answer = await desk.merge(survivor, retired)
    assert answer.status_code == 200, answer.text
    patient = answer.json()
    assert patient["id"] == survivor and patient["active"]
    assert patient["link"] == [{"other": {"reference": f"Patient/{retired}"}, "type": "replaces"}]
    assert {"use": "old", "system": UHID, "value": retired}.items() <= patient["identifier"][1].items()
    former = await desk.registry.read(retired, by=desk.by)
    assert former.status_code == 200
    assert (former.json()["id"], former.json()["active"]) == (retired, False)
    assert former.json()["link"] == [{"other": {"reference": f"Patient/{survivor}"}, "type": "replaced-by"}]
    # local ids and numbers of the retired side resolve to the survivor
    for token in (f"OpenMRS ID|{local}", f"{BRN}|{brn}"):
        assert [p["id"] for p in await desk.registry.find(token)] == [survivor], token


async def test_what_comes_in_for_the_retired_side_is_answered_by_the_survivor_and_stays_its_own(
    desk: Desk, citizen: Any, number: Any
) -> None:
    brn, local = number(17), f"L-{number(10)}"
    survivor, retired = await desk.new(), await desk.new(nid=None, brn=brn)
    before = await desk.shown(survivor)
    await desk.merge(survivor, retired)
    again = await desk.registry.register(citizen(brn=brn, local=local), by=desk.registry.as_source("opensrp", "7"))
    assert (again.status_code, again.json()["id"]) == (200, survivor)
    found = await desk.registry.find(f"OpenMRS ID|{local}", by=desk.registry.as_source("opensrp", "7"))
    assert [p["id"] for p in found] == [survivor]
    both = await desk.unmerge(survivor, retired)
    assert both.status_code == 200, both.text
    assert [e["resource"]["id"] for e in both.json()["entry"]] == [survivor, retired]
    assert both.json()["type"] == "collection"
    assert await desk.shown(survivor) == before
    found = await desk.registry.find(f"OpenMRS ID|{local}", by=desk.registry.as_source("opensrp", "7"))
    assert [p["id"] for p in found] == [retired]
    assert [p["id"] for p in await desk.registry.find(f"{BRN}|{brn}")] == [retired]


async def test_undoing_gives_both_back_exactly(desk: Desk, number: Any) -> None:
    survivor, retired = await desk.new(local=f"A-{number(10)}"), await desk.new(local=f"B-{number(10)}")
    before = [await desk.shown(id_) for id_ in (survivor, retired)]
    counted = (await desk.registry.client.get("/counters")).json()
    await desk.merge(survivor, retired)
    assert (await desk.registry.client.get("/counters")).json() == counted
    await desk.unmerge(survivor, retired)
    assert [await desk.shown(id_) for id_ in (survivor, retired)] == before
    assert (await desk.registry.client.get("/counters")).json() == counted


async def test_a_merge_is_told_under_both_keys_with_one_event_id(desk: Desk, topics: Topics) -> None:
    survivor, retired = await desk.new(), await desk.new()
    await desk.merge(survivor, retired)
    await desk.unmerge(survivor, retired)

    def about(record: Any) -> bool:
        return record.key in (survivor, retired)

    told = await topics.read("patient.merged", where=about, count=4)
    said = [(r.key, json.loads(r.value)["undone"], json.loads(r.value)["version"]) for r in told]
    assert sorted(said) == sorted((k, u, v) for k in (survivor, retired) for u, v in ((False, 2), (True, 3)))
    ids = {(json.loads(r.value)["undone"], r.headers["ce_id"]) for r in told}
    assert len(ids) == 2
    assert {(json.loads(r.value)["survivor"], json.loads(r.value)["retired"]) for r in told} == {(survivor, retired)}
    states = await topics.read("patient.updated", where=lambda r: r.key == retired, count=2)
    assert sorted((json.loads(r.value)["version"], json.loads(r.value)["status"]) for r in states) == [
        (2, "retired"),
        (3, "active"),
    ]


async def test_a_chain_holds_and_each_link_is_undone_by_itself(desk: Desk, number: Any) -> None:
    local = f"L-{number(10)}"
    b, a, c = await desk.new(local=local), await desk.new(), await desk.new()
    before = {id_: await desk.shown(id_) for id_ in (a, b, c)}
    assert (await desk.merge(a, b)).status_code == 200
    assert (await desk.merge(c, a)).status_code == 200
    assert [p["id"] for p in await desk.registry.find(f"OpenMRS ID|{local}")] == [c]
    status, where, text = refusal(await desk.unmerge(c, b))
    assert (status, where) == (409, SURVIVOR) and a in text
    assert (await desk.unmerge(a, b)).status_code == 200
    assert [p["id"] for p in await desk.registry.find(f"OpenMRS ID|{local}")] == [b]
    assert (await desk.unmerge(c, a)).status_code == 200
    assert {id_: await desk.shown(id_) for id_ in (a, b, c)} == before


async def test_what_cannot_be_merged_is_told_where_and_why(desk: Desk) -> None:
    a, b, c = await desk.new(), await desk.new(), await desk.new()
    status, where, text = refusal(await desk.merge(a, a))
    assert (status, where) == (422, RETIRED) and "herself" in text
    assert refusal(await desk.merge(a, "98000173958"))[:2] == (422, RETIRED)
    assert refusal(await desk.merge("98000173958", a))[:2] == (422, SURVIVOR)
    assert refusal(await desk.unmerge(a, b))[:2] == (409, RETIRED)
    assert (await desk.merge(a, b)).status_code == 200
    assert (await desk.merge(a, b)).status_code == 200, "the same again is harmless"
    assert refusal(await desk.merge(b, a))[:2] == (409, SURVIVOR), "a cycle"
    status, where, text = refusal(await desk.merge(c, b))
    assert (status, where) == (409, RETIRED) and a in text
    assert refusal(await desk.merge(b, c))[:2] == (409, SURVIVOR)
    assert refusal(await desk.unmerge(b, a))[:2] == (409, RETIRED)
    assert (await desk.unmerge(a, b)).status_code == 200
    assert refusal(await desk.unmerge(a, b))[:2] == (409, RETIRED), "undone twice"


async def test_a_chain_has_an_end(desk: Desk) -> None:
    ids = [await desk.new() for _ in range(6)]
    answers = [await desk.merge(above, below) for below, above in pairwise(ids)]
    assert [a.status_code for a in answers] == [200, 200, 200, 200, 409]
    assert refusal(answers[-1])[1] == RETIRED


@pytest.mark.parametrize(
    "body",
    [
        {"resourceType": "Patient"},
        {"resourceType": "Parameters"},
        {"resourceType": "Parameters", "parameter": [{"name": "survivor", "valueString": "x"}]},
        {"resourceType": "Parameters", "parameter": "x"},
        pair("9800017395", "98000173958"),
        pair("../98000173958", "98000173958"),
    ],
)
async def test_malformed_parameters_are_located(desk: Desk, body: dict[str, Any]) -> None:
    for operation in ("$merge", "$unmerge"):
        answer = await desk.registry.client.post(f"/fhir/Patient/{operation}", json=body, headers=desk.by)
        assert answer.status_code == 422
        assert refusal(answer)[1].startswith("Parameters")


async def test_two_registrars_in_opposite_directions_at_once(desk: Desk) -> None:
    for _ in range(5):
        a, b = await desk.new(), await desk.new()
        answers = await asyncio.gather(*(desk.merge(*two) for two in ((a, b), (b, a)) for _ in range(3)))
        won = {answer.json()["id"] for answer in answers if answer.status_code == 200}
        assert len(won) == 1
        assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 409, 409, 409]
        for answer in answers:
            if answer.status_code == 409:
                assert refusal(answer)[1] == SURVIVOR


async def test_mother_and_child_are_two_and_a_newborn_may_be_registered_twice(
    desk: Desk, citizen: Any, number: Any
) -> None:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    mother = await desk.new()
    today = datetime.now(ZoneInfo("Asia/Dhaka")).date().isoformat()
    link = [{"other": {"reference": f"Patient/{mother}"}, "type": "seealso"}]
    baby = citizen(name="Baby", name_bn="শিশু", birthDate=today, link=link, multipleBirthInteger=1, telecom=None)
    first = (await desk.registry.register(baby)).json()["id"]
    other = (await desk.registry.register({**baby, "multipleBirthInteger": 2})).json()["id"]
    status, where, text = refusal(await desk.merge(mother, first))
    assert (status, where) == (422, RETIRED) and "guardian" in text
    stranger = await desk.new()
    assert refusal(await desk.merge(first, stranger))[:2] == (422, SURVIVOR), "she has no Health ID"
    before = [await desk.shown(id_) for id_ in (first, other)]
    assert (await desk.merge(first, other)).status_code == 200
    # a registration that names her as before finds her, merged or not
    assert (await desk.registry.register({**baby, "multipleBirthInteger": 2})).json()["id"] == first
    brn = {"resourceType": "Parameters",
           "parameter": [{"name": "identifier", "valueIdentifier": {"system": BRN, "value": number(17)}}]}  # fmt: skip
    refused = await desk.registry.client.post(
        f"/fhir/Patient/{other}/$link-birth-registration", json=brn, headers=desk.by
    )
    assert refused.status_code == 409
    linked = await desk.registry.client.post(
        f"/fhir/Patient/{first}/$link-birth-registration", json=brn, headers=desk.by
    )
    assert linked.status_code == 200, linked.text
    health_id = linked.json()["id"]
    assert [p["id"] for p in await desk.registry.find(f"{BRN}|{brn['parameter'][0]['valueIdentifier']['value']}")] == [
        health_id
    ]
    assert (await desk.unmerge(health_id, other)).status_code == 200
    assert await desk.shown(other) == before[1]


async def test_a_provisional_person_under_verification_is_waited_for(
    serve: Any, new_settings: Any, national: Any, citizen: Any, number: Any
) -> None:
    async with serve(new_settings(role="api")) as service:
        desk = Desk(service, citizen, number)
        survivor = await desk.new()
        national.mode = "503"
        provisional = (await service.register(citizen(nid=number(17)))).json()["id"]
        national.mode = "ok"
        status, where, text = refusal(await desk.merge(survivor, provisional))
        assert (status, where) == (409, RETIRED) and "verified" in text


async def test_a_mother_who_was_merged_keeps_her_newborns_together(desk: Desk, citizen: Any) -> None:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    survivor, retired = await desk.new(), await desk.new()
    today = datetime.now(ZoneInfo("Asia/Dhaka")).date().isoformat()

    def baby_of(mother: str) -> dict[str, Any]:
        link = [{"other": {"reference": f"Patient/{mother}"}, "type": "seealso"}]
        return dict(citizen(name="Baby", name_bn="শিশু", birthDate=today, link=link, telecom=None))

    child = (await desk.registry.register(baby_of(retired))).json()["id"]
    await desk.merge(survivor, retired)
    assert (await desk.registry.register(baby_of(survivor))).json()["id"] == child
    assert (await desk.registry.register(baby_of(retired))).json()["id"] == child
    # the guardian reads under either of her ids, and reads herself
    for own in (survivor, retired):
        me = desk.registry.issuer.as_("citizen", health_id=own)
        for id_ in (child, survivor, retired):
            assert (await desk.registry.read(id_, by=me)).status_code == 200
    await desk.unmerge(survivor, retired)
    me = desk.registry.issuer.as_("citizen", health_id=survivor)
    assert (await desk.registry.read(child, by=me)).status_code == 404
    assert (await desk.registry.read(retired, by=me)).status_code == 404


async def test_a_retired_person_is_not_changed(desk: Desk) -> None:
    survivor, retired = await desk.new(), await desk.new()
    patient = (await desk.registry.read(retired, by=desk.by)).json()
    await desk.merge(survivor, retired)
    changed = await desk.registry.client.put(f"/fhir/Patient/{retired}", json=patient, headers=desk.by)
    assert changed.status_code == 409 and survivor in changed.text, changed.text
    said = {"guardian": await desk.new(), "relation": "aunt", "action": "add"}
    guarded = await desk.registry.client.post(f"/fhir/Patient/{retired}/$guardian", json=said, headers=desk.by)
    assert guarded.status_code == 409 and survivor in guarded.text
    # whoever registered one side may change the survivor
    source = desk.registry.as_source()
    shown = (await desk.registry.read(survivor, by=source)).json()
    assert (await desk.registry.client.put(f"/fhir/Patient/{survivor}", json=shown, headers=source)).status_code == 200
    again = (await desk.registry.read(survivor, by=source)).json()
    assert [link["type"] for link in again["link"]] == ["replaces"], "what was served is not taken for what was sent"


async def test_history_says_who_merged_and_why(desk: Desk) -> None:
    survivor, retired = await desk.new(), await desk.new()
    body = pair(survivor, retired, parameter=[{"name": "reason", "valueString": "একই জন"}])
    assert (await desk.registry.client.post("/fhir/Patient/$merge", json=body, headers=desk.by)).status_code == 200
    history = (await desk.registry.client.get(f"/fhir/Patient/{retired}/_history", headers=desk.by)).json()
    newest, first = (entry["resource"]["meta"]["extension"][0]["extension"] for entry in history["entry"])
    said = {part["url"]: part["valueString"] for part in newest}
    assert said == {"action": "merge", "by": "reg-1", "role": "registrar", "reason": "একই জন"}
    assert {part["url"]: part["valueString"] for part in first} == {"action": "register", "by": "openmrs/10000001"}
    found = await desk.registry.client.get("/fhir/Provenance", params={"target": f"Patient/{retired}"}, headers=desk.by)
    provenance = found.json()["entry"][0]["resource"]
    assert provenance["target"] == [{"reference": f"Patient/{retired}/_history/2"}]
    assert provenance["reason"] == [{"text": "একই জন"}]
