"""The FHIR read API: bundles, pages, cursors, parameters, bad input."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest
from shr_common.testing import eventually

from ..world import LOINC, World, condition, new_health_id, observation


async def pages(world: World, path: str, headers: dict[str, str]) -> list[dict[str, Any]]:
    """All pages of a search, by following next."""
    found = []
    while path:
        answer = await world.client.get(path, headers=headers)
        assert answer.status_code == 200, answer.text
        bundle = answer.json()
        found.append(bundle)
        assert len(found) < 50
        links = {link["relation"]: link["url"] for link in bundle["link"]}
        path = "?".join(urlsplit(links["next"])[2:4]) if "next" in links else ""
    return found


async def test_everything_comes_page_by_page_each_thing_once(world: World) -> None:
    person = await world.registers()
    references = await world.records(person, *(observation(value=n, date=f"2026-11-{n + 1:02d}") for n in range(11)))
    await world.grants(person)
    await world.knows(person)
    await world.sees(person, world.doctor(), *references)
    bundles = await pages(world, f"/fhir/Patient/{person}/$everything?_count=5", world.doctor())
    assert [len(bundle["entry"]) for bundle in bundles] == [5, 5, 2]
    assert {bundle["total"] for bundle in bundles} == {12}
    shown = [entry["fullUrl"].partition("/fhir/")[2] for bundle in bundles for entry in bundle["entry"]]
    assert shown[0] == f"Patient/{person}" and sorted(shown[1:]) == sorted(references)
    assert bundles[0]["entry"][0]["resource"]["name"][1]["text"] == "রহিমা খাতুন"
    assert shown[1] == references[-1], "the newest first"


async def test_a_search_answers_in_the_bytes_that_were_recorded(world: World) -> None:
    person = await world.registers()
    body = (
        b'{"resourceType":"Observation","id":"dec-1","meta":{"versionId":"1","lastUpdated":"2026-11-20T00:00:00Z"},'
        b'"status":"final","code":{"coding":[{"system":"http://loinc.org","code":"2339-0"}]},'
        b'"effectiveDateTime":"2026-11-20","valueQuantity":{"value":1.50,"unit":"mmol/L"}}'
    )
    value = (
        b'{"source":"openmrs/10000001","submission_id":"s-%b","health_id":"%b","recorded_at":"2026-11-20T00:00:00Z",'
        b'"version":1,"resources":[{"type":"Observation","id":"%b","version":1,"resource":%b}]}'
    )
    id_ = f"dec-{person}".encode()
    body = body.replace(b"dec-1", id_)
    await world.topics.publish("encounter.recorded", value % (id_, person.encode(), id_, body), key=person)
    reference = f"Observation/{id_.decode()}"
    await world.sees(person, world.citizen(person), reference)
    headers = world.citizen(person)
    for answer in (
        await world.client.get(f"/fhir/Observation?patient={person}&code={LOINC}|2339-0", headers=headers),
        await world.client.post("/fhir/Observation/_search", headers=headers, data={"patient": f"Patient/{person}"}),
        await world.client.get(f"/fhir/{reference}", headers=headers),
        await world.client.get(f"/fhir/{reference}/_history", headers=headers),
        await world.client.get(f"/fhir/{reference}/_history/1", headers=headers),
    ):
        assert answer.status_code == 200
        assert body in answer.content
        assert answer.headers["content-type"].startswith("application/fhir+json")
    assert (await world.reads(person, headers)).content.count(b'"value":1.50') == 2


async def test_history_has_every_state(world: World) -> None:
    person = await world.registers()
    (reference,) = await world.records(person, observation(value=1, id=f"h-{person}"))
    await world.sees(person, world.citizen(person), reference)
    await world.records(person, observation(value=2, id=f"h-{person}"), version=2)

    async def two() -> Any:
        found = (await world.client.get(f"/fhir/{reference}/_history", headers=world.citizen(person))).json()
        return found if found["total"] == 2 else None

    found = await eventually(two)
    assert [entry["resource"]["valueQuantity"]["value"] for entry in found["entry"]] == [2, 1]
    first = await world.client.get(f"/fhir/{reference}/_history/1", headers=world.citizen(person))
    assert first.json()["valueQuantity"]["value"] == 1 and first.headers["etag"] == 'W/"1"'
    assert (await world.client.get(f"/fhir/{reference}/_history/3", headers=world.citizen(person))).status_code == 404


async def test_a_cursor_is_good_for_its_caller_person_search_and_permit_alone(world: World) -> None:
    person, other = await world.registers(), await world.registers()
    a = await world.records(person, *(observation(value=n) for n in range(5)))
    b = await world.records(other, *(observation(value=n) for n in range(5)))
    consent_id = await world.grants(person)
    await world.grants(other)
    await world.grants(person, to=("practitioner", "20000077"))
    await world.sees(person, world.doctor(), *a)
    await world.sees(other, world.doctor(), *b)
    path = f"/fhir/Observation?patient={person}&_count=2"
    first = (await world.client.get(path, headers=world.doctor())).json()
    following = next(link["url"] for link in first["link"] if link["relation"] == "next")
    cursor = following.partition("_cursor=")[2]
    assert (await world.client.get(following, headers=world.doctor())).status_code == 200
    for path_, headers in (
        (following, world.doctor("20000077")),
        (f"/fhir/Observation?patient={other}&_count=2&_cursor={cursor}", world.doctor()),
        (f"/fhir/Observation?patient={person}&_count=2&code=1&_cursor={cursor}", world.doctor()),
        (f"/fhir/Observation?patient={person}&_count=2&_cursor={cursor[:-6]}AAAAAA", world.doctor()),
        (f"/fhir/Observation?patient={person}&_count=2&_cursor=x", world.doctor()),
    ):
        assert (await world.client.get(path_, headers=headers)).status_code == 400
    await world.grants(person, consent_id=consent_id, version=2, record_types=["Observation"])

    async def gone() -> bool:
        return (await world.client.get(following, headers=world.doctor())).status_code == 410

    await eventually(gone)
    await world.revokes(person, consent_id, version=3)

    async def refused() -> bool:
        return (await world.client.get(following, headers=world.doctor())).status_code == 403

    await eventually(refused)


@pytest.mark.parametrize(
    "query", ["_count=x", "date=soon", "_sort=name", "_summary=text", "_cursor=%00", "code=" + "&code=".join("1" * 300)]
)
async def test_a_bad_parameter_is_a_400_with_its_name(world: World, query: str) -> None:
    person = new_health_id()
    answer = await world.client.get(f"/fhir/Observation?patient={person}&{query}", headers=world.citizen(person))
    assert answer.status_code == 400
    assert answer.json()["resourceType"] == "OperationOutcome"


async def test_unknown_parameters_follow_prefer(world: World) -> None:
    person = await world.registers()
    path = f"/fhir/Observation?patient={person}&$where=1&name=x"
    strict = await world.client.get(path, headers=world.citizen(person) | {"Prefer": "handling=strict"})
    assert strict.status_code == 400
    assert {issue["expression"][0] for issue in strict.json()["issue"]} == {"$where", "name"}
    lenient = (await world.client.get(path, headers=world.citizen(person))).json()
    assert lenient["total"] == 0 and lenient["entry"][0]["search"]["mode"] == "outcome"


async def test_a_search_names_its_person(world: World) -> None:
    assert (await world.client.get("/fhir/Observation", headers=world.doctor())).status_code == 400
    person = await world.registers()
    (reference,) = await world.records(person, observation())
    await world.sees(person, world.citizen(person), reference)
    own = await world.client.get("/fhir/Observation", headers=world.citizen(person))
    assert own.json()["total"] == 1
    assert (await world.client.get("/fhir/Nonsense?patient=1", headers=world.doctor())).status_code == 404
    media = await world.client.post("/fhir/Observation/_search", headers=world.doctor(), json={})
    assert media.status_code == 415


async def test_a_patient_is_read_and_found(world: World) -> None:
    person = await world.registers()
    await world.grants(person)
    await world.knows(person)
    await world.sees(person, world.doctor())
    patient = (await world.client.get(f"/fhir/Patient/{person}", headers=world.doctor())).json()
    assert patient["identifier"] == [{"system": "http://dghs.gov.bd/identifier/uhid", "value": person}]
    assert patient["birthDate"] == "1980-03-12"
    found = (await world.client.get(f"/fhir/Patient?_id={person}", headers=world.doctor())).json()
    assert found["total"] == 1 and found["entry"][0]["resource"] == patient


async def test_the_timeline_goes_on_before(world: World) -> None:
    person = await world.registers()
    references = await world.records(
        person, *(condition(f"c{n}", date=f"2026-{n // 28 + 1:02d}-{n % 28 + 1:02d}") for n in range(130))
    )
    first: dict[str, Any] = {}

    async def full() -> bool:
        answer = await world.reads(person, world.citizen(person))
        first.update(answer.json() if answer.status_code == 200 else {"timeline": []})
        return len(first["timeline"]) == 100

    await eventually(full, within_s=30)
    assert len(first["sections"]["problems"]) == 130
    assert first["timeline"][0]["reference"] == references[-1]
    more = (await world.reads(person, world.citizen(person), before=first["next"])).json()
    assert [item["reference"] for item in more["timeline"]] == list(reversed(references[:30]))
    assert more["next"] is None
    dated = (await world.reads(person, world.citizen(person), before="2026-01-11")).json()
    assert dated["timeline"][0]["date"] == "2026-01-10"
    assert (await world.reads(person, world.citizen(person), before="never")).status_code == 400


async def test_what_anybody_may_read(world: World) -> None:
    metadata = await world.client.get("/fhir/metadata")
    assert metadata.json()["resourceType"] == "CapabilityStatement"
    topics = await world.client.get("/asyncapi")
    assert "encounter.recorded" in orjson.loads(topics.content)["channels"]
    paths = (await world.client.get("/openapi.json")).json()["paths"]
    assert "/profile/{health_id}" in paths and "/fhir/Patient/{health_id}/$everything" in paths
    assert (await world.client.get("/fhir/Patient/", headers=world.doctor())).status_code == 400


async def test_a_capability_statement_is_valid_fhir(world: World) -> None:
    from shr_common.fhir.validate import validate

    person = await world.registers()
    await world.sees(person, world.citizen(person))
    metadata = (await world.client.get("/fhir/metadata")).json()
    patient = (await world.client.get(f"/fhir/Patient/{person}", headers=world.citizen(person))).json()
    for resource in (metadata, patient):
        assert [issue for issue in validate(resource) if issue.severity == "error"] == []
