"""Registration over HTTP, against a real national service, broker and database."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from shr_common.identifiers import is_health_id
from shr_common.testing import Topics, eventually

NID = "http://dghs.gov.bd/identifier/nid"
BRN = "http://dghs.gov.bd/identifier/brn"
UHID = "http://dghs.gov.bd/identifier/uhid"
REGISTERED = "patient.registered"


def issue(answer: Any) -> dict[str, Any]:
    found: dict[str, Any] = answer.json()["issue"][0]
    return found


def bangla(found: dict[str, Any]) -> str:
    return str(found["details"]["_text"]["extension"][0]["extension"][1]["valueString"])


async def test_a_verified_number_gets_a_health_id(registry: Any, citizen: Any, number: Any, topics: Topics) -> None:
    nid = number(17)
    answer = await registry.register(citizen(nid=nid, local="100GEJ-1", id="om-1"))
    assert answer.status_code == 201, answer.text
    patient = answer.json()
    assert is_health_id(patient["id"])
    assert patient["id"][:2] in ("98", "99")
    assert answer.headers["location"] == f"/fhir/Patient/{patient['id']}"
    assert answer.headers["etag"] == 'W/"1"'
    assert {"system": UHID, "value": patient["id"]}.items() <= patient["identifier"][0].items()
    assert nid in {i["value"] for i in patient["identifier"]}, "the sender sees the number that it sent"

    [event] = await topics.read(REGISTERED, where=lambda r: r.key == patient["id"])
    told = __import__("json").loads(event.value)
    assert told["status"] == "active"
    assert told["name_bn"] == "রহিমা খাতুন"
    assert told["district"] == "3026"
    assert told["via"] == "openmrs/10000001"
    assert len(told["lookup"]["nid"]) == 3, "all three forms that the national service names"
    assert {"source": "openmrs/10000001", "system": "OpenMRS ID", "value": "100GEJ-1"} in told["local_ids"]
    assert {"source": "openmrs/10000001", "system": "", "value": "om-1"} in told["local_ids"]
    assert nid not in event.value.decode()


async def test_a_repeat_is_the_same_person(registry: Any, citizen: Any, number: Any) -> None:
    nid = number(17)
    first = await registry.register(citizen(nid=nid))
    again = await registry.register(citizen(nid=nid))
    spelled = await registry.register(citizen(nid=nid, name="Rohima Khatun", name_bn="রাহিমা খাতুন"))
    bangla_only = await registry.register(citizen(nid=nid, name="রহিমা খাতুন"))
    assert [a.status_code for a in (first, again, spelled, bangla_only)] == [201, 200, 200, 200]
    assert len({a.json()["id"] for a in (first, again, spelled, bangla_only)}) == 1


async def test_an_idempotency_key_repeats_the_first_answer(registry: Any, citizen: Any, number: Any) -> None:
    patient, key = citizen(nid=number(17)), f"key-{number(10)}"
    first = await registry.register(patient, Idempotency_Key=key)
    again = await registry.register(patient, Idempotency_Key=key)
    other = await registry.register(citizen(nid=number(17)), Idempotency_Key=key)
    assert (first.status_code, again.status_code, other.status_code) == (201, 201, 409)
    assert first.json() == again.json()


async def test_other_demographics_are_a_conflict_and_a_review(registry: Any, citizen: Any, number: Any) -> None:
    nid = number(17)
    await registry.register(citizen(nid=nid))
    answer = await registry.register(citizen(nid=nid, name="Abdul Karim", name_bn="আব্দুল করিম", gender="male"))
    assert answer.status_code == 409
    assert "name" in issue(answer)["details"]["text"]
    assert "Rahima" not in answer.text
    assert "নাম" in bangla(issue(answer))
    review = issue(answer)["diagnostics"].split()[1]
    listed = await registry.client.get(
        "/duplicates?kind=demographics-differ&count=200", headers=registry.issuer.as_("reviewer")
    )
    found = next(e for e in listed.json()["entries"] if e["id"] == review)
    assert found["about"]["sent"]["names"] == ["Abdul Karim", "আব্দুল করিম"]


async def test_a_number_of_somebody_else_is_a_conflict(registry: Any, citizen: Any, number: Any) -> None:
    answer = await registry.register(citizen(nid=number(17, ending="998")))
    assert answer.status_code == 409
    assert "review" in issue(answer)["diagnostics"]


async def test_a_number_that_the_national_service_does_not_know(registry: Any, citizen: Any, number: Any) -> None:
    answer = await registry.register(citizen(nid=number(17, ending="000")))
    assert answer.status_code == 422
    assert issue(answer)["expression"] == ["Patient.identifier[0].value"]
    assert issue(answer)["code"] == "not-found"


async def test_the_three_forms_of_an_nid_meet_in_one_record(registry: Any, citizen: Any, number: Any) -> None:
    thirteen = number(13)
    forms = [thirteen, f"1985{thirteen}", thirteen[3:]]
    ids = {(await registry.register(citizen(nid=form))).json()["id"] for form in forms}
    assert len(ids) == 1
    for form in forms:
        assert [p["id"] for p in await registry.find(f"{NID}|{form}")] == list(ids)


async def test_ten_digits_alone_meet_the_longer_form_later(registry: Any, citizen: Any, number: Any) -> None:
    thirteen = number(13)
    short = await registry.register(citizen(nid=thirteen[3:]))
    long = await registry.register(citizen(nid=thirteen))
    assert (short.status_code, long.status_code) == (201, 200)
    assert short.json()["id"] == long.json()["id"]


async def test_a_short_form_that_two_persons_share_names_neither(registry: Any, citizen: Any, number: Any) -> None:
    ten = number(10)
    one = await registry.register(citizen(nid=f"123{ten}"))
    other = await registry.register(citizen(nid=f"456{ten}", name="Selina Begum", name_bn="সেলিনা বেগম"))
    assert (one.status_code, other.status_code) == (201, 201)
    assert one.json()["id"] != other.json()["id"]
    assert await registry.find(f"{NID}|{ten}") == []
    assert [p["id"] for p in await registry.find(f"{NID}|123{ten}")] == [one.json()["id"]]
    assert (await registry.register(citizen(nid=ten))).status_code == 409


async def test_two_different_numbers_never_link_by_themselves(registry: Any, citizen: Any, number: Any) -> None:
    one = await registry.register(citizen(nid=number(17)))
    other = await registry.register(citizen(nid=number(17)))
    assert (one.status_code, other.status_code) == (201, 201)
    assert one.json()["id"] != other.json()["id"]


async def test_an_nid_and_a_brn_link_only_by_proof(registry: Any, citizen: Any, number: Any) -> None:
    nid, brn = number(17), number(17)
    both = await registry.register(citizen(nid=nid, brn=brn))
    assert both.status_code == 201
    assert [p["id"] for p in await registry.find(f"{NID}|{nid}")] == [both.json()["id"]]
    assert await registry.find(f"{BRN}|{brn}") == []
    kept = [i for i in both.json()["identifier"] if i["value"] == brn]
    assert [i.get("use") for i in kept] == ["temp"], "its sender sees that nothing ties it to her yet"
    assert brn not in (await registry.read(both.json()["id"], by=registry.as_source("aalo", "9"))).text


async def test_a_birth_registration_number_alone_suffices(registry: Any, citizen: Any, number: Any) -> None:
    brn = number(17)
    answer = await registry.register(citizen(brn=brn))
    assert answer.status_code == 201
    assert [p["id"] for p in await registry.find(f"{BRN}|{brn}")] == [answer.json()["id"]]


async def test_a_hospital_registers_its_own_id_by_health_id(
    registry: Any, citizen: Any, number: Any, topics: Topics
) -> None:
    health_id = (await registry.register(citizen(nid=number(17)))).json()["id"]
    padma = registry.as_source("openmrs", "10000002")
    carded = citizen(local="P-77")
    carded["identifier"].append({"system": UHID, "value": health_id})
    answer = await registry.register(carded, by=padma)
    assert answer.status_code == 200, answer.text
    assert [p["id"] for p in await registry.find("OpenMRS ID|P-77", by=padma)] == [health_id]
    stranger = citizen(nid=number(17))
    stranger["identifier"].append({"system": UHID, "value": health_id})
    assert (await registry.register(stranger)).status_code == 422


async def test_a_local_id_of_two_persons_is_nobodys(registry: Any, citizen: Any, number: Any) -> None:
    local = f"L-{number(10)}"
    one = await registry.register(citizen(nid=number(17), local=local))
    assert [p["id"] for p in await registry.find(f"OpenMRS ID|{local}")] == [one.json()["id"]]
    other = citizen(nid=number(17), local=local, name="Selina Begum", name_bn="সেলিনা বেগম")
    assert (await registry.register(other)).status_code == 201
    assert await registry.find(f"OpenMRS ID|{local}") == []
    listed = await registry.client.get("/duplicates?kind=local-id-shared", headers=registry.issuer.as_("registrar"))
    assert any(one.json()["id"] in e["persons"] for e in listed.json()["entries"] if e["kind"] == "local-id-shared")


async def test_a_newborn_is_provisional_until_her_birth_registration(
    registry: Any, citizen: Any, number: Any, topics: Topics
) -> None:
    mother = (await registry.register(citizen(nid=number(17)))).json()["id"]
    today = __import__("datetime").datetime.now(__import__("zoneinfo").ZoneInfo("Asia/Dhaka")).date().isoformat()
    link = [{"other": {"reference": f"Patient/{mother}"}, "type": "seealso"}]
    baby = citizen(name="Baby of Rahima", name_bn="রহিমার শিশু", birthDate=today, link=link, multipleBirthInteger=1)
    first = await registry.register(baby)
    again = await registry.register(baby)
    twin = await registry.register({**baby, "multipleBirthInteger": 2})
    assert [a.status_code for a in (first, again, twin)] == [202, 202, 202], first.text
    former = first.json()["id"]
    assert former.startswith("P-")
    assert again.json()["id"] == former != twin.json()["id"]
    assert {"system": "http://dghs.gov.bd/fhir/tag", "code": "provisional"} in first.json()["meta"]["tag"]
    [event] = await topics.read(REGISTERED, where=lambda r: r.key == former)
    assert __import__("json").loads(event.value)["guardians"] == [mother]
    assert (await registry.read(former, by=registry.issuer.as_("citizen", health_id=mother))).status_code == 200

    brn = number(17)
    said = {"resourceType": "Parameters", "parameter": [
        {"name": "identifier", "valueIdentifier": {"system": BRN, "value": brn}},
        {"name": "patient", "resource": citizen(name="Ayesha Khatun", name_bn="আয়েশা খাতুন", birthDate=today)},
    ]}  # fmt: skip
    url = f"/fhir/Patient/{former}/$link-birth-registration"
    by = registry.issuer.as_("registrar")
    assert (await registry.client.post(url, json=said, headers=registry.as_source())).status_code == 403
    linked = await registry.client.post(url, json=said, headers=by)
    repeated = await registry.client.post(url, json=said, headers=by)
    assert (linked.status_code, repeated.status_code) == (200, 200), linked.text
    health_id = linked.json()["id"]
    assert is_health_id(health_id)
    assert linked.json()["name"][0]["text"] == "Ayesha Khatun"
    assert (await registry.read(former)).json()["id"] == health_id
    events = await topics.read(REGISTERED, where=lambda r: b'"replaces":["' + former.encode() in r.value, count=2)
    assert {e.key for e in events} == {former, health_id}
    assert len({e.id for e in events}) == 1


async def test_an_old_child_without_a_number_is_refused(registry: Any, citizen: Any, number: Any) -> None:
    mother = (await registry.register(citizen(nid=number(17)))).json()["id"]
    link = [{"other": {"reference": f"Patient/{mother}"}, "type": "seealso"}]
    old = await registry.register(citizen(birthDate="2020-01-01", link=link))
    assert old.status_code == 422
    assert issue(old)["expression"] == ["Patient.birthDate"]
    unknown = [{"other": {"reference": "Patient/98000173958"}, "type": "seealso"}]
    today = __import__("datetime").date.today().isoformat()
    orphan = await registry.register(citizen(birthDate=today, link=unknown))
    assert orphan.status_code == 422
    assert issue(orphan)["expression"] == ["Patient.link[0].other.reference"]


async def test_a_registrar_adds_and_ends_a_guardian(registry: Any, citizen: Any, number: Any) -> None:
    child = (await registry.register(citizen(brn=number(17), birthDate="2015-01-01"))).json()["id"]
    aunt = (await registry.register(citizen(nid=number(17)))).json()["id"]
    url, by = f"/fhir/Patient/{child}/$guardian", registry.issuer.as_("registrar")
    hers = registry.issuer.as_("citizen", health_id=aunt)
    assert (await registry.read(child, by=hers)).status_code == 404
    body = {"guardian": aunt, "relation": "aunt", "action": "add"}
    assert (await registry.client.post(url, json=body, headers=by)).status_code == 200
    assert (await registry.read(child, by=hers)).status_code == 200
    await registry.client.post(url, json={**body, "action": "end"}, headers=by)
    assert (await registry.read(child, by=hers)).status_code == 404
    assert (await registry.client.post(url, json=body, headers=registry.as_source())).status_code == 403


async def test_counters_are_the_sum_over_sources(registry: Any, citizen: Any, number: Any) -> None:
    before = (await registry.client.get("/counters")).json()
    for source in ("openmrs", "opensrp", "aalo"):
        await registry.register(citizen(nid=number(17)), by=registry.as_source(source, "1"))
    await registry.register(citizen(nid=number(17, ending="999")))
    after = (await registry.client.get("/counters")).json()
    assert after["total"] == before["total"] + 3 == sum(after["by_source"].values())
    for by in ("day", "district"):
        split = (await registry.client.get("/counters", params={"by": by})).json()
        assert split["total"] == sum(v["total"] for v in split[f"by_{by}"].values()) == after["total"]
    assert (await registry.client.get("/counters", params={"by": "$where"})).status_code == 422


async def test_a_registration_by_topic_is_answered(registry: Any, citizen: Any, number: Any, topics: Topics) -> None:
    good, bad = f"sub-{number(10)}", f"sub-{number(10)}"
    head = {"ce_source": "opensrp/10000001"}
    await topics.publish("patient.submitted", citizen(nid=number(17)), key="k", headers={**head, "ce_id": good})
    await topics.publish("patient.submitted", citizen(nid=number(12)), key="k", headers={**head, "ce_id": bad})
    await topics.publish("patient.submitted", b"\xff{not json", headers={"ce_id": "x"})
    [answered] = await topics.read("submission.answered.opensrp", where=lambda r: r.key == good)
    assert __import__("json").loads(answered.value)["state"] == "registered"
    [rejected] = await topics.read("patient.rejected", where=lambda r: good != bad and bad in r.value.decode())
    outcome = __import__("json").loads(rejected.value)["outcome"]
    assert outcome["issue"][0]["expression"] == ["Patient.identifier[0].value"]
    await topics.read("patient.submitted.dlq", where=lambda r: r.headers.get("dlq_category") == "invalid")


async def test_a_message_to_a_citizen_lands_in_the_inbox(
    registry: Any, citizen: Any, number: Any, topics: Topics
) -> None:
    health_id = (await registry.register(citizen(nid=number(17)))).json()["id"]
    request = {
        "id": f"n-{number(10)}", "health_id": health_id, "template": "consent-code", "version": 1,
        "parameters": {"recipient": "Padma General Hospital", "secret": "482913"}, "at": "2026-11-23T06:00:00Z",
    }  # fmt: skip
    await topics.event("notification.requested", request, key=health_id)

    async def arrived() -> Any:
        return (await registry.client.get("/dev/inbox", params={"health_id": health_id})).json()["messages"]

    [message] = await eventually(arrived, what="the message")
    assert "482913" in message["text"]
    assert message["channel"] == "sms"
    page = await registry.client.get("/dev/inbox", params={"health_id": health_id}, headers={"accept": "text/html"})
    assert "482913" in page.text


async def test_metadata_and_health_are_public(registry: Any) -> None:
    metadata = await registry.client.get("/fhir/metadata")
    assert metadata.json()["fhirVersion"] == "4.0.1"
    assert (await registry.client.get("/health/ready")).status_code == 200


@pytest.mark.parametrize("side", ["same", "different"])
async def test_registrations_at_the_same_moment_on_two_servers(
    side: str, serve: Any, new_settings: Any, citizen: Any, number: Any
) -> None:
    settings = new_settings(role="api")  # other tests' submissions lie on the topic
    twin = settings.model_copy()
    numbers = [number(17)] * 128 if side == "same" else [number(17) for _ in range(128)]
    async with serve(settings) as one, serve(twin) as other:
        answers = await asyncio.gather(
            *((one, other)[n % 2].register(citizen(nid=nid)) for n, nid in enumerate(numbers))
        )
        assert {a.status_code for a in answers} <= {200, 201}
        assert len({a.json()["id"] for a in answers}) == len(set(numbers))
        assert sum(a.status_code == 201 for a in answers) == len(set(numbers))
        counted = (await one.client.get("/counters")).json()
        assert counted["total"] == len(set(numbers))
        assert await one.database.persons.count_documents({"status": "active"}) == len(set(numbers))
