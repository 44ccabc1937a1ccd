"""Whatever is sent as a Patient is read or refused with places, never a fault."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shr_common.errors import Category, ShrError
from shr_healthid.domain.applicant import Applicant, read_applicant
from shr_healthid.domain.person import LocalId

TODAY = date(2026, 11, 23)
SAMPLES = Path(__file__).parents[5] / "shared"
NID = "http://dghs.gov.bd/identifier/nid"
UHID = "http://dghs.gov.bd/identifier/uhid"


def read(patient: Any) -> Applicant | ShrError:
    try:
        return read_applicant(patient, source="openmrs/1", today=TODAY)
    except ShrError as error:
        assert error.category is Category.INVALID
        assert error.issues
        assert all(issue.expression for issue in error.issues)
        return error


def rahima(**changes: Any) -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "id": "abc-1",
        "identifier": [
            {"system": UHID},
            {"system": NID, "value": "1234567890"},
            {"type": {"text": "OpenMRS ID", "coding": [{"code": "05a29f94"}]}, "value": "100GEJ"},
            {"value": "bare"},
        ],
        "name": [{"given": ["Rahima"], "family": "Khatun"}, {"use": "official", "text": "রহিমা খাতুন"}],
        "birthDate": "1985-05-20",
        **changes,
    }


def test_what_a_hospital_sends_is_read() -> None:
    applicant = read(rahima())
    assert isinstance(applicant, Applicant)
    assert [(c.kind, c.expression) for c in applicant.numbers] == [("nid", "Patient.identifier[1].value")]
    assert set(applicant.local_ids) == {
        LocalId("openmrs/1", "OpenMRS ID", "100GEJ"),
        LocalId("openmrs/1", "", "bare"),
        LocalId("openmrs/1", "", "abc-1"),
    }
    assert (applicant.demographics.name, applicant.demographics.name_bn) == ("Rahima Khatun", "রহিমা খাতুন")
    assert "1234567890" not in json.dumps(applicant.patient)


def test_a_local_id_that_repeats_the_nid_is_none() -> None:
    applicant = read(rahima(id="1234567890", identifier=[{"system": NID, "value": "1234567890"},
                                                         {"value": "1234567890"}]))  # fmt: skip
    assert isinstance(applicant, Applicant)
    assert applicant.local_ids == ()


@pytest.mark.parametrize(
    "link",
    [
        {"other": {"reference": "Patient/98000173958"}, "type": "seealso"},
        {"other": {"reference": "https://shr.gov.bd/fhir/Patient/98000173958"}, "type": "seealso"},
        {"other": {"identifier": {"system": UHID, "value": "98000173958"}}, "type": "seealso"},
        {"other": {"reference": "#mother"}, "type": "seealso"},
    ],
)
def test_a_newborn_names_her_mother_in_any_of_these_ways(link: dict[str, Any]) -> None:
    mother = {
        "resourceType": "RelatedPerson",
        "id": "mother",
        "identifier": [{"system": UHID, "value": "98000173958"}],
        "patient": {"display": "the baby"},
    }
    contained = {"contained": [mother]} if link["other"].get("reference") == "#mother" else {}
    applicant = read(rahima(identifier=[], link=[link], birthDate="2026-11-01", **contained))
    if isinstance(applicant, ShrError):  # an empty list is no valid FHIR
        patient = rahima(link=[link], birthDate="2026-11-01", **contained)
        del patient["identifier"]
        applicant = read(patient)
    assert isinstance(applicant, Applicant), applicant
    assert applicant.mother == "98000173958"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    ["identifier", "name", "birthDate", "gender", "link", "telecom", "address", "meta", "id", "contained",
     "multipleBirthInteger", "deceasedDateTime", "$where", "extension"]
)  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(FIELDS, JSON, max_size=4))
def test_nothing_sent_is_a_fault(changes: dict[str, Any]) -> None:
    read(rahima(**changes))


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=20))
def test_no_text_but_digits_is_a_number(text: str) -> None:
    found = read(rahima(identifier=[{"system": NID, "value": text}]))
    if isinstance(found, Applicant):
        assert text.isascii()
        assert text.isdigit()
        assert len(text) in (10, 13, 17)


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="real payloads are not here")
def test_real_patients_are_read_or_refused_with_places() -> None:
    seen = 0
    for file in sorted(SAMPLES.glob("**/*.json")):
        try:
            tree = json.loads(file.read_bytes())
        except ValueError:
            continue
        if isinstance(tree, dict) and tree.get("resourceType") == "Patient":
            read(tree)
            seen += 1
    assert seen > 5
    example = SAMPLES / "bd-core/examples/Patient-BDPatientExample.json"
    assert isinstance(read(json.loads(example.read_bytes())), Applicant)
