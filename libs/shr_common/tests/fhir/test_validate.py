"""Findings of R4 validation on this project's own resources: what is refused, where, and in which words."""
# ruff: noqa: E501  (tables read better one case a line)

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from shr_common.errors import Issue
from shr_common.fhir.definitions import RESOURCE_TYPES
from shr_common.fhir.validate import validate

Path = list[str | int]
DELETE = object()


def changed(resource: dict[str, Any], path: Path, value: Any) -> dict[str, Any]:
    """A copy with one place set (or deleted)."""
    copied = copy.deepcopy(resource)
    node: Any = copied
    for step in path[:-1]:
        node = node[step]
    if value is DELETE:
        del node[path[-1]]
    else:
        node[path[-1]] = value
    return copied


def only(issues: list[Issue]) -> Issue:
    assert len(issues) == 1, [(issue.rule, issue.expression) for issue in issues]
    return issues[0]


def test_own_examples_are_valid(examples: dict[str, Any]) -> None:
    for name, resource in examples.items():
        assert validate(resource) == [], name


ONE_FINDING: list[tuple[str, Path, Any, str, str]] = [
    ("encounter", ["status"], "done", "binding", "Encounter.status"),
    ("encounter", ["status"], DELETE, "required", "Encounter.status"),
    ("encounter", ["class"], DELETE, "required", "Encounter.class"),
    ("encounter", ["reasonCode"], {"text": "x"}, "cardinality", "Encounter.reasonCode"),
    ("encounter", ["subject"], [{"display": "x"}], "cardinality", "Encounter.subject"),
    ("encounter", ["$where"], "1", "unknown-element", "Encounter.$where"),
    ("encounter", ["subjct"], {"display": "x"}, "unknown-element", "Encounter.subjct"),
    ("encounter", ["period", "end"], "2026-11-20T09:00:00+06:00", "per-1", "Encounter.period"),
    ("encounter", ["period", "end"], "2026-11-31", "dateTime", "Encounter.period.end"),
    ("encounter", ["period", "end"], "2026-11-20T10:30:00", "dateTime", "Encounter.period.end"),
    ("encounter", ["period", "end"], "2026-11-20\n", "dateTime", "Encounter.period.end"),
    ("encounter", ["participant"], [], "empty", "Encounter.participant"),
    ("encounter", ["participant", 0], None, "empty", "Encounter.participant[0]"),
    ("encounter", ["participant", 0], {}, "empty", "Encounter.participant[0]"),
    ("encounter", ["period"], None, "empty", "Encounter.period"),
    ("encounter", ["period"], {"id": "p"}, "empty", "Encounter.period"),
    ("encounter", ["subject"], "Patient/1", "type", "Encounter.subject"),
    ("encounter", ["subject", "reference"], "98000000003", "reference", "Encounter.subject.reference"),
    ("encounter", ["subject", "reference"], "Patint/1", "reference", "Encounter.subject.reference"),
    ("encounter", ["subject", "reference"], "#p", "ref-1", "Encounter.subject.reference"),
    ("encounter", ["subject"], {"type": "Patient"}, "reference", "Encounter.subject"),
    ("encounter", ["id"], "a b", "id", "Encounter.id"),
    ("encounter", ["id"], "x" * 65, "id", "Encounter.id"),
    ("encounter", ["language"], " bn", "code", "Encounter.language"),
    ("encounter", ["implicitRules"], "urn:uuid:123", "uri", "Encounter.implicitRules"),
    ("patient", ["birthDate"], "1990-02-29", "date", "Patient.birthDate"),
    ("patient", ["birthDate"], "28-02-1990", "date", "Patient.birthDate"),
    ("patient", ["birthDate"], 1990, "date", "Patient.birthDate"),
    ("patient", ["active"], "true", "boolean", "Patient.active"),
    ("patient", ["gender"], "F", "binding", "Patient.gender"),
    ("patient", ["telecom", 0, "rank"], 0, "positiveInt", "Patient.telecom[0].rank"),
    ("patient", ["telecom", 0, "rank"], 1.5, "positiveInt", "Patient.telecom[0].rank"),
    ("patient", ["telecom", 0, "rank"], 2**31, "positiveInt", "Patient.telecom[0].rank"),
    ("patient", ["telecom", 0, "system"], DELETE, "cpt-2", "Patient.telecom[0].system"),
    ("patient", ["name", 0, "given", 1], "", "string", "Patient.name[0].given[1]"),
    ("patient", ["name", 0, "_given"], [None, {"extension": [{"url": "x", "valueCode": "y"}]}, None], "extensions-of-a-list", "Patient.name[0]._given"),
    ("patient", ["_gender"], {}, "empty", "Patient._gender"),
    ("patient", ["_gender"], {"value": 1, "id": "x"}, "unknown-element", "Patient._gender.value"),
    ("patient", ["deceasedDateTime"], "2020", "choice", "Patient.deceasedDateTime"),
    ("patient", ["contact"], [{"gender": "male"}], "pat-1", "Patient.contact[0]"),
    ("patient", ["extension"], [{"url": "http://x.org"}], "ext-1", "Patient.extension[0]"),
    ("patient", ["extension"], [{"valueString": "x"}], "required", "Patient.extension[0].url"),
    ("patient", ["photo"], [{"contentType": "image/png", "data": "a"}], "base64Binary", "Patient.photo[0].data"),
    ("patient", ["photo"], [{"data": "SGVsbG8="}], "att-1", "Patient.photo[0].contentType"),
    ("patient", ["text", "div"], "<div><script>x</script></div>", "txt-1", "Patient.text.div"),
    ("patient", ["text", "status"], "ok", "binding", "Patient.text.status"),
    ("observation-laboratory", ["valueString"], "high", "choice", "Observation.valueString"),
    ("observation-laboratory", ["dataAbsentReason"], {"text": "x"}, "obs-6", "Observation.dataAbsentReason"),
    ("observation-laboratory", ["valueQuantity", "value"], "11.2", "decimal", "Observation.valueQuantity.value"),
    ("observation-laboratory", ["valueQuantity", "value"], True, "decimal", "Observation.valueQuantity.value"),
    ("observation-laboratory", ["valueQuantity", "system"], DELETE, "qty-3", "Observation.valueQuantity.system"),
    ("observation-laboratory", ["issued"], "2026-11-20", "instant", "Observation.issued"),
    ("observation-laboratory", ["code"], DELETE, "required", "Observation.code"),
    ("observation-laboratory", ["referenceRange"], [{"appliesTo": [{"text": "x"}]}], "obs-3", "Observation.referenceRange[0]"),
    ("condition", ["clinicalStatus", "coding", 0, "code"], "active", "con-4", "Condition.clinicalStatus"),
    ("allergy", ["clinicalStatus", "coding", 0, "code"], "gone", "binding", "AllergyIntolerance.clinicalStatus"),
    ("condition", ["verificationStatus", "coding", 0, "code"], "entered-in-error", "con-5", "Condition.clinicalStatus"),
    ("condition", ["stage"], [{"type": {"text": "x"}}], "con-1", "Condition.stage[0]"),
    ("allergy", ["clinicalStatus"], DELETE, "ait-1", "AllergyIntolerance.clinicalStatus"),
    ("allergy", ["reaction", 0, "manifestation"], DELETE, "required", "AllergyIntolerance.reaction[0].manifestation"),
    ("immunization", ["occurrenceString"], DELETE, "required", "Immunization.occurrenceDateTime"),
    ("medication-request", ["subject", "reference"], "#no", "ref-1", "MedicationRequest.subject.reference"),
    ("medication-request", ["contained", 0, "meta"], {"versionId": "1"}, "dom-4", "MedicationRequest.contained[0]"),
    ("medication-request", ["contained", 0, "colour"], "red", "unknown-element", "MedicationRequest.contained[0].colour"),
    ("medication-request", ["dispenseRequest", "quantity", "comparator"], "<", "unknown-element", "MedicationRequest.dispenseRequest.quantity.comparator"),
    ("medication-request", ["dosageInstruction", 0, "timing", "repeat", "periodUnit"], DELETE, "tim-2", "MedicationRequest.dosageInstruction[0].timing.repeat.periodUnit"),
    ("parameters", ["parameter", 0, "resource", "gender"], "x", "binding", "Parameters.parameter[0].resource.gender"),
    ("parameters", ["parameter", 1, "resource"], {"resourceType": "Basic", "code": {"text": "x"}}, "inv-1", "Parameters.parameter[1]"),
    ("diagnostic-report", ["resourceType"], "Report", "resource-type", "resourceType"),
    ("diagnostic-report", ["resourceType"], DELETE, "resource-type", "resourceType"),
    ("bundle-visit", ["entry", 2, "resource", "status"], "x", "binding", "Bundle.entry[2].resource.status"),
    ("bundle-visit", ["entry", 2, "resource", "foo"], 1, "unknown-element", "Bundle.entry[2].resource.foo"),
    ("bundle-visit", ["entry", 2, "resource", "resourceType"], "Foo", "resource-type", "Bundle.entry[2].resource.resourceType"),
    ("bundle-visit", ["entry", 2, "request"], DELETE, "bdl-3", "Bundle.entry[2].request"),
    ("bundle-visit", ["entry", 2, "response"], {"status": "200"}, "bdl-4", "Bundle.entry[2].response"),
    ("bundle-visit", ["entry", 2, "fullUrl"], "Patient/1", "full-url", "Bundle.entry[2].fullUrl"),
    ("bundle-visit", ["entry", 2, "fullUrl"], "urn:uuid:0bc1162b-0a9d-484e-a7d8-69583ad14a5f", "bdl-7", "Bundle.entry[2].fullUrl"),
    ("bundle-visit", ["entry", 2, "request", "method"], "post", "binding", "Bundle.entry[2].request.method"),
    ("bundle-visit", ["total"], 8, "bdl-1", "Bundle.total"),
    ("bundle-visit", ["type"], DELETE, "required", "Bundle.type"),
    ("bundle-visit", ["entry"], {}, "cardinality", "Bundle.entry"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "path", "value", "rule", "expression"), ONE_FINDING)
def test_one_mistake_gives_one_located_finding(
    examples: dict[str, Any], name: str, path: Path, value: Any, rule: str, expression: str
) -> None:
    issue = only(validate(changed(examples[name], path, value)))
    assert (issue.rule, issue.expression) == (rule, expression)
    assert issue.severity == "error"
    assert issue.code is not None
    assert issue.text_bn is not None and any("ঀ" <= letter <= "৿" for letter in issue.text_bn)


def test_the_callers_path_is_the_prefix(examples: dict[str, Any]) -> None:
    broken = changed(examples["encounter"], ["status"], "done")
    assert only(validate(broken, at="Bundle.entry[4].resource")).expression == "Bundle.entry[4].resource.status"


def test_entries_can_be_left_to_the_caller(examples: dict[str, Any]) -> None:
    broken = changed(examples["bundle-visit"], ["entry", 0, "resource", "foo"], 1)
    assert validate(broken, entries=False) == []
    assert only(validate(changed(broken, ["total"], 8), entries=False)).rule == "bdl-1"


def test_words_say_what_was_found_and_what_is_needed(examples: dict[str, Any]) -> None:
    assert only(validate(changed(examples["encounter"], ["status"], "finshed"))).text == (
        "“finshed” is not one of the codes that FHIR R4 admits here: arrived, cancelled, entered-in-error, finished, "
        "in-progress, onleave, planned, triaged, unknown. Did you mean “finished”?"
    )
    unknown = only(validate(changed(examples["encounter"], ["subjct"], 1)))
    assert "Did you mean “subject”?" in unknown.text
    impossible = only(validate(changed(examples["patient"], ["birthDate"], "2026-02-30")))
    assert impossible.text == "“2026-02-30” is not a valid date: a day that exists in the calendar is needed."


def test_found_values_are_cut_short(examples: dict[str, Any]) -> None:
    secret = "My neighbour told the nurse a very long story about herself"
    for path in (["status"], ["id"], ["language"], ["subject"], ["subject", "reference"]):
        for issue in validate(changed(examples["encounter"], path, secret + " ")):
            assert secret not in issue.text and secret not in (issue.text_bn or "")
    for issue in validate(changed(examples["encounter"], [secret], 1)):
        assert secret not in issue.text


def test_many_findings_are_all_given_up_to_a_thousand(examples: dict[str, Any]) -> None:
    broken = changed(examples["encounter"], ["participant"], [{"foo": 1} for _ in range(3000)])
    assert len(validate(broken)) == 1000
    assert len(validate(changed(examples["encounter"], ["participant"], [{"foo": 1, "bar": 2}] * 3))) == 6


def test_a_bundle_of_ten_thousand_bad_entries_stays_bounded() -> None:
    bundle = {"resourceType": "Bundle", "type": "batch", "entry": [{"fullUrl": "x", "foo": 1}] * 10_000}
    assert len(validate(bundle)) == 1000


@pytest.mark.parametrize("value", [None, [], "x", 1, {}, {"resourceType": 3}, {"resourceType": []}])
def test_what_is_no_resource_is_refused(value: Any) -> None:
    assert validate(value)


def test_every_resource_type_compiles_and_refuses_an_unknown_element() -> None:
    assert len(RESOURCE_TYPES) == 146
    for name in sorted(RESOURCE_TYPES):
        issues = validate({"resourceType": name, "noSuchElement": 1})
        assert f"{name}.noSuchElement" in [issue.expression for issue in issues]


@pytest.mark.parametrize("deep", [20])
def test_nested_extensions_are_walked(examples: dict[str, Any], deep: int) -> None:
    extension: dict[str, Any] = {"url": "http://x.org", "valueString": ""}
    for _ in range(deep):
        extension = {"url": "http://x.org", "extension": [extension]}
    issue = only(validate(changed(examples["patient"], ["extension"], [extension])))
    assert issue.expression == "Patient.extension[0]" + ".extension[0]" * deep + ".valueString"


@pytest.mark.parametrize(
    ("date", "valid"),
    [
        ("2024-02-29", True), ("2023-02-29", False), ("2000-02-29", True), ("1900-02-29", False), ("2026-04-31", False),
        ("0000", False), ("0001", True), ("2026-13", False), ("2026-00-10", False), ("26-01-01", False), ("২০২৬", False),
        ("2026-11-23T24:00:00Z", False), ("2026-11-23T23:59:60Z", True), ("2026-11-23T10:00Z", False),
        ("2026-11-23T10:00:00+14:00", True), ("2026-11-23T10:00:00+14:30", False), ("2026-11-23t10:00:00z", False),
    ],
)  # fmt: skip
def test_dates_are_those_of_the_calendar(examples: dict[str, Any], date: str, valid: bool) -> None:
    assert (validate(changed(examples["condition"], ["recordedDate"], date)) == []) == valid


def test_json_round_trip_of_issues_has_no_markup(examples: dict[str, Any]) -> None:
    issue = only(validate(changed(examples["patient"], ["text", "div"], "<div onclick='x()'>a</div>")))
    assert json.dumps(issue.text)
    assert "attribute onclick" in issue.text
