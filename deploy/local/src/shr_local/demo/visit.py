"""A visit as OpenMRS's FHIR module tells it: identifiers and concepts without system, units as text, a Bangla name.

Our own example: nobody in it exists.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta, timezone
from typing import Any

DHAKA = timezone(timedelta(hours=6))
ENCOUNTER_TAG = {"system": "http://fhir.openmrs.org/ext/encounter-tag", "code": "encounter", "display": "Encounter"}
ICD10 = "http://hl7.org/fhir/sid/icd-10"
CIEL = "https://openconceptlab.org/orgs/CIEL/sources/CIEL"
OWN_CONCEPT = "b3f1d1a8-6c1e-4c39-9f5b-2f6a7c1d0e11"
"""A concept that this hospital made for itself; no terminology knows it."""


def openmrs_visit(*, local_id: str, at: datetime) -> dict[str, Any]:
    """A transaction bundle: patient, encounter, vitals, diagnosis, prescription, note. ``at``: when she was seen."""
    moment = at.astimezone(DHAKA).isoformat(timespec="seconds")
    patient, encounter = str(uuid.uuid4()), str(uuid.uuid4())
    subject = {"reference": f"Patient/{patient}", "type": "Patient", "display": f"রহিমা খাতুন (OpenMRS ID: {local_id})"}
    within = {"reference": f"Encounter/{encounter}"}
    resources = [
        _patient(patient, local_id),
        _encounter(encounter, subject, moment),
        *(
            _vital(subject, within, moment, concept=concept, name=name, value=value, unit=unit)
            for concept, name, value, unit in (
                ("5085", "Systolic blood pressure", 142, "mmHg"),
                ("5086", "Diastolic blood pressure", 88, "mmHg"),
                ("5087", "Pulse", 84, "beats/min"),
                ("5088", "Temperature (C)", 37.2, "DEG C"),
                ("5089", "Weight (kg)", 61.5, "kg"),
            )
        ),
        _diagnosis(subject, within, moment),
        _prescription(subject, within, moment),
        _note(subject, within, moment),
    ]
    return {
        "resourceType": "Bundle",
        "id": str(uuid.uuid4()),
        "type": "transaction",
        "entry": [
            {
                "fullUrl": f"urn:uuid:{resource['id']}",
                "resource": resource,
                "request": {"method": "POST", "url": resource["resourceType"]},
            }
            for resource in resources
        ],
    }


def _concept(number: str) -> list[dict[str, str]]:
    """As the module writes it: the padded concept without system, then CIEL's own number."""
    return [{"code": number.ljust(36, "A")}, {"system": CIEL, "code": number}]


def _patient(patient: str, local_id: str) -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "id": patient,
        "identifier": [{"use": "official", "type": {"text": "OpenMRS ID"}, "value": local_id}],
        "active": True,
        "name": [{"id": str(uuid.uuid4()), "text": "রহিমা খাতুন", "given": ["রহিমা"], "family": "খাতুন"}],
        "gender": "female",
        "birthDate": "1990-04-12",
    }


def _encounter(encounter: str, subject: dict[str, str], moment: str) -> dict[str, Any]:
    return {
        "resourceType": "Encounter",
        "id": encounter,
        "meta": {"tag": [ENCOUNTER_TAG]},
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "type": [
            {
                "coding": [
                    {
                        "system": "http://fhir.openmrs.org/code-system/encounter-type",
                        "code": "dd528487-82a5-4082-9c72-ed246bd49591",
                        "display": "Consultation",
                    }
                ]
            }
        ],
        "subject": subject,
        "participant": [{"individual": {"type": "Practitioner", "display": "Dr. Farhana Islam"}}],
        "period": {"start": moment},
    }


def _vital(
    subject: dict[str, str], within: dict[str, str], moment: str, *, concept: str, name: str, value: float, unit: str
) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": str(uuid.uuid4()),
        "status": "final",
        "category": [
            {
                "coding": [
                    {"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "vital-signs"}
                ]
            }
        ],
        "code": {"coding": _concept(concept), "text": name},
        "subject": subject,
        "encounter": within,
        "effectiveDateTime": moment,
        "valueQuantity": {"value": value, "unit": unit},
    }


def _diagnosis(subject: dict[str, str], within: dict[str, str], moment: str) -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "id": str(uuid.uuid4()),
        "clinicalStatus": {
            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]
        },
        "verificationStatus": {
            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-ver-status", "code": "confirmed"}]
        },
        "category": [
            {
                "coding": [
                    {
                        "system": "http://terminology.hl7.org/CodeSystem/condition-category",
                        "code": "encounter-diagnosis",
                    }
                ]
            }
        ],
        "code": {
            "coding": [
                {"code": OWN_CONCEPT, "display": "NCD corner: diabetes, new"},
                {"system": ICD10, "code": "E11.9"},
            ],
            "text": "Type 2 diabetes mellitus",
        },
        "subject": subject,
        "encounter": within,
        "recordedDate": moment,
    }


def _prescription(subject: dict[str, str], within: dict[str, str], moment: str) -> dict[str, Any]:
    return {
        "resourceType": "MedicationRequest",
        "id": str(uuid.uuid4()),
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": {"coding": _concept("79651"), "text": "Metformin 500 mg tablet"},
        "subject": subject,
        "encounter": within,
        "authoredOn": moment,
        "dosageInstruction": [{"text": "1+0+1", "timing": {"code": {"text": "Twice daily after food"}}}],
    }


def _note(subject: dict[str, str], within: dict[str, str], moment: str) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": str(uuid.uuid4()),
        "status": "final",
        "code": {"coding": _concept("162169"), "text": "Text of encounter note"},
        "subject": subject,
        "encounter": within,
        "effectiveDateTime": moment,
        "valueString": "তিন মাস ধরে পিপাসা ও দুর্বলতা। খাদ্যতালিকা বুঝিয়ে দেওয়া হয়েছে; এক মাস পরে আসবেন।",
    }
