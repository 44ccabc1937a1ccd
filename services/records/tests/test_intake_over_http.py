"""POST /fhir: recorded, repeated, parked, rejected; each answer located, and the same at every repeat."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

RAHIMA, KARIM = "98000173958", "98001046534"
HOSPITAL = "openmrs/10000001"


def fresh() -> str:
    return str(uuid.uuid4())


def issues(answer: Any) -> list[dict[str, Any]]:
    assert answer.headers["content-type"].startswith("application/fhir+json")
    return answer.json()["issue"]


def expressions(answer: Any) -> list[str]:
    errors = [issue for issue in issues(answer) if issue["severity"] == "error"]
    return [place for issue in errors for place in issue.get("expression", ())]


async def test_a_bundle_of_a_known_person_is_answered_as_fhir_clients_expect(service):
    ref = fresh()
    answer = await service.submit(service.bundle(service.observation(), id=ref))
    assert answer.status_code == 200, answer.text
    entry = answer.json()["entry"][0]["response"]
    assert answer.json()["type"] == "transaction-response"
    assert entry["status"] == "201 Created"
    assert entry["etag"] == 'W/"1"'
    assert entry["location"].startswith("Observation/") and entry["location"].endswith("/_history/1")
    assert answer.headers["content-location"] == f"/submissions/openmrs%2F10000001/{ref}"
    looked_up = await service.client.get(answer.headers["content-location"], headers=service.as_hospital())
    assert looked_up.json()["state"] == "recorded"
    assert looked_up.json()["health_id"] == RAHIMA
    assert looked_up.json()["resources"] == [entry["location"]]


async def test_a_repeat_gets_the_first_answer(service):
    bundle = service.bundle(service.observation(), id=fresh())
    first = await service.submit(bundle)
    again = await service.submit(bundle | {"timestamp": "2026-11-23T10:00:00Z"})
    assert first.json() == again.json()


async def test_other_content_under_an_idempotency_key_is_refused_and_the_first_stays(service):
    key = fresh()
    first = await service.submit(service.bundle(service.observation()), idempotency_key=key)
    assert first.status_code == 200
    other = await service.submit(service.bundle(service.observation(status="amended")), idempotency_key=key)
    assert other.status_code == 409
    assert issues(other)[0]["code"] == "duplicate"
    assert (await service.state(key))["state"] == "recorded"


async def test_other_content_under_a_bundle_identifier_is_refused(service):
    identifier = {"system": "http://hospital.example/visits", "value": fresh()}
    await service.submit(service.bundle(service.observation(), identifier=identifier))
    other = await service.submit(service.bundle(service.observation(status="amended"), identifier=identifier))
    assert other.status_code == 409


async def test_other_content_under_a_bundle_id_alone_is_an_amendment(service):
    ref, sent = fresh(), fresh()
    first = await service.submit(service.bundle(service.observation(id=sent), id=ref))
    amended = await service.submit(service.bundle(service.observation(id=sent, status="amended"), id=ref))
    assert amended.status_code == 200
    location = amended.json()["entry"][0]["response"]["location"]
    assert location.endswith("/_history/2")
    again = await service.submit(service.bundle(service.observation(id=sent), id=ref))
    assert again.status_code == 200  # other fullUrls, so an amendment of its own
    versions = await service.client.get(
        f"/fhir/{location.partition('/_history')[0]}/_history", headers=service.as_hospital()
    )
    assert [one["resource"]["meta"]["versionId"] for one in versions.json()["entry"]] == ["3", "2", "1"]
    assert first.json()["entry"][0]["response"]["location"].endswith("/_history/1")


async def test_what_is_served_is_what_was_sent_but_for_id_meta_and_references(service):
    sent = (
        '{"resourceType":"Observation","id":"s-1","status":"final","code":{"text":"ওজন  \\u09be"},'
        f'"subject":{{"reference":"Patient/{RAHIMA}"}},"valueQuantity":{{"value":1.50,"unit":"kg"}}}}'
    )
    entry = '{"request":{"method":"POST","url":"Observation"},"resource":' + sent + "}"
    raw = f'{{"resourceType":"Bundle","type":"batch","id":"{fresh()}","entry":[{entry}]}}'
    answer = await service.submit(raw.encode())
    path = answer.json()["entry"][0]["response"]["location"].partition("/_history")[0]
    served = await service.client.get(f"/fhir/{path}", headers=service.as_hospital())
    assert '"valueQuantity":{"value":1.50,"unit":"kg"}' in served.text
    assert '"code":{"text":"ওজন  \\u09be"}' in served.text
    assert served.json()["meta"]["extension"][0]["valueIdentifier"]["value"] == "s-1"
    assert served.headers["etag"] == 'W/"1"'


async def test_references_inside_the_bundle_lead_to_the_recorded_resources(service):
    encounter = {
        "resourceType": "Encounter",
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "subject": {"reference": f"Patient/{RAHIMA}"},
    }
    bundle = service.bundle(encounter, service.observation())
    bundle["entry"][1]["resource"]["encounter"] = {"reference": bundle["entry"][0]["fullUrl"]}
    answer = await service.submit(bundle)
    visit, pressure = (e["response"]["location"].partition("/_history")[0] for e in answer.json()["entry"])
    served = await service.client.get(f"/fhir/{pressure}", headers=service.as_hospital())
    assert served.json()["encounter"]["reference"] == visit


async def test_identity_numbers_are_masked_in_what_is_served_and_absent_from_the_store(service):
    number = "1990123456789"
    subject = {
        "identifier": {"system": "http://dghs.gov.bd/identifier/nid", "value": number},
        "display": f"NID {number}",
    }
    answer = await service.submit(service.bundle(service.observation(None, subject=subject), id=fresh()))
    assert answer.status_code == 200, answer.text
    path = answer.json()["entry"][0]["response"]["location"].partition("/_history")[0]
    served = await service.client.get(f"/fhir/{path}", headers=service.as_hospital())
    assert served.json()["subject"]["identifier"]["value"] == "**********789"
    assert number not in served.text
    for name in await service.database.list_collection_names():
        async for row in service.database[name].find():
            assert number not in str(row), name


async def test_the_submitted_bytes_go_back_unchanged_to_their_author_only(service):
    ref = fresh()
    raw = json.dumps(service.bundle(service.observation()), indent=2).encode()
    await service.submit(raw, idempotency_key=ref)
    path = f"/submissions/{HOSPITAL.replace('/', '%2F')}/{ref}/payload"
    assert (await service.client.get(path, headers=service.as_hospital())).content == raw
    other = await service.client.get(path, headers=service.as_hospital("openmrs/10000002"))
    assert other.status_code == 404


async def test_an_unknown_person_is_parked_and_healed_when_she_registers(service):
    health_id, key = "98002412586", fresh()
    answer = await service.submit(service.bundle(service.observation(health_id)), idempotency_key=key)
    assert answer.status_code == 202, answer.text
    await service.register(health_id)
    found = await service.reaches("recorded", key)
    assert found["health_id"] == health_id
    assert len(found["resources"]) == 1


async def test_a_local_id_leads_to_the_person_that_this_source_registered(service):
    subject = {"identifier": {"value": "100GEJ"}}
    mine = await service.submit(service.bundle(service.observation(None, subject=subject), id=fresh()))
    assert mine.status_code == 200, mine.text
    someone_elses = await service.submit(
        service.bundle(service.observation(None, subject=subject), id=fresh()), source="openmrs/10000002"
    )
    assert someone_elses.status_code == 202


async def test_a_transaction_about_two_people_is_refused_and_a_batch_is_split(service):
    both = (service.observation(RAHIMA), service.observation(KARIM))
    refused = await service.submit(service.bundle(*both))
    assert refused.status_code == 422
    assert expressions(refused) == ["Bundle.entry[1].resource.subject"]
    key = fresh()
    split = await service.submit(service.bundle(*both, type="batch"), idempotency_key=key)
    assert split.status_code == 200
    assert split.json()["type"] == "batch-response"
    assert (await service.state(key))["health_ids"] == [RAHIMA, KARIM]


async def test_a_reference_into_another_persons_record_is_refused(service):
    sent = fresh()
    await service.submit(service.bundle(service.observation(KARIM, id=sent)))
    mine = service.observation(RAHIMA, derivedFrom=[{"reference": f"Observation/{sent}"}])
    answer = await service.submit(service.bundle(mine))
    assert answer.status_code == 422
    assert issues(answer)[0]["details"]["coding"][0]["code"] == "across-patients"


async def test_data_that_belongs_elsewhere_is_told_where(service):
    answer = await service.submit(service.bundle({"resourceType": "Organization", "name": "শাপলা"}))
    assert answer.status_code == 422
    assert "registry" in issues(answer)[0]["details"]["text"]


async def test_sensitive_codes_are_labelled_at_intake(service):
    code = {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10", "code": "B20.1"}]}
    condition = {"resourceType": "Condition", "code": code, "subject": {"reference": f"Patient/{RAHIMA}"}}
    answer = await service.submit(service.bundle(condition))
    path = answer.json()["entry"][0]["response"]["location"].partition("/_history")[0]
    served = (await service.client.get(f"/fhir/{path}", headers=service.as_hospital())).json()
    assert served["meta"]["security"][0]["code"] == "HIV"


async def test_one_resource_is_created_updated_and_withdrawn(service):
    headers = service.as_hospital()
    sent = fresh()
    body = json.dumps(service.observation(id=sent))
    created = await service.client.put(f"/fhir/Observation/{sent}", content=body, headers=headers)
    assert created.status_code == 201, created.text
    path = created.headers["location"].partition("/_history")[0]
    assert created.json()["id"] == path.rpartition("/")[2]
    changed = json.dumps(service.observation(id=sent, status="amended"))
    stale = await service.client.put(
        f"/fhir/Observation/{sent}", content=changed, headers=headers | {"If-Match": 'W/"7"'}
    )
    assert stale.status_code == 412
    updated = await service.client.put(
        f"/fhir/Observation/{sent}", content=changed, headers=headers | {"If-Match": 'W/"1"'}
    )
    assert updated.status_code == 200 and updated.headers["etag"] == 'W/"2"'
    gone = await service.client.delete(path, headers=headers)
    assert gone.status_code == 200, gone.text
    now = (await service.client.get(path, headers=headers)).json()
    assert now["status"] == "entered-in-error" and now["meta"]["versionId"] == "3"
    first = await service.client.get(f"{path}/_history/1", headers=headers)
    assert first.json()["status"] == "final"


async def test_an_older_state_that_arrives_late_never_becomes_current(service):
    sent = fresh()
    newer = service.observation(id=sent, status="amended", meta={"lastUpdated": "2026-11-02T00:00:00Z"})
    older = service.observation(id=sent, status="final", meta={"lastUpdated": "2026-11-01T00:00:00Z"})
    answer = await service.submit(service.bundle(newer))
    await service.submit(service.bundle(older))
    path = answer.json()["entry"][0]["response"]["location"].partition("/_history")[0]
    assert (await service.client.get(f"/fhir/{path}", headers=service.as_hospital())).json()["status"] == "amended"


async def test_a_check_says_what_would_become_of_it_and_leaves_nothing(service):
    ref = fresh()
    before = await service.database["submissions"].count_documents({})
    body = json.dumps(service.bundle(service.observation(), id=ref))
    answer = await service.client.post("/check", content=body, headers=service.as_hospital())
    assert answer.json()["verdict"] == "recorded" and answer.json()["health_id"] == RAHIMA
    assert await service.database["submissions"].count_documents({}) == before


async def test_the_quarantine_lists_a_sources_own_refusals(service):
    key = fresh()
    await service.submit(service.bundle(service.observation(status="wrong")), idempotency_key=key)
    mine = await service.client.get("/quarantine", headers=service.as_hospital())
    assert key in [entry["submission_id"] for entry in mine.json()["entries"]]
    theirs = await service.client.get("/quarantine", headers=service.as_hospital("openmrs/10000002"))
    assert key not in [entry["submission_id"] for entry in theirs.json()["entries"]]


NESTED = b'{"resourceType":"Bundle","type":"collection","a":' + b'{"a":' * 200 + b"1" + b"}" * 201


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"not json", 400),
        (b"[]", 400),
        (b"", 400),
        (b'{"resourceType":"Bundle","type":"batch","type":"batch"}', 400),
        (b'{"resourceType":"Bundle","total":NaN}', 400),
        (b'{"resourceType":"Bundle","id":"\\ud800"}', 400),
        (b'\xff\xfe{"resourceType":"Bundle"}', 400),
        (NESTED, 400),
        (b'{"resourceType":"Patient"}', 422),
        (b'{"resourceType":"Bundle","type":"searchset"}', 422),
        (b'{"resourceType":"Bundle","type":"collection"}', 422),
        (b'{"resourceType":"Bundle","type":"collection","entry":[]}', 422),
        (b'{"resourceType":"Bundle","type":"collection","$where":"1"}', 422),
        (b'{"resourceType":"Bundle","type":"collection","entry":{"$where":"sleep(9)"}}', 422),
        (b'{"resourceType":"Bundle","type":"collection","entry":' + b"[" + b"{}," * 9999 + b"{}]}", 413),
        (b'{"resourceType":"Bundle","type":"collection","x":"' + b"a" * 20_000_000 + b'"}', 413),
    ],
)
async def test_bad_input_gets_its_status_and_is_visible_under_its_key(service, body, status):
    key = fresh()
    answer = await service.submit(body, idempotency_key=key)
    assert answer.status_code == status, answer.text[:300]
    found = issues(answer)[0]
    assert found.get("expression") or found.get("diagnostics") or status == 413
    state = await service.state(key)
    assert state["state"] == "rejected" and state["outcome"]["issue"][0]["details"] == found["details"]


@pytest.mark.parametrize(
    ("changed", "place"),
    [
        ({"status": None}, "Bundle.entry[0].resource.status"),
        ({"colour": "red"}, "Bundle.entry[0].resource.colour"),
        ({"code": [{"text": "a"}]}, "Bundle.entry[0].resource.code"),
        ({"effectiveDateTime": "2026-02-30"}, "Bundle.entry[0].resource.effectiveDateTime"),
        ({"subject": {"reference": "Patient/98000173950"}}, "Bundle.entry[0].resource.subject.reference"),
        (
            {"encounter": {"reference": "urn:uuid:" + str(uuid.UUID(int=7))}},
            "Bundle.entry[0].resource.encounter.reference",
        ),
        ({"resourceType": "Wizard"}, "Bundle.entry[0].resource.resourceType"),
    ],
)
async def test_what_is_wrong_with_a_resource_is_located_in_plain_words(service, changed, place):
    bundle = service.bundle(service.observation(**changed))
    bundle["entry"][0]["request"]["url"] = "Observation"
    answer = await service.submit(bundle)
    assert answer.status_code == 422, answer.text
    assert place in expressions(answer)
    assert "extension" in issues(answer)[0]["details"].get("_text", {"extension": 1})


async def test_a_refused_bundle_leaves_no_resource_behind(service):
    before = await service.database["resources"].count_documents({})
    answer = await service.submit(service.bundle(service.observation(), service.observation(status="wrong")))
    assert answer.status_code == 422
    assert await service.database["resources"].count_documents({}) == before


async def test_unknown_formats_and_media_types_are_415(service):
    body = json.dumps(service.bundle(service.observation()))
    xml = service.as_hospital() | {"Content-Type": "application/xml"}
    assert (await service.client.post("/fhir", content=body, headers=xml)).status_code == 415
    unknown = await service.client.post("/submissions/abacus", content=body, headers=service.as_hospital())
    assert unknown.status_code == 415


@pytest.mark.parametrize("role", ["citizen", "practitioner", "analyst", "registrar", "reviewer", "facility", None])
async def test_only_sources_submit_and_read(service, role):
    headers = service.issuer.as_(role) if role else {}
    for method, path in (("POST", "/fhir"), ("POST", "/fhir/Observation"), ("GET", "/fhir/Observation/x"),
                         ("GET", "/submissions"), ("GET", "/quarantine"), ("POST", "/check")):  # fmt: skip
        answer = await service.client.request(method, path, headers=headers, content=b"{" if method == "POST" else None)
        assert answer.status_code == (403 if role else 401), (method, path)


async def test_a_bundle_as_large_as_the_limits_allow_is_recorded_whole(service):
    key = fresh()
    whole = service.bundle(*[service.observation() for _ in range(2000)], type="batch")
    answer = await service.submit(whole, idempotency_key=key)
    assert answer.status_code == 200, answer.text[:300]
    assert len(answer.json()["entry"]) == 2000
    assert len(set((await service.state(key))["resources"])) == 2000
