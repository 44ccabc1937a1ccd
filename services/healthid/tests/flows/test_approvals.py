"""Changes that wait for a second person: what waits, who decides, what the versions tell afterwards."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest


class Desk:
    """A source that changes a person, and those who decide."""

    def __init__(self, registry: Any, citizen: Any, number: Any) -> None:
        self.registry, self.citizen, self.number = registry, citizen, number
        self.source = registry.as_source()
        self.by = registry.issuer.as_("reviewer", sub="rev-1")

    async def new(self) -> dict[str, Any]:
        answer = await self.registry.register(self.citizen(nid=self.number(17)))
        return dict(answer.json())

    async def put(self, patient: dict[str, Any], *, by: Any = None, **headers: str) -> Any:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        address = f"/fhir/Patient/{patient['id']}"
        return await self.registry.client.put(address, json=patient, headers={**(by or self.source), **sent})

    async def pending(self, person: str, **query: Any) -> list[dict[str, Any]]:
        answer = await self.registry.client.get("/approvals", params={"person": person, **query}, headers=self.by)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["entries"])

    async def decide(self, id_: str, decision: str, *, by: Any = None, **said: Any) -> Any:
        body = {"decision": decision, **said}
        return await self.registry.client.post(f"/approvals/{id_}/decision", json=body, headers=by or self.by)

    async def read(self, id_: str) -> dict[str, Any]:
        return dict((await self.registry.read(id_)).json())


@pytest.fixture
def desk(registry: Any, citizen: Any, number: Any) -> Desk:
    return Desk(registry, citizen, number)


CHANGES: dict[str, dict[str, Any]] = {
    "name": {"name": [{"use": "official", "text": "Rahima Begum"}]},
    "gender": {"gender": "other"},
    "birthDate": {"birthDate": "1985-05-21"},
    "deceasedDateTime": {"deceasedDateTime": "2026-10-01"},
}


@pytest.mark.parametrize("element", CHANGES)
async def test_what_is_vital_waits_for_a_second_person(desk: Desk, element: str) -> None:
    patient = await desk.new()
    answer = await desk.put({**patient, **CHANGES[element]})
    assert answer.status_code == 202, answer.text
    issue = answer.json()["issue"][0]
    assert issue["expression"] == [f"Patient.{element}"]
    assert issue["details"]["_text"]
    assert (await desk.read(patient["id"])) == patient, "nothing was changed yet"
    [waiting] = await desk.pending(patient["id"])
    assert answer.headers["content-location"] == f"/approvals/{waiting['id']}"
    assert waiting["changes"] == [
        {"field": element, "before": patient.get(element), "after": CHANGES[element][element]}
    ]
    assert (waiting["asked_by"], waiting["status"]) == ("openmrs/10000001", "pending")
    seen = await desk.registry.client.get(answer.headers["content-location"], headers=desk.source)
    assert seen.json()["id"] == waiting["id"]
    approved = await desk.decide(waiting["id"], "approve", reason="seen the certificate")
    assert approved.status_code == 200, approved.text
    assert (approved.json()["status"], approved.json()["version_now"]) == ("approved", 2)
    assert (await desk.read(patient["id"]))[element] == CHANGES[element][element]
    assert await desk.pending(patient["id"]) == []
    assert [a["status"] for a in await desk.pending(patient["id"], status="all")] == ["approved"]
    history = (await desk.registry.client.get(f"/fhir/Patient/{patient['id']}/_history", headers=desk.by)).json()
    said = {p["url"]: p["valueString"] for p in history["entry"][0]["resource"]["meta"]["extension"][0]["extension"]}
    assert said == {
        "action": "update", "by": "openmrs/10000001", "role": "source_system", "reason": "seen the certificate",
        "approvedBy": "rev-1",
    }  # fmt: skip


async def test_an_address_and_a_registrars_change_are_done_at_once(desk: Desk) -> None:
    patient = await desk.new()
    moved = await desk.put({**patient, "address": [{"use": "home", "district": "5085", "country": "BD"}]})
    assert moved.status_code == 200
    registrar = desk.registry.issuer.as_("registrar", sub="reg-1")
    why = {"resourceType": "Provenance", "reason": [{"text": "আদালতের আদেশ"}]}
    renamed = await desk.put({**moved.json(), **CHANGES["name"]}, by=registrar, X_Provenance=json.dumps(why))
    assert renamed.status_code == 200
    assert renamed.json()["name"] == CHANGES["name"]["name"]
    found = await desk.registry.client.get(
        "/fhir/Provenance", params={"target": f"Patient/{patient['id']}"}, headers=desk.by
    )
    newest = found.json()["entry"][0]["resource"]
    assert newest["reason"] == [{"text": "আদালতের আদেশ"}]
    assert newest["agent"][0]["who"] == {"display": "reg-1"}
    nonsense = await desk.put(renamed.json(), by=registrar, X_Provenance="{")
    assert nonsense.status_code == 400


async def test_the_policy_is_a_table_in_the_settings(serve: Any, new_settings: Any, citizen: Any, number: Any) -> None:
    table = {"source_system": {"address": "second-person"}, "registrar": {"name": "second-person"}}
    async with serve(new_settings(role="api", approvals=table)) as service:
        desk = Desk(service, citizen, number)
        patient = await desk.new()
        renamed = await desk.put({**patient, **CHANGES["name"]})
        assert renamed.status_code == 200
        assert (await desk.put({**renamed.json(), "address": [{"text": "Khulna"}]})).status_code == 202
        registrar, other = (service.issuer.as_("registrar", sub=sub) for sub in ("reg-1", "reg-2"))
        asked = await desk.put({**renamed.json(), "name": patient["name"]}, by=registrar)
        assert asked.status_code == 202
        waiting = next(a for a in await desk.pending(patient["id"]) if a["asked_by"] == "reg-1")
        own = await desk.decide(waiting["id"], "approve", by=registrar)
        assert own.status_code == 403
        assert (await desk.decide(waiting["id"], "approve", by=other)).status_code == 200
        assert (await desk.read(patient["id"]))["name"] == patient["name"]


async def test_a_rejected_change_is_never_made(desk: Desk) -> None:
    patient = await desk.new()
    await desk.put({**patient, **CHANGES["name"]})
    [waiting] = await desk.pending(patient["id"])
    without = await desk.decide(waiting["id"], "reject")
    assert without.status_code == 422 and without.json()["issues"][0]["expression"] == "reason"
    rejected = await desk.decide(waiting["id"], "reject", reason="no document")
    assert (rejected.status_code, rejected.json()["status"]) == (200, "rejected")
    again = await desk.decide(waiting["id"], "approve")
    assert again.status_code == 409 and "rev-1" in again.json()["detail"]
    assert await desk.read(patient["id"]) == patient
    assert (await desk.put({**patient, **CHANGES["name"]})).status_code == 202, "it may be asked for again"


async def test_the_same_change_asked_twice_is_one_question(desk: Desk) -> None:
    patient = await desk.new()
    answers = [await desk.put({**patient, **CHANGES["name"]}) for _ in range(2)]
    assert {a.headers["content-location"] for a in answers} == {answers[0].headers["content-location"]}
    assert len(await desk.pending(patient["id"])) == 1


async def test_two_decisions_at_once_are_one(desk: Desk) -> None:
    patient = await desk.new()
    await desk.put({**patient, **CHANGES["name"]})
    [waiting] = await desk.pending(patient["id"])
    callers = [desk.registry.issuer.as_("reviewer", sub=f"rev-{n}") for n in range(4)]
    answers = await asyncio.gather(
        *(
            desk.decide(waiting["id"], decision, by=by, reason="x")
            for decision, by in zip(("approve", "reject", "approve", "reject"), callers, strict=True)
        )
    )
    assert sorted(a.status_code for a in answers) == [200, 409, 409, 409]


async def test_what_changed_meanwhile_is_not_overwritten(desk: Desk) -> None:
    patient = await desk.new()
    await desk.put({**patient, **CHANGES["name"]})
    [waiting] = await desk.pending(patient["id"])
    registrar = desk.registry.issuer.as_("registrar", sub="reg-1")
    corrected = {**patient, "name": [{"text": "Rahima Khatun Mina"}]}
    assert (await desk.put(corrected, by=registrar)).status_code == 200
    late = await desk.decide(waiting["id"], "approve")
    assert late.status_code == 409
    assert (await desk.read(patient["id"]))["name"] == [{"text": "Rahima Khatun Mina"}]
    assert (await desk.decide(waiting["id"], "reject", reason="overtaken")).status_code == 200


async def test_only_so_many_changes_wait_and_pages_follow(desk: Desk) -> None:
    patient = await desk.new()
    names = [{**patient, "name": [{"text": f"Rahima {n}"}]} for n in range(21)]
    statuses = [(await desk.put(name)).status_code for name in names]
    assert statuses == [202] * 20 + [409]
    seen, next_ = [], None
    while True:
        query = {"person": patient["id"], "count": "7", **({"next": next_} if next_ else {})}
        page = (await desk.registry.client.get("/approvals", params=query, headers=desk.by)).json()
        seen += [a["id"] for a in page["entries"]]
        next_ = page["next"]
        if not next_:
            break
    assert len(seen) == len(set(seen)) == 20


async def test_what_is_asked_wrongly_is_located(desk: Desk) -> None:
    client = desk.registry.client
    for query in ({"status": "gone"}, {"person": "x"}, {"count": "-1"}, {"next": "%"}):
        answer = await client.get("/approvals", params=query, headers=desk.by)
        assert answer.status_code in (400, 422)
        assert answer.json()["issues"][0]["expression"] == next(iter(query))
    assert (await desk.decide("nothing", "approve")).status_code == 404
    assert (await client.get("/approvals/nothing", headers=desk.by)).status_code == 404
    patient = await desk.new()
    await desk.put({**patient, **CHANGES["name"]})
    [waiting] = await desk.pending(patient["id"])
    stranger = desk.registry.as_source("opensrp", "7")
    assert (await client.get(f"/approvals/{waiting['id']}", headers=stranger)).status_code == 404
    for body in ({}, {"decision": "same"}, {"decision": {"$gt": ""}}):
        answer = await client.post(f"/approvals/{waiting['id']}/decision", json=body, headers=desk.by)
        assert answer.status_code == 422 and answer.json()["issues"][0]["expression"] == "decision"
