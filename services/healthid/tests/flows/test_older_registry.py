"""What the older registry left behind: its Health IDs lead to the person, its numbers are numbers."""

from __future__ import annotations

from typing import Any

from shr_common.identifiers import health_id
from shr_common.testing import Topics
from shr_healthid.domain.blocks import next_issuable

HID = "http://dghs.gov.bd/identifier/hid"
ADDRESS_CODE = "https://sharedhealth.atlassian.net/wiki/display/docs/fhir-extensions#AddressCode"


def hid(number: Any, *, digits: int = 11) -> str:
    """A Health ID as it was before there was a check digit."""
    return ("1142" + str(number(17)))[:digits] if digits != 13 else "5" + str(number(13))[1:]


def issues(answer: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = answer.json()["issue"]
    return found


async def test_a_former_health_id_is_kept_and_leads_to_the_person(
    registry: Any, citizen: Any, number: Any, topics: Topics
) -> None:
    old, older = hid(number), hid(number, digits=13)
    her = citizen(nid=number(17))
    her["identifier"] += [{"system": HID, "value": old}, {"system": HID, "value": older}]
    created = await registry.register(her)
    assert created.status_code == 201, created.text
    health_id = created.json()["id"]
    assert (await registry.read(old)).json()["id"] == health_id
    assert (await registry.read(older)).status_code == 404  # 13 digits may be an NID, which no address has
    assert [p["id"] for p in await registry.find(f"{HID}|{older}")] == [health_id]
    by_url = {"params": {"identifier": f"{HID}|{older}"}, "headers": registry.as_source()}
    assert (await registry.client.get("/fhir/Patient", **by_url)).status_code == 400
    kept = [i["value"] for i in created.json()["identifier"] if i.get("system") == HID]
    assert kept == [old, older]
    told = await topics.read("patient.updated", where=lambda r: old.encode() in r.value, count=2)
    assert {record.key for record in told} >= {health_id, old}
    assert (await registry.register(her)).status_code == 200
    assert (await registry.read(health_id)).json()["meta"]["versionId"] == "3"


async def test_one_that_is_anothers_stays_his_and_a_reviewer_looks(registry: Any, citizen: Any, number: Any) -> None:
    old = hid(number)
    first, second = citizen(nid=number(17)), citizen(nid=number(17))
    for patient in (first, second):
        patient["identifier"].append({"system": HID, "value": old})
    hers = (await registry.register(first)).json()["id"]
    answer = await registry.register(second, Prefer="return=OperationOutcome")
    assert answer.status_code == 201
    [found] = [one for one in issues(answer) if one["severity"] == "warning"]
    assert (found["code"], found["expression"]) == ("duplicate", ["Patient.identifier[1].value"])
    assert (await registry.read(old)).json()["id"] == hers


async def test_a_patient_as_the_older_registry_wrote_it(registry: Any, number: Any, topics: Topics) -> None:
    """Systems are the patient's own address; only the type says which number it is."""
    nid, old = number(13), hid(number)
    own = f"http://172.18.46.109:8085/api/v2/patients/{old}"

    def identifier(code: str, value: str) -> dict[str, Any]:
        return {"type": {"coding": [{"code": code}]}, "system": own, "value": value}

    patient = {
        "resourceType": "Patient",
        "identifier": [identifier("Health Id", old), identifier("National Id", nid)],
        "name": [{"family": "Koka", "given": ["Leeaaya"]}],
        "gender": "female",
        "birthDate": "1982-10-31",
        "address": [{"extension": [{"url": ADDRESS_CODE, "valueString": "302602"}], "country": "050"}],
    }
    created = await registry.register(patient)
    assert created.status_code == 201, created.text
    health_id = created.json()["id"]
    assert (await registry.read(old)).json()["id"] == health_id
    found = await registry.find(f"http://dghs.gov.bd/identifier/nid|{nid}", by=registry.issuer.as_("registrar"))
    assert [p["id"] for p in found] == [health_id]
    for district in ("3026", "Dhaka", "26"):
        asked = {"name": "Leeaaya Koka", "address-district": district}
        named = await registry.client.get("/fhir/Patient", params=asked, headers=registry.as_source())
        assert health_id in {entry["resource"]["id"] for entry in named.json()["entry"]}, named.text
    elsewhere = (await registry.read(health_id, by=registry.as_source("opensrp", "9"))).text
    assert nid not in elsewhere
    [event] = await topics.read("patient.registered", where=lambda r: r.key == health_id)
    assert nid.encode() not in event.value
    assert b'"district":"3026","upazila":"30262502"' in event.value


async def test_a_central_health_id_of_the_older_registry_is_never_issued_again(
    serve: Any, new_settings: Any, citizen: Any, number: Any
) -> None:
    async with serve(new_settings(role="api")) as service:
        first = (await service.register(citizen(nid=number(17)))).json()["id"]
        hers_to_be = next_issuable(int(first[:10]) + 1)
        following = health_id(str(next_issuable(hers_to_be + 1)))
        her = citizen(nid=number(17))
        her["identifier"].append({"system": HID, "value": following})
        hers = (await service.register(her)).json()["id"]
        ids = {(await service.register(citizen(nid=number(17)))).json()["id"] for _ in range(3)}
        assert len(ids - {following}) == 3
        assert (await service.read(following)).json()["id"] == hers
