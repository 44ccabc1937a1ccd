"""One line of a profile from one resource: what a doctor or a citizen reads first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from shr_gateway.domain.values import Decimal, Resource, codings, first, reference_of, words_of

TEXT_LIMIT = 500
Neighbours = Mapping[str, Resource]
"""Resources of the same submission by reference, and contained ones by ``#id``."""

MAIN_CODE = {
    "Immunization": "vaccineCode",
    "Encounter": "type",
    "DocumentReference": "type",
    "Composition": "type",
    "ImagingStudy": "procedureCode",
    "Appointment": "serviceType",
    "Communication": "topic",
    "CarePlan": "category",
    "Goal": "description",
}


def main_concept(resource: Resource, near: Neighbours) -> Any:
    """The concept that names it."""
    type_ = resource["resourceType"]
    if type_.startswith("Medication"):
        concept = resource.get("medicationCodeableConcept")
        if concept is None:
            reference = reference_of(resource.get("medicationReference"))
            concept = (near.get(reference or "") or {}).get("code")
        return concept
    return resource.get(MAIN_CODE.get(type_, "code"))


def item_of(resource: Resource, *, reference: str, source: str, facility: str | None, date: str | None,
            section: str, near: Neighbours) -> tuple[bytes, str | None]:  # fmt: skip
    """The item as JSON bytes, and the ``system|code`` under which its name in Bangla is looked up."""
    concept = main_concept(resource, near)
    coding = next(codings(concept), None)
    item: dict[str, Any] = {
        "display": None if _is_bare(concept) else _display(resource, concept),
        "code": None if coding is None else {k: coding[k] for k in ("system", "code", "display") if k in coding},
        "date": date,
        "facility": facility,
        "source": source,
        "reference": reference,
        "type": resource["resourceType"],
        "section": section,
    }
    status = resource.get("status") or words_of(resource.get("clinicalStatus"))
    if status:
        item["status"] = status
    extras = _EXTRAS.get(resource["resourceType"])
    if extras is not None:
        item.update((name, value) for name, value in extras(resource).items() if value not in (None, "", []))
    key = f"{coding.get('system', '')}|{coding.get('code', '')}" if coding is not None else None
    return orjson.dumps(item), key


def _is_bare(concept: Any) -> bool:
    """Whether a concept is told by codes alone: terminology names it when it is read."""
    concept = first(concept)
    if not isinstance(concept, dict) or concept.get("text"):
        return False
    found = list(codings(concept))
    return bool(found) and not any(coding.get("display") for coding in found)


def _display(resource: Resource, concept: Any) -> str:
    said = words_of(concept)
    if said is None and resource["resourceType"].startswith("Medication"):
        said = (resource.get("medicationReference") or {}).get("display")
    if said is None and resource["resourceType"] == "Encounter":
        said = words_of(resource.get("serviceType")) or words_of(resource.get("class"))
    if said is None:
        said = next((resource[n] for n in ("title", "description") if isinstance(resource.get(n), str)), None)
    return _short(said or resource["resourceType"]) or ""


def _short(text: Any) -> str | None:
    return text[:TEXT_LIMIT] if isinstance(text, str) and text else None


def _number(value: Any) -> Any:
    return orjson.Fragment(value.encode()) if isinstance(value, Decimal) else value


def _quantity(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or "value" not in value:
        return {}
    comparator = value.get("comparator")
    shown = f"{comparator} {value['value']}" if comparator else _number(value["value"])
    return {"value": shown, "unit": value.get("unit") or value.get("code")}


def _value(resource: Mapping[str, Any]) -> dict[str, Any]:
    if "valueQuantity" in resource:
        return _quantity(resource["valueQuantity"])
    if "valueCodeableConcept" in resource:
        return {"value": _short(words_of(resource["valueCodeableConcept"]))}
    for name in ("valueString", "valueDateTime", "valueTime"):
        if name in resource:
            return {"value": _short(resource[name])}
    for name in ("valueInteger", "valueBoolean"):
        if name in resource:
            return {"value": resource[name]}
    return {}


def _observation(resource: Resource) -> dict[str, Any]:
    said = _value(resource)
    parts = [
        {"display": words_of(part.get("code")), **_value(part), "flag": _flag(part)}
        for part in resource.get("component") or ()
    ]
    limits = first(resource.get("referenceRange")) or {}
    low, high = (limits.get(side) or {} for side in ("low", "high"))
    return {
        **said,
        "flag": _flag(resource),
        "low": _number(low.get("value")),
        "high": _number(high.get("value")),
        "range": _short(limits.get("text")) or _range(low.get("value"), high.get("value")),
        "components": [{k: v for k, v in part.items() if v not in (None, "")} for part in parts],
        "categories": [coding.get("code") for coding in codings(resource.get("category"))],
    }


def _range(low: Any, high: Any) -> str | None:
    if low is not None and high is not None:
        return f"{low}–{high}"
    if low is not None:
        return f"≥ {low}"
    return f"≤ {high}" if high is not None else None


def _flag(resource: Mapping[str, Any]) -> str | None:
    return next((str(coding.get("code")) for coding in codings(resource.get("interpretation"))), None)


def _report(resource: Resource) -> dict[str, Any]:
    return {"value": _short(resource.get("conclusion"))}


def _medicine(resource: Resource) -> dict[str, Any]:
    dosage = first(resource.get("dosageInstruction") or resource.get("dosage")) or {}
    return {"dose": _short(dosage.get("text")) or _dose(dosage), "note": _note(resource)}


def _dose(dosage: Mapping[str, Any]) -> str | None:
    quantity = (first(dosage.get("doseAndRate")) or {}).get("doseQuantity") or dosage.get("dose") or {}
    words = (
        [str(quantity[name]) for name in ("value", "unit") if name in quantity] if isinstance(quantity, dict) else []
    )
    repeat = (dosage.get("timing") or {}).get("repeat") or {}
    if "frequency" in repeat:
        words.append(f"{repeat['frequency']} x / {repeat.get('period', 1)} {repeat.get('periodUnit', 'd')}")
    elif timing := words_of((dosage.get("timing") or {}).get("code")):
        words.append(timing)
    if route := words_of(dosage.get("route")):
        words.append(route)
    return _short(" ".join(words))


def _note(resource: Resource) -> str | None:
    return _short((first(resource.get("note")) or {}).get("text"))


def _allergy(resource: Resource) -> dict[str, Any]:
    reaction = first(resource.get("reaction")) or {}
    return {
        "criticality": resource.get("criticality"),
        "reaction": _short(words_of(reaction.get("manifestation"))),
        "severity": reaction.get("severity"),
        "verification": words_of(resource.get("verificationStatus")),
    }


def _condition(resource: Resource) -> dict[str, Any]:
    return {"verification": words_of(resource.get("verificationStatus")), "note": _note(resource)}


def _encounter(resource: Resource) -> dict[str, Any]:
    period = resource.get("period") or {}
    return {
        "end": period.get("end"),
        "class": (resource.get("class") or {}).get("code"),
        "reason": _short(words_of(resource.get("reasonCode"))),
    }


def _immunisation(resource: Resource) -> dict[str, Any]:
    protocol = first(resource.get("protocolApplied")) or {}
    dose = protocol.get("doseNumberPositiveInt") or protocol.get("doseNumberString")
    return {"dose": dose, "lot": resource.get("lotNumber")}


_EXTRAS: dict[str, Callable[[Resource], dict[str, Any]]] = {
    "Observation": _observation,
    "DiagnosticReport": _report,
    "MedicationRequest": _medicine,
    "MedicationStatement": _medicine,
    "MedicationDispense": _medicine,
    "MedicationAdministration": _medicine,
    "AllergyIntolerance": _allergy,
    "Condition": _condition,
    "Encounter": _encounter,
    "Immunization": _immunisation,
}
