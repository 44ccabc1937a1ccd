"""Invariants of clinical resources: what hospitals, laboratories and community workers record."""

from __future__ import annotations

from shr_common.fhir.rules import (
    Node,
    Rule,
    Schema,
    any_of,
    asks,
    coded,
    either,
    excludes,
    has,
    has_choice,
    has_code,
    items,
    needs,
    neither_entered_in_error,
    never,
    not_both,
)
from shr_common.fhir.times import in_order

_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem/"
_CONDITION = _TERMINOLOGY + "condition-clinical"
_CONDITION_VERIFICATION = _TERMINOLOGY + "condition-ver-status"
_ALLERGY_VERIFICATION = _TERMINOLOGY + "allergyintolerance-verification"
_ABATEMENTS = ("abatementDateTime", "abatementAge", "abatementPeriod", "abatementRange", "abatementString")
_AGES = ("ageAge", "ageRange", "ageString")
_BORN = ("bornPeriod", "bornDate", "bornString")
_RATES = ("rateRatio", "rateQuantity")


def _same_code_in_component(observation: Node) -> bool:
    if not has_choice(observation, "value"):
        return True
    code = observation.get("code")
    own = [(c.get("system"), c.get("code")) for c in items(code, "coding")] if isinstance(code, dict) else []
    inner = (component.get("code") for component in items(observation, "component"))
    return not any(
        (coding.get("system"), coding.get("code")) in own
        for concept in inner
        if isinstance(concept, dict)
        for coding in items(concept, "coding")
    )


def _abated(condition: Node) -> bool:
    status = condition.get("clinicalStatus")
    return not has_choice(condition, "abatement") or has_code(status, _CONDITION, "resolved", "remission", "inactive")


def _clinical_status_fits(node: Node, system: str, *, demanded: bool) -> bool:
    in_error = has_code(node.get("verificationStatus"), system, "entered-in-error")
    return not (has(node, "clinicalStatus") and in_error) and (not demanded or in_error or has(node, "clinicalStatus"))


def _handed_over_later(node: Node) -> bool:
    prepared, handed = node.get("whenPrepared"), node.get("whenHandedOver")
    return not isinstance(prepared, str) or not isinstance(handed, str) or in_order(prepared, handed)


def _abatement_guard() -> Schema:
    """Abated conditions with a plain clinical status pass; others are judged by the predicate."""
    return {"anyOf": [never(*_ABATEMENTS), coded("clinicalStatus", "resolved", "remission", "inactive")]}


_STATUS_IN_ERROR = "An entry in error has no clinicalStatus: leave it out."
_STATUS_IN_ERROR_BN = "ভুলে লেখা (entered-in-error) তথ্যে clinicalStatus থাকে না: এটি বাদ দিন।"
_VALUES = (
    "valueQuantity valueCodeableConcept valueString valueBoolean valueInteger valueRange valueRatio valueSampledData"
)
_VALUE_NAMES = (*_VALUES.split(), "valueTime", "valueDateTime", "valuePeriod")

CLINICAL_RULES: dict[str, tuple[Rule, ...]] = {
    "Observation": (
        Rule(
            "obs-6",
            lambda node: not (has(node, "dataAbsentReason") and has_choice(node, "value")),
            "A value and a dataAbsentReason exclude each other: leave one out.",
            "মান এবং dataAbsentReason একসাথে থাকতে পারে না: একটি বাদ দিন।",
            excludes("dataAbsentReason", *_VALUE_NAMES),
            "dataAbsentReason",
        ),
        Rule(
            "obs-7",
            _same_code_in_component,
            "The value of this code stands in a component already: leave the outer value out.",
            "এই কোডের মান component-এ আছে: বাইরের মানটি বাদ দিন।",
            {"anyOf": [excludes("component", *_VALUE_NAMES), asks("Observation", "obs-7")]},
            "component",
        ),
    ),
    "Observation.referenceRange": (any_of("obs-3", "low", "high", "text"),),
    "Condition": (
        Rule(
            "con-4",
            _abated,
            "A condition that ended has clinicalStatus inactive, resolved or remission.",
            "সমাপ্ত রোগের clinicalStatus হবে inactive, resolved বা remission।",
            _abatement_guard(),
            "clinicalStatus",
        ),
        Rule(
            "con-5",
            lambda node: _clinical_status_fits(node, _CONDITION_VERIFICATION, demanded=False),
            _STATUS_IN_ERROR,
            _STATUS_IN_ERROR_BN,
            neither_entered_in_error("verificationStatus"),
            "clinicalStatus",
        ),
    ),
    "Condition.stage": (any_of("con-1", "summary", "assessment"),),
    "Condition.evidence": (any_of("con-2", "code", "detail"),),
    "AllergyIntolerance": (
        Rule(
            "ait-1",
            lambda node: (
                _clinical_status_fits(node, _ALLERGY_VERIFICATION, demanded=True) or has(node, "clinicalStatus")
            ),
            "An allergy needs its clinicalStatus: active, inactive or resolved.",
            "অ্যালার্জির clinicalStatus দিন: active, inactive বা resolved।",
            either("clinicalStatus"),
            "clinicalStatus",
        ),
        Rule(
            "ait-2",
            lambda node: _clinical_status_fits(node, _ALLERGY_VERIFICATION, demanded=False),
            _STATUS_IN_ERROR,
            _STATUS_IN_ERROR_BN,
            neither_entered_in_error("verificationStatus"),
            "clinicalStatus",
        ),
    ),
    "FamilyMemberHistory": (
        Rule(
            "fhs-1",
            lambda node: not (has_choice(node, "age") and has_choice(node, "born")),
            "Give an age or a birth, not both.",
            "বয়স বা জন্ম যেকোনো একটি দিন।",
            {"anyOf": [never(*_AGES), never(*_BORN)]},
        ),
        Rule(
            "fhs-2",
            lambda node: not has(node, "estimatedAge") or has_choice(node, "age"),
            "estimatedAge needs an age.",
            "estimatedAge দিলে বয়সও দিন।",
            never("estimatedAge"),
            "estimatedAge",
        ),
    ),
    "Goal.target": (
        Rule(
            "gol-1",
            lambda node: not has_choice(node, "detail") or has(node, "measure"),
            "A target's detail needs its measure.",
            "লক্ষ্যের detail দিলে measure ও দিন।",
            either("measure"),
            "measure",
        ),
    ),
    "Immunization.education": (any_of("imm-1", "documentType", "reference"),),
    "MedicationAdministration.dosage": (
        Rule(
            "mad-1",
            lambda node: has(node, "dose") or has_choice(node, "rate"),
            "Give dose or rate.",
            "dose বা rate দিন।",
            either("dose", *_RATES),
        ),
    ),
    "MedicationDispense": (
        Rule(
            "mdd-1",
            _handed_over_later,
            "Handed over before it was prepared: check both times.",
            "প্রস্তুতির আগেই হস্তান্তর: দুটি সময়ই যাচাই করুন।",
            {"anyOf": [excludes("whenPrepared", "whenHandedOver"), asks("MedicationDispense", "mdd-1")]},
            "whenHandedOver",
        ),
    ),
    "RiskAssessment.prediction": (
        Rule(
            "ras-2",
            lambda node: (
                not isinstance(node.get("probabilityDecimal"), (int, float)) or node["probabilityDecimal"] <= 100
            ),
            "A probability is at most 100.",
            "সম্ভাবনা সর্বোচ্চ ১০০।",
            {"properties": {"probabilityDecimal": {"maximum": 100}}},
            "probabilityDecimal",
        ),
    ),
    "CarePlan.activity": (not_both("cpl-3", "detail", "reference"),),
    "ServiceRequest": (
        Rule(
            "prr-1",
            lambda node: not has(node, "orderDetail") or has(node, "code"),
            "orderDetail needs a code.",
            "orderDetail দিলে code ও দিন।",
            needs("orderDetail", "code"),
            "code",
        ),
    ),
}
