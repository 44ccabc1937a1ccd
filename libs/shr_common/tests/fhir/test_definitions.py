"""Whom a resource is about, when, what it refers to."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from shr_common.fhir.definitions import codings, date_of, instant_of, narrative, patient_paths, references
from shr_common.fhir.search_parameters import search_parameters


@pytest.mark.parametrize(
    ("resource_type", "paths"),
    [
        ("Observation", ("subject",)), ("AllergyIntolerance", ("patient",)), ("Coverage", ("beneficiary",)),
        ("Immunization", ("patient",)), ("RelatedPerson", ()), ("Practitioner", ()), ("Patient", ()), ("Task", ()),
        ("Medication", ()), ("Nonsense", ()),
    ],
)  # fmt: skip
def test_only_subject_patient_and_beneficiary_name_the_patient(resource_type: str, paths: tuple[str, ...]) -> None:
    assert patient_paths(resource_type) == paths


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        ({"effectiveDateTime": "2026-11-20T10:00:00+06:00", "issued": "2027-01-01T00:00:00Z"}, "2026-11-20T04:00:00"),
        ({"effectivePeriod": {"start": "2026-11-20", "end": "2026-11-21"}}, "2026-11-19T18:00:00"),
        ({"performedPeriod": {"end": "2026-11"}}, "2026-10-31T18:00:00"),
        ({"occurrenceDateTime": "2026"}, "2025-12-31T18:00:00"),
        ({"occurrenceString": "at birth", "recorded": "2026-01-01"}, None),
        ({"effectiveTiming": {"event": ["2026-11-20T10:00:00Z"]}}, "2026-11-20T10:00:00"),
        ({"onsetAge": {"value": 3}, "recordedDate": "2026-11-20T10:00:00"}, "2026-11-20T04:00:00"),
        ({"authoredOn": "2026-11-20T23:59:60.123Z"}, "2026-11-20T23:59:59.123000"),
        ({"period": {"start": "2026-11-20T09:30:00-05:30"}}, "2026-11-20T15:00:00"),
        ({"issued": "2026-11-20T11:00:00.5+06:00"}, "2026-11-20T05:00:00.500000"),
        ({"effectiveDateTime": "soon", "period": {}}, None), ({"effectiveDateTime": "0001"}, None),
        ({"period": 3}, None),
    ],
)  # fmt: skip
def test_the_date_of_a_resource(resource: dict[str, Any], expected: str | None) -> None:
    found = date_of(resource)
    assert found == (datetime.fromisoformat(expected).replace(tzinfo=UTC) if expected else None)


def test_what_is_no_date_has_no_instant() -> None:
    assert instant_of("2026-02-30") is None
    assert instant_of("২০২৬") is None


def test_references_and_codings_are_found_by_type(examples: dict[str, Any]) -> None:
    assert list(references(examples["encounter"])) == [
        ("subject", "Patient/98000000003"),
        ("participant[0].individual", "Practitioner/A-5512"),
        ("serviceProvider", "Organization/10000001"),
    ]
    assert [path for path, _ in codings(examples["encounter"])] == ["class"]
    assert [path for path, _ in codings(examples["condition"])] == [
        "clinicalStatus.coding[0]", "verificationStatus.coding[0]", "code.coding[0]", "code.coding[1]",
    ]  # fmt: skip
    assert [path for path, _ in codings(examples["patient"])] == ["meta.tag[0]"]


def test_references_hide_nowhere() -> None:
    reference = {"reference": "Patient/1"}
    extension = [{"url": "x", "extension": [{"url": "y", "valueReference": reference}]}]
    resource = {
        "resourceType": "MedicationRequest",
        "contained": [{"resourceType": "Medication", "ingredient": [{"itemReference": reference}]}],
        "status": "active",
        "_status": {"extension": extension},
        "subject": {"identifier": {"value": "1", "assigner": reference}},
        "dosageInstruction": [{"maxDosePerLifetime": {"extension": extension}, "subject": reference}],
        "nonsense": {"reference": "Patient/9"},
    }
    assert [path for path, _ in references(resource)] == [
        "contained[0].ingredient[0].itemReference",
        "_status.extension[0].extension[0].valueReference",
        "subject.identifier.assigner",
        "dosageInstruction[0].maxDosePerLifetime.extension[0].extension[0].valueReference",
    ]
    assert list(references({"resourceType": "Nonsense", "subject": reference})) == []


def test_narrative(examples: dict[str, Any]) -> None:
    assert "রাহেলা" in (narrative(examples["patient"]) or "")
    assert narrative({"text": "x"}) is None


def test_search_parameters_come_with_json_paths() -> None:
    observation = search_parameters("Observation")
    assert observation["patient"].targets == ("Patient",)
    assert observation["date"].paths == ("effectiveDateTime", "effectiveInstant", "effectivePeriod", "effectiveTiming")
    assert observation["value-quantity"].kind == "quantity"
    assert search_parameters("Patient")["birthdate"].paths == ("birthDate",)
    assert search_parameters("Encounter")["_lastUpdated"].paths == ("meta.lastUpdated",)
    with pytest.raises(KeyError):
        search_parameters("Nonsense")
