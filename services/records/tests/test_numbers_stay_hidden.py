"""Invariant 10 where a source does not say that a number is one: no topic, no answer and no stored row shows it."""

from __future__ import annotations

import json
import secrets
import uuid
from typing import Any

import pytest
from shr_records.domain.events import without_numbers
from shr_records.domain.facts import facts_of
from shr_records.domain.served import with_masks

RAHIMA = "98000173958"
NUMBER = "1985987654321"


def fresh() -> str:
    return str(uuid.uuid4())


def typed(text: str, value: str = NUMBER, **more: Any) -> dict[str, Any]:
    return {"type": {"text": text}, "value": value} | more


CALLED = [
    {"type": {"text": "NID"}},
    {"type": {"text": "NID No."}},
    {"type": {"text": "National ID"}},
    {"type": {"text": "national identification number"}},
    {"type": {"text": "জাতীয় পরিচয়পত্র"}},
    {"type": {"text": "জাতীয় পরিচয়পত্র"}},
    {"type": {"text": "Birth Registration Number"}},
    {"type": {"text": "জন্ম নিবন্ধন"}},
    {"type": {"coding": [{"code": "NID"}]}},
    {"type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "NNBGD"}]}},
    {"type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "NI"}]}},
    {"type": {"coding": [{"code": "x", "display": "National Identity"}]}},
    {"system": "http://hospital.example/identifiers/nid"},
    {"system": "http://hospital.example/identifiers/birth-registration"},
    {},
]


@pytest.mark.parametrize("called", CALLED, ids=str)
async def test_a_number_is_on_no_topic_and_in_no_answer_whatever_it_is_called(service, called):
    ref = fresh()
    subject = {"reference": f"Patient/{RAHIMA}", "identifier": called | {"value": NUMBER}, "display": f"({NUMBER})"}
    mother = {"resourceType": "RelatedPerson", "patient": {"reference": f"Patient/{RAHIMA}"},
              "identifier": [called | {"value": NUMBER}]}  # fmt: skip
    note = service.observation(RAHIMA, note=[{"text": f"her NID is {NUMBER}."}])
    await service.publish(service.bundle(service.observation(None, subject=subject), mother, note), id=ref)
    found = await service.reaches("recorded", ref)
    for topic in ("encounter.recorded", "submission.answered.openmrs"):
        (record,) = await service.topics.read(topic, where=lambda r: r.headers.get("ce_subject") == ref)
        assert NUMBER not in record.value.decode(), topic
    for reference in found["resources"]:
        path = reference.partition("/_history")[0]
        served = await service.client.get(f"/fhir/{path}", headers=service.as_hospital())
        assert served.status_code == 200 and NUMBER not in served.text


async def test_a_number_that_a_patient_entry_tells_is_masked_in_every_other_entry(service):
    ref = fresh()
    patient = {"resourceType": "Patient", "id": "p1", "identifier": [
        {"system": "http://dghs.gov.bd/identifier/uhid", "value": RAHIMA}, typed("NID", "1985 987654321")]}  # fmt: skip
    sent = service.bundle(
        patient, service.observation("Patient/p1", note=[{"text": f"NID {NUMBER}"}]), type="collection"
    )
    await service.publish(sent, id=ref)
    (record,) = await service.topics.read("encounter.recorded", where=lambda r: r.headers.get("ce_subject") == ref)
    (resource,) = json.loads(record.value)["resources"]
    assert resource["resource"]["note"] == [{"text": "NID **********321"}]


async def test_a_hospital_whose_patient_id_is_the_nid(service):
    """Where it leads to her it becomes her Health ID; where it leads to somebody unknown, its digits go."""
    ref, person, known, other = fresh(), service.a_person(), f"1991{secrets.randbelow(10**9):09d}", "1992987654321"
    await service.register(person, local=("aalo/7", "", known))
    sent = service.observation(
        f"Patient/{known}",
        performer=[{"reference": f"Patient/{other}", "display": other},
                   {"reference": f"http://hospital.example/fhir/Patient/{other}/_history/1"}],
    )  # fmt: skip
    await service.publish(service.bundle(sent), id=ref, source="aalo/7")
    (record,) = await service.topics.read(
        "encounter.recorded", where=lambda r: r.headers.get("ce_subject") == ref, within_s=60
    )
    assert known not in record.value.decode() and other not in record.value.decode()
    (resource,) = json.loads(record.value)["resources"]
    assert resource["resource"]["subject"] == {"reference": f"Patient/{person}"}
    assert resource["resource"]["performer"][0]["reference"] == "Patient/xxxxxxxxxx321"


async def test_what_is_no_identity_number_stays_as_it_was_sent(service):
    ref = fresh()
    sent = service.observation(
        RAHIMA,
        identifier=[{"value": "1234567890"}, typed("Accession number", "1234567890123")],
        performer=[{"type": "Practitioner", "identifier": {"value": "1234567890"}}],
        subject={"reference": f"Patient/{RAHIMA}", "identifier": typed("OpenMRS ID", "1234567891")},
    )
    await service.publish(service.bundle(sent), id=ref)
    (record,) = await service.topics.read("encounter.recorded", where=lambda r: r.headers.get("ce_subject") == ref)
    (resource,) = json.loads(record.value)["resources"]
    for name in ("identifier", "performer", "subject"):
        assert resource["resource"][name] == sent[name]


@pytest.mark.parametrize(
    "written", [NUMBER, f"NID-{NUMBER}", f"a{NUMBER}", "১৯৮৫৯৮৭৬৫৪৩২১", f"{NUMBER}9", f"1985{NUMBER}"]
)
def test_an_outcome_shows_no_long_number_in_whatever_digits(written):
    outcome = json.dumps({"text": f"“{written}” is none"}, ensure_ascii=False).encode()
    assert NUMBER.encode() not in without_numbers(outcome)
    assert "১৯৮৫৯৮৭৬৫৪৩২".encode() not in without_numbers(outcome)


def test_an_outcome_keeps_the_ids_that_it_names():
    kept = b'{"text":"Observation/0c8f7a10-0000-4000-8000-123456789012 at 2026-11-23T10:00:00Z"}'
    assert without_numbers(kept) == kept


def test_a_health_id_that_holds_a_number_by_chance_stays():
    body = f'{{"a":"Patient/{RAHIMA}","b":"{RAHIMA[1:]}","c":"{RAHIMA[1:]} and {RAHIMA}"}}'.encode()
    assert (
        with_masks(body, [RAHIMA[1:]])
        == f'{{"a":"Patient/{RAHIMA}","b":"*******958","c":"*******958 and {RAHIMA}"}}'.encode()
    )


def test_a_short_number_hides_itself_and_nothing_that_holds_it():
    assert with_masks(b'{"a":"1234","b":"12345"}', ["1234"]) == b'{"a":"*234","b":"12345"}'


@pytest.mark.parametrize("text", [NUMBER, "১৯৮৫৯৮৭৬৫৪৩২১", "\\u0031985987654321", f"1985{NUMBER}"])
def test_a_number_is_masked_in_whatever_spelling(text):
    body = f'{{"a":"({text})"}}'.encode()
    out = json.loads(with_masks(body, ["1985-987-654-321"]))
    assert "987" not in out["a"] and "৯৮৭" not in out["a"]


def test_the_facts_of_a_contained_patient_have_her_number():
    contained = {"resourceType": "Patient", "id": "c", "identifier": [{"value": NUMBER}]}
    assert facts_of({"resourceType": "Observation", "contained": [contained]}).numbers == [NUMBER]
