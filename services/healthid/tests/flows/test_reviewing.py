"""The review queue: order, pages, both sides, assignment, one decision; a pair told apart is not asked again."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from shr_common.testing import Topics

UHID = "http://dghs.gov.bd/identifier/uhid"


class Desk:
    """Reviewers and sources at a running registry."""

    def __init__(self, registry: Any, citizen: Any, number: Any) -> None:
        self.registry, self.citizen, self.number = registry, citizen, number
        self.by = registry.issuer.as_("reviewer", sub="rev-1")
        self.registrar = registry.issuer.as_("registrar", sub="reg-1")

    async def get(self, path: str, *, by: Any = None, **query: Any) -> Any:
        return await self.registry.client.get(path, params=query, headers=by or self.by)

    async def post(self, path: str, body: Any, *, by: Any = None) -> Any:
        return await self.registry.client.post(path, json=body, headers=by or self.by)

    async def everything(self, **query: Any) -> list[dict[str, Any]]:
        """All pages."""
        found: list[dict[str, Any]] = []
        next_ = None
        while True:
            answer = await self.get("/duplicates", **{**query, **({"next": next_} if next_ else {})})
            assert answer.status_code == 200, answer.text
            found += answer.json()["entries"]
            next_ = answer.json()["next"]
            if not next_:
                return found

    async def about(self, *persons: str, kind: str | None = None) -> dict[str, Any]:
        cases = [c for c in await self.everything(status="all", count=200) if set(persons) <= set(c["persons"])]
        return next(c for c in cases if kind in (None, c["kind"]))

    async def two_who_share_a_local_id(self) -> tuple[str, str, str]:
        local, ids = f"L-{self.number(10)}", []
        for name, name_bn in (("Rahima Khatun", "রহিমা খাতুন"), ("Selina Begum", "সেলিনা বেগম")):
            patient = self.citizen(nid=self.number(17), local=local, name=name, name_bn=name_bn)
            ids.append((await self.registry.register(patient)).json()["id"])
        case = await self.about(*ids, kind="local-id-shared")
        return ids[0], ids[1], case["id"]


@pytest.fixture
def desk(registry: Any, citizen: Any, number: Any) -> Desk:
    return Desk(registry, citizen, number)


def problem(answer: Any) -> tuple[int, str | None, str]:
    said = answer.json()
    return answer.status_code, said["issues"][0].get("expression"), said["detail"]


async def test_what_looks_certain_is_on_top_and_pages_repeat_and_skip_nothing(desk: Desk, citizen: Any) -> None:
    for _ in range(3):
        await desk.two_who_share_a_local_id()
    nid = desk.number(17)
    await desk.registry.register(citizen(nid=nid))
    await desk.registry.register(citizen(nid=nid, name="Abdul Karim", name_bn="আব্দুল করিম", gender="male"))
    listed = await desk.everything(count=200)
    order = [(-c["certainty"], c["at"]) for c in listed]
    assert order == sorted(order)
    assert [c["id"] for c in await desk.everything(count=2)] == [c["id"] for c in listed]
    only = await desk.everything(kind="local-id-shared")
    assert {c["kind"] for c in only} == {"local-id-shared"}
    for query in ({"next": "nonsense"}, {"next": "W10"}, {"count": "0"}, {"status": "gone"}):
        answer = await desk.get("/duplicates", **query)
        assert answer.status_code in (400, 422) and problem(answer)[1] == next(iter(query))


async def test_both_people_are_shown_side_by_side_and_each_look_is_audited(desk: Desk, topics: Topics) -> None:
    one, other, case = await desk.two_who_share_a_local_id()
    shown = (await desk.get(f"/duplicates/{case}")).json()
    assert {p["id"] for p in shown["people"]} == {one, other}
    assert shown["differences"] == ["name"]
    for patient in shown["people"]:
        assert all("*" in i["value"] for i in patient["identifier"] if i.get("system", "").endswith("/nid"))
    looks = await topics.read(
        "record.accessed", where=lambda r: r.key in (one, other) and b'"id":"rev-1"' in r.value, count=2
    )
    assert {r.key for r in looks} == {one, other}
    assert (await desk.get("/duplicates/nothing")).status_code == 404


async def test_same_merges_in_the_same_unit_of_work(desk: Desk, topics: Topics) -> None:
    one, other, case = await desk.two_who_share_a_local_id()
    status, where, text = problem(await desk.post(f"/duplicates/{case}/decision", {"decision": "same"}))
    assert (status, where) == (422, "survivor") and one in text and other in text
    said = {"decision": "same", "survivor": one, "reason": "একই জন"}
    answer = await desk.post(f"/duplicates/{case}/decision", said)
    assert answer.status_code == 200, answer.text
    made = answer.json()
    assert made["status"] == "decided"
    assert {"decision": "same", "survivor": one, "reason": "একই জন", "by": "rev-1"}.items() <= made["decision"].items()
    former = (await desk.registry.read(other)).json()
    assert former["link"] == [{"other": {"reference": f"Patient/{one}"}, "type": "replaced-by"}]
    merged = await topics.read("patient.merged", where=lambda r: r.key == other)
    assert json.loads(merged[0].value)["survivor"] == one
    decisions = await topics.read("record.accessed", where=lambda r: r.key == one and b"DuplicateDecision" in r.value)
    assert json.loads(decisions[0].value)["actor"]["id"] == "rev-1"
    status, where, text = problem(await desk.post(f"/duplicates/{case}/decision", said))
    assert (status, where) == (409, "decision") and "rev-1" in text
    assert case not in {c["id"] for c in await desk.everything(count=200)}
    assert case in {c["id"] for c in await desk.everything(count=200, status="decided")}


async def test_two_reviewers_cannot_decide_one_case_twice(desk: Desk) -> None:
    one, other, case = await desk.two_who_share_a_local_id()
    bodies = [{"decision": "same", "survivor": id_} for id_ in (one, other)] + [
        {"decision": "different", "reason": "two sisters"}
    ]
    callers = [desk.registry.issuer.as_("reviewer", sub=f"rev-{n}") for n in range(3)]
    answers = await asyncio.gather(
        *(desk.post(f"/duplicates/{case}/decision", body, by=by) for body, by in zip(bodies, callers, strict=True))
    )
    assert sorted(a.status_code for a in answers) == [200, 409, 409]
    retired = [(await desk.registry.read(id_)).json()["active"] for id_ in (one, other)]
    won = next(body for body, a in zip(bodies, answers, strict=True) if a.status_code == 200)
    assert retired.count(False) == (1 if won["decision"] == "same" else 0)


async def test_a_pair_told_apart_is_not_asked_again(desk: Desk, citizen: Any, number: Any) -> None:
    local, people = f"L-{number(10)}", []
    for name, name_bn in (("Rahima Khatun", "রহিমা খাতুন"), ("Selina Begum", "সেলিনা বেগম")):
        people.append(citizen(nid=number(17), local=local, name=name, name_bn=name_bn))
    ids = [(await desk.registry.register(person)).json()["id"] for person in people]
    case = await desk.about(*ids)
    status, where, _ = problem(await desk.post(f"/duplicates/{case['id']}/decision", {"decision": "different"}))
    assert (status, where) == (422, "reason")
    said = {"decision": "different", "reason": "two sisters"}
    assert (await desk.post(f"/duplicates/{case['id']}/decision", said)).status_code == 200
    # the number of the one beside the other's, and another local id that both have: either would be asked otherwise
    both = {**people[0], "identifier": [*people[0]["identifier"], people[1]["identifier"][0]]}
    both["identifier"][-1] = {**both["identifier"][-1], "value": both["identifier"][-1]["value"][4:]}
    assert (await desk.registry.register(both)).status_code == 200
    for person in people:
        shared = {"type": {"text": "OpenMRS ID"}, "value": f"M-{local}"}
        again = {**person, "identifier": [person["identifier"][0], shared]}
        assert (await desk.registry.register(again)).status_code == 200
    assert [c for c in await desk.everything(count=200) if set(c["persons"]) == set(ids)] == []
    for id_ in ids:
        assert (await desk.registry.read(id_)).json()["active"]


async def test_a_case_is_taken_by_one_reviewer(desk: Desk) -> None:
    _, _, case = await desk.two_who_share_a_local_id()
    second = desk.registry.issuer.as_("reviewer", sub="rev-2")
    taken = await desk.post(f"/duplicates/{case}/assign", {})
    assert (taken.status_code, taken.json()["assigned"]) == (200, "rev-1")
    assert case in {c["id"] for c in await desk.everything(assigned="me")}
    assert case not in {c["id"] for c in await desk.everything(assigned="nobody", count=200)}
    status, where, text = problem(await desk.post(f"/duplicates/{case}/assign", {}, by=second))
    assert (status, where) == (409, "to") and "rev-1" in text
    over = await desk.post(f"/duplicates/{case}/assign", {"take_over": True}, by=second)
    assert over.json()["assigned"] == "rev-2"
    for wrong in ({"to": 7}, {"to": ""}, {"take_over": "yes"}):
        answer = await desk.post(f"/duplicates/{case}/assign", wrong)
        assert answer.status_code == 422 and problem(answer)[1] == next(iter(wrong))


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({}, "decision"),
        ({"decision": "perhaps"}, "decision"),
        ({"decision": ["same"]}, "decision"),
        ({"decision": "same", "survivor": 7}, "survivor"),
        ({"decision": "same", "survivor": "98000173958"}, "survivor"),
        ({"decision": "different", "reason": 7}, "reason"),
        ({"decision": "different", "reason": "x" * 1001}, "reason"),
    ],
)
async def test_a_decision_that_cannot_be_read_is_located(desk: Desk, body: dict[str, Any], where: str) -> None:
    _, _, case = await desk.two_who_share_a_local_id()
    answer = await desk.post(f"/duplicates/{case}/decision", body)
    assert answer.status_code == 422
    assert problem(answer)[1] == where


async def test_merging_by_hand_answers_the_open_case(desk: Desk) -> None:
    one, other, case = await desk.two_who_share_a_local_id()
    parameters = [
        {"name": name, "valueReference": {"reference": f"Patient/{id_}"}}
        for name, id_ in (("survivor", one), ("retired", other))
    ]
    body = {"resourceType": "Parameters", "parameter": parameters}
    assert (await desk.post("/fhir/Patient/$merge", body, by=desk.registrar)).status_code == 200
    shown = (await desk.get(f"/duplicates/{case}")).json()
    assert (shown["status"], shown["decision"]["decision"], shown["decision"]["by"]) == ("decided", "same", "reg-1")
    assert (await desk.post("/fhir/Patient/$unmerge", body, by=desk.registrar)).status_code == 200
    open_ones = [c for c in await desk.everything(count=200) if set(c["persons"]) == {one, other}]
    assert open_ones == []


async def test_a_reviewer_gives_a_provisional_person_her_number(
    serve: Any, new_settings: Any, national: Any, citizen: Any, number: Any
) -> None:
    async with serve(new_settings()) as service:
        desk = Desk(service, citizen, number)
        national.mode = "503"
        nid = number(17, ending="998")  # the national service will know it by another name
        provisional = (await service.register(citizen(nid=nid))).json()["id"]
        national.mode = "ok"

        async def asked() -> Any:
            return [c for c in await desk.everything() if c["persons"] == [provisional]]

        from shr_common.testing import eventually

        [case] = await eventually(asked, what="the case")
        assert case["kind"] == "verification-contradicted"
        assert case["about"]["national"]["names"]
        answer = await desk.post(f"/duplicates/{case['id']}/decision", {"decision": "same", "reason": "her old name"})
        assert answer.status_code == 200, answer.text
        person = (await service.read(provisional)).json()
        assert person["id"].startswith("98")
        assert [p["id"] for p in await service.find(f"http://dghs.gov.bd/identifier/nid|{nid}")] == [person["id"]]
