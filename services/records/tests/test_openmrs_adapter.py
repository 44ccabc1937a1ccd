"""OpenMRS's FHIR module as it really writes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from shr_local.demo.visit import openmrs_visit
from shr_records.domain.reading import Limits, Reading, read
from shr_records.domain.submission import Submission

SAMPLES = Path(__file__).resolve().parents[4] / "shared/samples/openmrs"
NOT_FHIR = {"Patient_json_patch.json", "bahmni_rest_v1_patient.json", "eip_dbsync_person_create.json"}
BROKEN = {"PractitionerWebTest_create.json"}  # a reference to a Name, which is no resource


def adapted(body: bytes | dict[str, Any], format: str = "openmrs.bundle") -> Reading:
    raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    submission = Submission("openmrs/10000001", raw, datetime(2026, 11, 23, tzinfo=UTC), format=format)
    return read(submission, limits=Limits())


def one(resource: dict[str, Any], format: str = "openmrs.bundle") -> Reading:
    return adapted({"resourceType": "Bundle", "type": "collection", "entry": [{"resource": resource}]}, format)


OBSERVATION = {
    "resourceType": "Observation",
    "status": "final",
    "code": {"coding": [{"code": "5085AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "display": "Systolic"}]},
    "subject": {"reference": "Patient/5946f880-b197-400b-9caa-a3c661d23041"},
    "effectiveDateTime": "2026-11-20T10:00:00+0600",
}


@pytest.mark.parametrize("format", ["openmrs.bundle", "fhir.bundle"])
def test_padded_concepts_get_their_system_and_what_they_mean_beside_it(format):
    reading = one(OBSERVATION | {"valueQuantity": {"value": 142, "unit": "mmHg"}}, format)
    assert reading.refused is None, reading.issues
    resource = json.loads(bytes(reading.entries[0].raw))
    assert [(c["system"], c["code"]) for c in resource["code"]["coding"]] == [
        ("http://openmrs.org/concepts", "5085AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        ("https://openconceptlab.org/orgs/CIEL/sources/CIEL", "5085"),
        ("http://loinc.org", "8480-6"),
    ]
    assert resource["valueQuantity"] == {
        "value": 142, "unit": "mmHg", "system": "http://unitsofmeasure.org", "code": "mm[Hg]",
    }  # fmt: skip
    assert resource["effectiveDateTime"] == "2026-11-20T10:00:00+06:00"


def test_numbers_keep_their_zeros():
    raw = json.dumps(OBSERVATION | {"valueQuantity": {"value": 1, "unit": "kg"}}).replace(
        '"value": 1', '"value": 61.50'
    )
    bundle = f'{{"resourceType":"Bundle","type":"collection","entry":[{{"resource":{raw}}}]}}'
    assert b'"value":61.50' in bytes(adapted(bundle.encode()).entries[0].raw)


def test_what_cannot_be_mapped_is_kept_and_said():
    code = {"coding": [{"code": "b3f1d1a8-6c1e-4c39-9f5b-2f6a7c1d0e11"}]}
    reading = one(OBSERVATION | {"code": code, "valueQuantity": {"value": 3, "unit": "handfuls"}, "mood": "good"})
    resource = json.loads(bytes(reading.entries[0].raw))
    assert resource["code"]["coding"][0]["system"] == "http://openmrs.org/concepts"
    assert resource["valueQuantity"]["unit"] == "handfuls" and "code" not in resource["valueQuantity"]
    assert json.loads(resource["extension"][0]["valueString"]) == {"mood": "good"}
    said = {issue.rule for issue in reading.warnings}
    assert {"openmrs-local-concept", "openmrs-unit", "openmrs-unmapped"} <= said
    assert all(issue.text_bn for issue in reading.warnings)


def test_what_calls_itself_fhir_keeps_its_real_mistakes():
    reading = one(OBSERVATION | {"mood": "good"}, "fhir.bundle")
    assert [issue.expression for issue in reading.issues] == ["Bundle.entry[0].resource.mood"]


def test_search_results_and_bare_resources_are_taken_as_collections():
    searchset = {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": 1,
        "link": [],
        "entry": [{"resource": OBSERVATION}],
    }
    assert adapted(searchset).bundle_type == "collection"
    assert adapted(OBSERVATION).bundle_type == "collection"


def test_the_visit_of_the_demonstration_is_understood():
    reading = adapted(openmrs_visit(local_id="100GEJ", at=datetime(2026, 11, 23, tzinfo=UTC)))
    assert reading.refused is None
    assert len(reading.entries) == 10


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the samples lie beside the project")
@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.json")), ids=lambda path: path.name)
def test_real_payloads_are_taken_or_explained(path):
    reading = adapted(path.read_bytes())
    if path.name in NOT_FHIR | BROKEN:
        assert reading.refused is not None
        assert all(issue.expression or issue.diagnostics for issue in reading.issues)
    else:
        assert reading.refused is None, reading.issues
