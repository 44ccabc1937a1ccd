"""Reading and searching the registry: who sees which number, which looks are audited, how a search pages."""

from __future__ import annotations

from typing import Any

from shr_common.testing import Topics

NID = "http://dghs.gov.bd/identifier/nid"
BRN = "http://dghs.gov.bd/identifier/brn"
UHID = "http://dghs.gov.bd/identifier/uhid"
REGISTERED = "patient.registered"


def issue(answer: Any) -> dict[str, Any]:
    found: dict[str, Any] = answer.json()["issue"][0]
    return found


def bangla(found: dict[str, Any]) -> str:
    return str(found["details"]["_text"]["extension"][0]["extension"][1]["valueString"])


async def test_numbers_are_masked_but_for_their_sender_and_registrars(registry: Any, citizen: Any, number: Any) -> None:
    nid = number(17)
    health_id = (await registry.register(citizen(nid=nid, text=None))).json()["id"]
    seen = {}
    for name, by in {
        "sender": registry.as_source(),
        "registrar": registry.issuer.as_("registrar"),
        "other": registry.as_source("opensrp", "10000001"),
        "citizen": registry.issuer.as_("citizen", health_id=health_id),
        "reviewer": registry.issuer.as_("reviewer"),
    }.items():
        answer = await registry.read(health_id, by=by)
        assert answer.status_code == 200
        seen[name] = answer.text
    assert nid in seen["sender"]
    assert nid in seen["registrar"]
    for name in ("other", "citizen", "reviewer"):
        assert nid not in seen[name]
        assert f"{'*' * 14}{nid[-3:]}" in seen[name]


async def test_a_number_hidden_in_another_place_is_masked_too(registry: Any, citizen: Any, number: Any) -> None:
    nid = number(17)
    patient = citizen(nid=nid)
    patient["contact"] = [{"name": {"text": f"wife, NID {nid}"}}]
    health_id = (await registry.register(patient)).json()["id"]
    assert nid not in (await registry.read(health_id, by=registry.issuer.as_("reviewer"))).text


async def test_decimals_stand_as_they_were_sent(registry: Any, citizen: Any, number: Any) -> None:
    patient = citizen(nid=number(17))
    raw = __import__("json").dumps(patient)[:-1] + (
        ', "extension": [{"url": "http://example.org/latitude", "valueDecimal": 23.7000}]}'
    )
    headers = {**registry.as_source(), "content-type": "application/fhir+json"}
    answer = await registry.client.post("/fhir/Patient", content=raw, headers=headers)
    assert answer.status_code == 201, answer.text
    assert "23.7000" in (await registry.read(answer.json()["id"])).text


async def test_reads_are_audited_before_they_answer(registry: Any, citizen: Any, number: Any, topics: Topics) -> None:
    health_id = (await registry.register(citizen(nid=number(17)))).json()["id"]
    assert (await registry.read(health_id, by=registry.issuer.as_("registrar", sub="reg-1"))).status_code == 200
    [look] = await topics.read("record.accessed", where=lambda r: r.key == health_id)
    said = __import__("json").loads(look.value)
    assert (said["decision"], said["actor"]["id"], said["purpose"]) == ("permit", "reg-1", "CAREMGT")


async def test_a_citizen_reads_herself_and_nobody_else(
    registry: Any, citizen: Any, number: Any, topics: Topics
) -> None:
    mine = (await registry.register(citizen(nid=number(17)))).json()["id"]
    hers = (await registry.register(citizen(nid=number(17)))).json()["id"]
    me = registry.issuer.as_("citizen", health_id=mine)
    assert (await registry.read(mine, by=me)).status_code == 200
    forbidden = await registry.read(hers, by=me)
    unknown = await registry.read("98000173958", by=me)
    assert (forbidden.status_code, unknown.status_code) == (404, 404)
    assert forbidden.json() == unknown.json()
    [look] = await topics.read("record.accessed", where=lambda r: r.key == hers)
    assert __import__("json").loads(look.value)["decision"] == "deny"


async def test_numbers_do_not_belong_in_a_url(registry: Any, number: Any) -> None:
    for token in (f"{NID}|{number(17)}", number(13), f"{BRN}|{number(17)}"):
        answer = await registry.client.get("/fhir/Patient", params={"identifier": token}, headers=registry.as_source())
        assert answer.status_code == 400
        assert "_search" in issue(answer)["details"]["text"]


async def test_search_by_parameters_name_and_date(registry: Any, citizen: Any, number: Any) -> None:
    nid = number(17)
    named = citizen(nid=nid, name="Xerxina Pervez", name_bn="জারজিনা পারভেজ", birthDate="1971-03-26")
    health_id = (await registry.register(named)).json()["id"]
    by = registry.as_source()
    parameters = {
        "resourceType": "Parameters",
        "parameter": [{"name": "identifier", "valueIdentifier": {"system": NID, "value": nid}}],
    }
    found = await registry.client.post("/fhir/Patient/_search", json=parameters, headers=by)
    assert [e["resource"]["id"] for e in found.json()["entry"]] == [health_id]
    for query in (
        {"name": "xerx", "birthdate": "1971-03-26"},
        {"name": "পারভেজ জারজিনা"},
        {"name": "Parvez", "birthdate": "1971"},
    ):
        found = await registry.client.get("/fhir/Patient", params=query, headers=by)
        assert health_id in [e["resource"]["id"] for e in found.json()["entry"]], query
    nobody = await registry.client.get("/fhir/Patient", params={"name": "xerx", "birthdate": "1972"}, headers=by)
    assert nobody.json()["entry"] == []
    assert (await registry.client.get("/fhir/Patient", params={"gender": "male"}, headers=by)).status_code == 400
    assert (await registry.client.get("/fhir/Patient", params={"$where": "1"}, headers=by)).status_code == 400


async def test_search_pages(registry: Any, citizen: Any, number: Any) -> None:
    ids = set()
    for _ in range(5):
        named = citizen(nid=number(17), name="Quillon Zzyzx", name_bn="কুইলন")
        ids.add((await registry.register(named)).json()["id"])
    seen: list[str] = []
    url: str | None = "/fhir/Patient?name=Quillon&_count=2"
    while url:
        page = (await registry.client.get(url, headers=registry.as_source())).json()
        assert page["total"] == 5
        seen += [e["resource"]["id"] for e in page["entry"]]
        url = next((link["url"] for link in page["link"] if link["relation"] == "next"), None)
    assert sorted(seen) == sorted(ids)
    assert len(seen) == 5


async def test_an_update_needs_the_version_that_it_saw(registry: Any, citizen: Any, number: Any) -> None:
    nid = number(17)
    created = await registry.register(citizen(nid=nid))
    health_id, by = created.json()["id"], registry.as_source()
    changed = {**created.json(), "address": [{"use": "home", "district": "5085", "country": "BD"}]}
    url = f"/fhir/Patient/{health_id}"
    first = await registry.client.put(url, json=changed, headers={**by, "If-Match": 'W/"1"'})
    stale = await registry.client.put(url, json=changed, headers={**by, "If-Match": 'W/"1"'})
    assert (first.status_code, stale.status_code) == (200, 412), first.text
    assert first.headers["etag"] == 'W/"2"'
    history = (await registry.client.get(f"{url}/_history", headers=by)).json()
    assert [e["resource"]["meta"]["versionId"] for e in history["entry"]] == ["2", "1"]
    assert [e["resource"]["address"][0]["district"] for e in history["entry"]] == ["5085", "3026"]
    other = await registry.client.put(url, json=changed, headers=registry.as_source("opensrp", "1"))
    assert other.status_code == 403
    renumbered = citizen(nid=number(17), id=health_id)
    assert (await registry.client.put(url, json=renumbered, headers=by)).status_code == 422
    elsewhere = {**changed, "id": "98000173958"}
    assert (await registry.client.put(url, json=elsewhere, headers=by)).status_code == 422
