"""What OpenMRS writes in its own way, and what it means: concepts, units.

Concept numbers are CIEL's (https://openconceptlab.org/orgs/CIEL/sources/CIEL), LOINC codes those of FHIR's vital signs
profile, units UCUM.
"""

from __future__ import annotations

CONCEPTS = "http://openmrs.org/concepts"
CIEL = "https://openconceptlab.org/orgs/CIEL/sources/CIEL"
CIEL_ALIASES = frozenset({CIEL, "https://cielterminology.org", "urn:oid:2.16.840.1.113883.3.7201"})
LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"

CIEL_TO_LOINC: dict[str, tuple[str, str]] = {
    "5085": ("8480-6", "Systolic blood pressure"),
    "5086": ("8462-4", "Diastolic blood pressure"),
    "5087": ("8867-4", "Heart rate"),
    "5088": ("8310-5", "Body temperature"),
    "5089": ("29463-7", "Body weight"),
    "5090": ("8302-2", "Body height"),
    "5092": ("59408-5", "Oxygen saturation in Arterial blood by Pulse oximetry"),
    "5242": ("9279-1", "Respiratory rate"),
    "1342": ("39156-5", "Body mass index (BMI) [Ratio]"),
    "5314": ("9843-4", "Head Occipital-frontal circumference"),
    "1343": ("56072-2", "Circumference Mid upper arm - right"),
    "887": ("2339-0", "Glucose [Mass/volume] in Blood"),
    "21": ("718-7", "Hemoglobin [Mass/volume] in Blood"),
}

UNITS: dict[str, str] = {
    "mmhg": "mm[Hg]",
    "mm hg": "mm[Hg]",
    "mm[hg]": "mm[Hg]",
    "beats/min": "/min",
    "bpm": "/min",
    "breaths/min": "/min",
    "/min": "/min",
    "deg c": "Cel",
    "degc": "Cel",
    "°c": "Cel",
    "celsius": "Cel",
    "c": "Cel",
    "kg": "kg",
    "g": "g",
    "mg": "mg",
    "cm": "cm",
    "mm": "mm",
    "m": "m",
    "%": "%",
    "kg/m2": "kg/m2",
    "kg/m²": "kg/m2",
    "mg/dl": "mg/dL",
    "g/dl": "g/dL",
    "mmol/l": "mmol/L",
    "iu/l": "[iU]/L",
    "cells/ul": "/uL",
    "ml": "mL",
    "l": "L",
    "days": "d",
    "hours": "h",
    "weeks": "wk",
    "months": "mo",
    "years": "a",
}
"""Unit text in lower case → UCUM code."""

QUANTITIES = frozenset(
    {"valueQuantity", "doseQuantity", "quantity", "rateQuantity", "low", "high", "numerator", "denominator"}
)
