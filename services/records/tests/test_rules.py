"""The pure rules, over values."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shr_common.identifiers import health_id, is_issuable_base
from shr_records.domain import bd_core
from shr_records.domain.people import Named, Person, named_people, number_keys, resolve, uhid_key
from shr_records.domain.reading import Limits, Reading, read
from shr_records.domain.receipt import same_content
from shr_records.domain.sensitivity import label_of
from shr_records.domain.served import served, with_masks
from shr_records.domain.submission import Submission, format_of, resource_id, source_name, submission_key
from shr_records.domain.verdict import judge
from shr_records.storage.people import KnownPeople

RAHIMA, KARIM, SALMA = "98000173958", "98001046534", "98002412586"
SOURCE = "aalo/7"


def hash_of(kind: str, text: str) -> str:
    return f"{kind}#{text}"


def reading_of(*resources: dict[str, Any], type: str = "collection", key: str | None = None) -> Reading:
    entries = [{"fullUrl": f"urn:uuid:{uuid.UUID(int=n + 1)}", "resource": one} for n, one in enumerate(resources)]
    if type in ("transaction", "batch"):
        for entry in entries:
            entry["request"] = {"method": "POST", "url": entry["resource"]["resourceType"]}
    body = json.dumps({"resourceType": "Bundle", "type": type, "entry": entries}).encode()
    return read(Submission(SOURCE, body, datetime(2026, 11, 23, tzinfo=UTC), key=key), limits=Limits())


def about(subject: dict[str, Any] | None, **more: Any) -> dict[str, Any]:
    made = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}} | more
    return made | ({"subject": subject} if subject else {})


def patient(*identifiers: tuple[str, str], **more: Any) -> dict[str, Any]:
    listed = [{"system": f"http://dghs.gov.bd/identifier/{kind}", "value": value} for kind, value in identifiers]
    return {"resourceType": "Patient", "identifier": listed} | more


def known(**lookups: tuple[str, ...]) -> KnownPeople:
    made = KnownPeople()
    for person in (RAHIMA, KARIM):
        made.persons[person] = Person(person)
        made.lookups[uhid_key(person)] = (person,)
    made.lookups |= {key.replace("__", ":"): persons for key, persons in lookups.items()}
    return made


def verdict_of(reading: Reading, directory: KnownPeople) -> Any:
    assert reading.refused is None, reading.issues
    return judge(reading, named_people(reading, hash_of), directory)


FIRST = {"reference": f"urn:uuid:{uuid.UUID(int=1)}"}


@pytest.mark.parametrize(
    "resources",
    [
        [about({"reference": f"Patient/{RAHIMA}"})],
        [about({"reference": f"https://shr.example/fhir/Patient/{RAHIMA}"})],
        [about({"reference": f"Patient/{RAHIMA}/_history/3"})],
        [about({"identifier": {"system": "http://dghs.gov.bd/identifier/uhid", "value": RAHIMA}})],
        [about({"identifier": {"system": "http://dghs.gov.bd/identifier/nid", "value": "1990123456789"}})],
        [about({"identifier": {"system": "http://dghs.gov.bd/identifier/nid", "value": "১৯৯০১২৩৪৫৬৭৮৯"}})],
        [patient(("uhid", RAHIMA)), about(FIRST)],
        [patient(("nid", "1990123456789")), about(FIRST)],
        [patient(("uhid", RAHIMA))],
        [patient(("uhid", RAHIMA)), about(None)],
        [about({"reference": "Patient/abc", "identifier": {"value": "MRN-1"}})],
        [about({"reference": "Patient/abc"}), about({"reference": "Patient/abc", "identifier": {"value": "MRN-1"}})],
    ],
)
def test_every_way_of_naming_a_person_leads_to_her(resources):
    directory = known()
    directory.lookups[number_keys("nid", "1990123456789", hash_of)[0]] = (RAHIMA,)
    directory.lookups["local:local#aalo/7\n*\nMRN-1"] = (RAHIMA,)
    verdict = verdict_of(reading_of(*resources), directory)
    assert [part.person for part in verdict.parts] == [RAHIMA]


def test_a_health_id_outweighs_a_local_id():
    subject = {"reference": f"Patient/{RAHIMA}", "identifier": {"value": "MRN-1"}}
    directory = known()
    directory.lookups["local:local#aalo/7\n\nMRN-1"] = (KARIM,)
    assert verdict_of(reading_of(about(subject)), directory).person == RAHIMA


def test_numbers_of_two_persons_in_one_patient_are_a_contradiction():
    directory = known()
    directory.lookups[number_keys("nid", "1990123456789", hash_of)[0]] = (KARIM,)
    verdict = verdict_of(reading_of(patient(("uhid", RAHIMA), ("nid", "1990123456789")), about(FIRST)), directory)
    assert [issue.rule for issue in verdict.issues] == ["identity-contradiction"]


def test_mother_and_child_in_a_birth_are_not_two_people():
    child = about({"reference": f"Patient/{RAHIMA}"}, performer=[{"reference": f"Patient/{KARIM}"}])
    mother = {"resourceType": "RelatedPerson", "patient": {"reference": f"Patient/{RAHIMA}"}}
    verdict = verdict_of(reading_of(child, mother, type="transaction"), known())
    assert verdict.person == RAHIMA and not verdict.issues


def test_a_medicine_that_two_people_take_stands_in_both_records():
    medicine = {"resourceType": "Medication", "id": "m1"}
    both = reading_of(about({"reference": f"Patient/{RAHIMA}"}), about({"reference": f"Patient/{KARIM}"}), medicine)
    parts = verdict_of(both, known()).parts
    assert [[entry.type for entry in part.entries] for part in parts] == [["Observation", "Medication"]] * 2


def test_a_batch_of_two_people_must_say_whom_each_entry_is_about():
    both = reading_of(about({"reference": f"Patient/{RAHIMA}"}), about({"reference": f"Patient/{KARIM}"}), about(None))
    assert [issue.expression for issue in verdict_of(both, known()).issues] == ["Bundle.entry[2].resource"]


@given(st.lists(st.sampled_from([RAHIMA, KARIM, SALMA]), min_size=1, max_size=4))
def test_nothing_is_ever_recorded_for_somebody_who_is_not_named(people):
    reading = reading_of(*[about({"reference": f"Patient/{one}"}) for one in people])
    verdict = verdict_of(reading, known())
    assert {part.person for part in verdict.parts} <= set(people)
    assert bool(verdict.waiting) == (SALMA in people)


def test_resolution_follows_merges():
    directory = known(uhid__9=("a",))
    directory.persons |= {"a": Person("a", to="b"), "b": Person("b", to=RAHIMA)}
    assert directory.current("a") == RAHIMA
    assert resolve(Named(keys=["uhid:9"]), directory).person == "a"


@pytest.mark.parametrize(
    ("resource", "rule"),
    [
        (patient(("uhid", "98000173950")), "identifier-uhid"),
        (patient(("nid", "123")), "identifier-nid"),
        (patient(("brn", "1990123456789")), "identifier-brn"),
        (patient(birthDate="2030-01-01"), "birth-date"),
        (patient(birthDate="1700-01-01"), "birth-date"),
        ({"resourceType": "Patient", "identifier": [{"system": "https://dghs.gov.bd/identifier/nid", "value": "1"}]},
         "identifier-system"),
        (about({"reference": "Patient/98000173950"}), "identifier-uhid"),
    ],
)  # fmt: skip
def test_identity_rules_are_errors_in_both_languages(resource, rule):
    (found,) = [one for one in bd_core.findings([("X", resource)], on=date(2026, 11, 23)) if one.severity == "error"]
    assert found.rule == rule and found.expression and found.text_bn


def test_a_claimed_profile_turns_its_findings_into_errors():
    claimed = about(None, meta={"profile": [bd_core.PROFILES + "bd-observation"]})
    assert {one.severity for one in bd_core.findings([("X", claimed)], on=date(2026, 11, 23))} == {"error"}
    assert {one.severity for one in bd_core.findings([("X", about(None))], on=date(2026, 11, 23))} == {"warning"}


@given(st.integers(min_value=9_100_000_000, max_value=9_999_999_999).filter(lambda n: is_issuable_base(str(n))))
def test_every_health_id_that_can_be_issued_is_accepted(base):
    found = list(bd_core.identifier_findings("X", {"system": bd_core.UHID, "value": health_id(str(base))}))
    assert found == []


@given(st.text(max_size=20), st.text(max_size=20), st.text(max_size=20))
def test_ids_are_stable_valid_and_of_their_source(source, kind, sent):
    made = resource_id(source, kind, sent)
    assert made == resource_id(source, kind, sent) == str(uuid.UUID(made))
    assert uuid.UUID(made).version == 5
    assert made != resource_id(source + "x", kind, sent)
    assert submission_key(source, sent) != submission_key(source + "x", sent)


def test_names_of_sources_and_formats():
    assert source_name("openmrs") == "openmrs/unknown"
    assert source_name("openmrs/10000001") == "openmrs/10000001"
    assert format_of(None) == format_of("bd.gov.dghs.encounter.submitted.v1") == "fhir.bundle"
    assert format_of("bd.gov.dghs.openmrs.bundle.v1") == "openmrs.bundle"
    assert format_of("org.example") == "org.example"


def test_the_same_submission_may_change_its_time_stamps_only():
    one = b'{"resourceType":"Bundle","timestamp":"1","entry":[{"resource":{"meta":{"lastUpdated":"a"},"x":1}}]}'
    two = b'{"entry":[{"resource":{"x":1,"meta":{"lastUpdated":"b"}}}],"timestamp":"2","resourceType":"Bundle"}'
    assert same_content(one, two)
    assert not same_content(one, two.replace(b'"x":1', b'"x":2'))


@given(st.decimals(allow_nan=False, allow_infinity=False, places=3), st.text(max_size=30))
def test_served_bytes_keep_what_was_sent(number, text):
    raw = f'{{"resourceType":"Observation","valueString":{json.dumps(text)},"valueX":{number:f}}}'.encode()
    out = served(raw, json.loads(raw), id="i", meta={"versionId": "1"}, references={})
    assert f'"valueX":{number:f}'.encode() in out
    assert json.dumps(text).encode() in out


def test_a_number_is_masked_wherever_it_is_repeated():
    out = with_masks(b'{"a":"NID 1990123456789","b":[1990123456789],"c":"x"}', ["1990123456789"])
    assert out == b'{"a":"NID **********789","b":[1990123456789],"c":"x"}'


def test_sensitive_code_sets():
    assert label_of(("http://hl7.org/fhir/sid/icd-10", "F32.1")) == "PSY"
    assert label_of(("http://hl7.org/fhir/sid/icd-10", "F10.2")) == "ETH"
    assert label_of(("http://hl7.org/fhir/sid/icd-10", "E11.9")) is None
    assert label_of(("urn:other", "B20")) is None
