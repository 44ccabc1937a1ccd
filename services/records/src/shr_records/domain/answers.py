"""The answer in FHIR's own form: a Bundle with one response for each entry, the same at every repeat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from shr_common.errors import Issue
from shr_contracts.cloudevents import rfc3339

from shr_records.domain.receipt import Receipt

REGISTRY, TERMINOLOGY, APPOINTMENTS = "the registry", "the terminology service", "the appointments service"
ELSEWHERE: Mapping[str, str] = {
    **dict.fromkeys(("Organization", "Location", "Practitioner", "PractitionerRole", "HealthcareService"), REGISTRY),
    **dict.fromkeys(("CodeSystem", "ValueSet", "ConceptMap", "NamingSystem", "StructureDefinition"), TERMINOLOGY),
    **dict.fromkeys(("Schedule", "Slot", "Appointment", "AppointmentResponse"), APPOINTMENTS),
    "Patient": "healthid (POST /fhir/Patient)",
    "Medication": "the record of the person who takes it: send it with a MedicationRequest",
    "Device": "the record of the person who uses it: name her in patient",
}


def nobody_named(types: list[str]) -> Issue:
    """The refusal of a bundle that names no patient."""
    places = sorted({ELSEWHERE[one] for one in types if one in ELSEWHERE})
    if places and all(one in ELSEWHERE for one in types):
        text = f"None of these resources is about a patient. Such data belongs to: {'; '.join(places)}."
        bn = "এগুলোর কোনোটিই রোগী সম্পর্কিত নয়: এই তথ্য অন্য সেবায় পাঠাতে হবে।"
    else:
        text = "The bundle names no patient: add subject or patient with a Health ID, a number or your own patient id."
        bn = "বান্ডেলে কোনো রোগীর উল্লেখ নেই: subject বা patient-এ হেলথ আইডি, নম্বর বা আপনার রোগী আইডি দিন।"
    return Issue(text, "Bundle.entry", code="required", rule="no-patient", text_bn=bn)


def response_bundle(receipt: Receipt) -> bytes:
    """``transaction-response`` (``batch-response`` for a batch): 201 for a first version, 200 for a later one."""
    kind = "batch-response" if receipt.bundle_type == "batch" else "transaction-response"
    modified = rfc3339(receipt.decided_at)
    entries = [_response(reference, modified) for reference in receipt.references]
    warnings = orjson.loads(receipt.outcome) if receipt.outcome else None
    if warnings and entries:
        entries[0]["response"]["outcome"] = warnings
    return orjson.dumps({"resourceType": "Bundle", "type": kind, "entry": entries})


def _response(reference: str, modified: str) -> dict[str, Any]:
    _, history, version = reference.partition("/_history/")
    if not history:
        return {"response": {"status": "200 OK", "location": reference}}
    status = "201 Created" if version == "1" else "200 OK"
    return {"response": {"status": status, "location": reference, "etag": f'W/"{version}"', "lastModified": modified}}
