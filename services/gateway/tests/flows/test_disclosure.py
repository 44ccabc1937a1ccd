"""Nothing is shown without a permit; what is shown was recorded first; a refusal tells nothing."""

from __future__ import annotations

from typing import Any

import pytest
from shr_common.testing import eventually

from ..world import DHAKA_MEDICAL, FARHANA, NAZMUL, World, condition, new_health_id, observation, sensitive

SECRET = "Secret-diagnosis"


async def test_a_citizen_reads_her_own_record(world: World) -> None:
    person = await world.registers()
    references = await world.records(person, observation(), condition())
    await world.knows(person)
    profile = await world.sees(person, world.citizen(person), *references)
    assert profile["health_id"] == person
    assert profile["identity"]["name_bn"] == "রহিমা খাতুন"
    assert [item["reference"] for item in profile["sections"]["results"]] == [references[0]]
    assert [item["display"] for item in profile["sections"]["problems"]] == ["Hypertension"]
    assert profile["restricted"] is False
    result = profile["sections"]["results"][0]
    assert (result["value"], result["unit"], result["facility"]) == (128, "mmHg", DHAKA_MEDICAL)


async def test_no_records_yet_is_an_empty_profile(world: World) -> None:
    person = await world.registers()
    profile = await world.sees(person, world.citizen(person))
    assert all(items == [] for items in profile["sections"].values())
    assert set(profile["sections"]) == {
        "allergies", "problems", "medicines", "immunisations", "results", "procedures", "encounters"
    }  # fmt: skip


async def test_of_a_health_id_that_nobody_has_heard_of_its_holder_is_told_that_nothing_is_known(world: World) -> None:
    person = new_health_id()
    profile = await world.sees(person, world.citizen(person))
    said = profile["identity"]
    assert said.pop("status") == "unknown" and set(said.values()) == {None}
    assert all(items == [] for items in profile["sections"].values())
    page = (await world.client.get("/?lang=en", headers=world.citizen(person))).text
    assert "It is not known here whose Health ID this is." in page
    known = await world.registers()
    await world.knows(known)
    assert "It is not known here" not in (await world.client.get("/?lang=en", headers=world.citizen(known))).text


async def test_another_citizen_and_a_doctor_without_consent_get_nothing(world: World) -> None:
    person = await world.registers()
    references = await world.records(person, condition(SECRET))
    await world.sees(person, world.citizen(person), *references)
    stranger = new_health_id()
    for headers, actor in ((world.citizen(stranger), stranger), (world.doctor(), NAZMUL)):
        for path in (
            f"/profile/{person}",
            f"/fhir/Patient/{person}/$everything",
            f"/fhir/Condition?patient={person}",
            f"/fhir/Condition?patient={person}&_summary=count",
            f"/fhir/Patient/{person}",
        ):
            answer = await world.client.get(path, headers=headers)
            assert answer.status_code == 403, path
            assert answer.json()["resourceType"] == "OperationOutcome"
            assert SECRET not in answer.text and "Rahima" not in answer.text
        assert (await world.client.get(f"/fhir/{references[0]}", headers=headers)).status_code == 404
        denied = await world.audited(person, decision="deny", actor=actor, count=6)
        assert all(entry["what"][0]["count"] == 0 for entry in denied)


async def test_an_unknown_health_id_is_refused_in_the_same_words(world: World) -> None:
    person = await world.registers()
    await world.sees(person, world.citizen(person))
    for path in ("/profile/{}", "/fhir/Patient/{}/$everything", "/fhir/Observation?patient={}"):
        known = await world.client.get(path.format(person), headers=world.doctor())
        unknown = await world.client.get(path.format(new_health_id()), headers=world.doctor())
        assert (known.status_code, known.content, dict(known.headers)) == (
            unknown.status_code, unknown.content, dict(unknown.headers)
        )  # fmt: skip
        assert known.status_code == 403
        assert "CAREMGT" in known.text


async def test_a_doctor_reads_what_was_granted_and_it_is_recorded_first(world: World) -> None:
    person = await world.registers()
    references = await world.records(person, observation(), condition())
    consent_id = await world.grants(person)
    profile = await world.sees(person, world.doctor(), *references)
    assert profile["access"]["by"] == "consent"
    entry = (await world.audited(person, decision="permit", actor=NAZMUL, showing=True))[0]
    assert entry["consent_id"] == consent_id
    assert entry["purpose"] == "CAREMGT"
    assert {what["type"]: what["count"] for what in entry["what"]} == {"Observation": 1, "Condition": 1}


async def test_a_part_is_shown_as_restricted_and_totals_count_what_is_shown(world: World) -> None:
    person = await world.registers()
    seen, hidden = await world.records(person, observation(), condition(SECRET))
    await world.grants(person, record_types=["Observation"])
    profile = await world.sees(person, world.doctor(), seen)
    assert profile["restricted"] is True
    assert SECRET not in str(profile)
    assert "district" not in profile["identity"]
    everything = (await world.client.get(f"/fhir/Patient/{person}/$everything", headers=world.doctor())).json()
    assert everything["total"] == 2  # the person and the result
    assert everything["meta"]["security"][0]["code"] == "REDACTED"
    assert hidden.partition("/")[2] not in str(everything)
    counted = await world.client.get(f"/fhir/Observation?patient={person}&_summary=count", headers=world.doctor())
    assert counted.json()["total"] == 1 and "entry" not in counted.json()
    refused = await world.client.get(f"/fhir/Condition?patient={person}", headers=world.doctor())
    assert refused.status_code == 403 and "Condition" in refused.text


async def test_a_withheld_resource_and_an_absent_one_answer_alike(world: World) -> None:
    person = await world.registers()
    seen, hidden = await world.records(person, observation(), sensitive(observation("75622-1")))
    await world.grants(person)
    await world.sees(person, world.doctor(), seen)
    for suffix in ("", "/_history", "/_history/1"):
        withheld = await world.client.get(f"/fhir/{hidden}{suffix}", headers=world.doctor())
        absent = await world.client.get(f"/fhir/Observation/no-such-thing{suffix}", headers=world.doctor())
        assert (withheld.status_code, withheld.content) == (absent.status_code, absent.content)
        assert withheld.status_code == 404
        assert (await world.client.get(f"/fhir/{seen}{suffix}", headers=world.doctor())).status_code == 200


async def test_a_search_does_not_tell_by_its_tag_what_is_withheld(world: World) -> None:
    person = await world.registers()
    seen, _ = await world.records(person, observation(), sensitive(observation("75622-1")))
    await world.grants(person)
    await world.sees(person, world.doctor(), seen)
    asked = [
        (await world.client.get(f"/fhir/Observation?patient={person}&code={code}", headers=world.doctor())).json()
        for code in ("75622-1", "99999-9")
    ]
    for bundle in asked:
        bundle.pop("link")
    assert asked[0] == asked[1]


async def test_a_sensitive_label_needs_to_be_named(world: World) -> None:
    person = await world.registers()
    plain, labelled = await world.records(person, observation(), sensitive(observation("75622-1")))
    await world.grants(person, sensitive=["HIV"])
    await world.sees(person, world.doctor(), plain, labelled)


async def test_the_author_facility_reads_what_it_wrote(world: World) -> None:
    person = await world.registers()
    own = await world.records(person, observation())
    others = await world.records(person, condition(), source="opensrp/10000009")
    await world.sees(person, world.citizen(person), *own, *others)
    profile = await world.sees(person, world.doctor(FARHANA, DHAKA_MEDICAL), *own)
    assert profile["restricted"] is True
    assert profile["access"]["by"] == "facility"


async def test_a_guardian_reads_by_healthids_word_only(world: World) -> None:
    guardian, child = new_health_id(), new_health_id()
    await world.registers(child, guardians=[guardian], birth_date="2020-01-01")
    references = await world.records(child, observation())
    await world.sees(child, world.citizen(guardian), *references)
    claims = world.issuer.as_("citizen", health_id=new_health_id(), guardian_of=[child])
    assert (await world.reads(child, claims)).status_code == 403


async def test_a_revocation_is_effective_within_a_second(world: World) -> None:
    person = await world.registers()
    references = await world.records(person, observation())
    consent_id = await world.grants(person)
    await world.sees(person, world.doctor(), *references)
    await world.revokes(person, consent_id)
    await world.answers(person, world.doctor(), 403, within_s=1)


async def test_an_expired_grant_ends_by_the_clock_of_consent(world: World) -> None:
    person = await world.registers()
    references = await world.records(person, observation())
    await world.grants(person)
    await world.sees(person, world.doctor(), *references)
    from datetime import timedelta

    world.beats.ahead = timedelta(hours=2)
    try:

        async def ended() -> bool:
            return (await world.reads(person, world.doctor())).status_code == 403

        await eventually(ended, within_s=3)
    finally:
        world.beats.ahead = timedelta(0)


async def test_standing_ends_with_the_posting(world: World) -> None:
    person = await world.registers()
    references = await world.records(person, observation())
    doctor = "20009" + new_health_id()[-4:]
    await world.grants(person, to=("practitioner", doctor))
    await world.sees(person, world.doctor(doctor), *references)
    role = {"resource_type": "PractitionerRole", "id": f"role-{doctor}", "version": 1, "active": False,
            "practitioner": doctor, "facility": "10000002", "resource": {}, "at": "2026-11-23T00:00:00Z"}  # fmt: skip
    await world.topics.event("registry.changed", role, key=f"PractitionerRole/role-{doctor}")

    async def refused() -> bool:
        return (await world.reads(person, world.doctor(doctor))).status_code == 403

    await eventually(refused, within_s=5)


@pytest.mark.parametrize("role", ["source_system", "registrar", "reviewer", "facility", "administrator", "analyst"])
async def test_other_roles_read_no_records(world: World, role: str) -> None:
    headers = world.issuer.as_(role, facility="10000001", source="openmrs") | {"X-Purpose": "CAREMGT"}
    person = new_health_id()
    for method, path in READS:
        answer = await world.client.request(method, path.format(person), headers=headers)
        assert answer.status_code == 403, path


async def test_nobody_reads_without_a_token(world: World) -> None:
    expired = world.issuer.as_("citizen", health_id=new_health_id(), ttl_s=-100)
    other = world.issuer.as_("citizen", health_id=new_health_id(), aud="elsewhere")
    for method, path in READS:
        for headers in ({}, expired, other, {"Authorization": "Bearer eyJhbGciOiJub25lIn0.e30."}):
            answer = await world.client.request(method, path.format(new_health_id()), headers=headers)
            assert answer.status_code == 401, path
            assert answer.headers["www-authenticate"].startswith("Bearer")


READS: list[tuple[str, str]] = [
    ("GET", "/profile/{}"),
    ("POST", "/profile/{}/acknowledgements"),
    ("GET", "/fhir/Patient/{}"),
    ("GET", "/fhir/Patient/{}/$everything"),
    ("GET", "/fhir/Observation?patient={}"),
    ("POST", "/fhir/Observation/_search"),
    ("GET", "/fhir/Observation/x"),
    ("GET", "/fhir/Observation/x/_history"),
    ("GET", "/fhir/Observation/x/_history/1"),
    ("POST", "/break-glass"),
]


async def test_a_purpose_is_needed_and_has_to_be_one(world: World) -> None:
    person = new_health_id()
    nothing = await world.reads(person, world.doctor(purpose=None))
    unknown = await world.reads(person, world.doctor(purpose="CURIOSITY"))
    assert (nothing.status_code, unknown.status_code) == (400, 422)
    assert nothing.json()["issue"][0]["expression"] == ["X-Purpose"]
    wrong = await world.reads(person, world.doctor(purpose="HRESCH"))
    assert wrong.status_code == 403


async def test_answers_are_kept_by_no_cache(world: World) -> None:
    person = await world.registers()
    await world.sees(person, world.citizen(person))
    answer: Any = await world.reads(person, world.citizen(person))
    assert answer.headers["cache-control"] == "no-store"
