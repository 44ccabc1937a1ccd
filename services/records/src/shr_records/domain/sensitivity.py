"""Sensitive categories: the labels of HL7 v3-ActCode that a reader's grant must name.

Small code sets, matched by prefix; the sender's own ``meta.security`` counts as well. Sources: ICD-10 and ICD-11
chapter boundaries (WHO), LOINC's HIV panels, HL7 v3-ActCode InformationSensitivityPolicy.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
LABELS = frozenset({"SEX", "PSY", "HIV", "ETH", "SDV"})

_ICD10 = {
    "HIV": ("B20", "B21", "B22", "B23", "B24", "Z21", "R75"),
    "ETH": tuple(f"F1{n}" for n in range(10)),
    "PSY": tuple(f"F{n}" for n in (0, 2, 3, 4, 5, 6, 7, 8, 9)),
    "SEX": ("Z30", "Z31", "Z32", "Z33", "Z34", "Z64.0", "O03", "O04", "O05", "O06", "A50", "A51", "A52", "A53", "A54"),
    "SDV": ("T74", "T76", "Y05", "Y07", "Z04.4"),
}
_ICD11 = {
    "HIV": ("1C60", "1C61", "1C62", "QA75"),
    "ETH": ("6C40", "6C41", "6C42", "6C43", "6C44", "6C45", "6C46", "6C47", "6C48", "6C49", "6C4A"),
    "PSY": ("6A", "6B", "6D", "6E"),
    "SEX": ("QA2", "JA0", "1A6", "1A7"),
    "SDV": ("PJ20", "PJ21", "PJ22", "QE50"),
}
_LOINC = {
    "HIV": ("75622-1", "7917-8", "25836-8", "20447-9", "24467-3", "56888-1", "68961-2", "5221-7", "29893-5", "89374-3"),
    "SEX": ("2106-3", "2118-8", "11996-6", "11977-6"),
    "PSY": ("44249-1", "44261-6", "69737-5"),
}
_SNOMED = {"HIV": ("86406008", "62479008", "165816005"), "SDV": ("95921002", "225826007"), "SEX": ("77386006",)}
_BY_SYSTEM = {
    "http://hl7.org/fhir/sid/icd-10": _ICD10,
    "http://id.who.int/icd/release/11/mms": _ICD11,
    "http://loinc.org": _LOINC,
    "http://snomed.info/sct": _SNOMED,
}
_PREFIXES = {
    system: [(prefix, label) for label, prefixes in sets.items() for prefix in prefixes]
    for system, sets in _BY_SYSTEM.items()
}
_known: dict[tuple[str, str], str | None] = {}
_KNOWN_LIMIT = 20_000


def label_of(coding: tuple[str, str]) -> str | None:
    """The sensitivity label of a coding, if it belongs to one of the small code sets."""
    try:
        return _known[coding]
    except KeyError:
        system, code = coding
        found = next((label for prefix, label in _PREFIXES.get(system, ()) if code.startswith(prefix)), None)
        if len(_known) < _KNOWN_LIMIT:
            _known[coding] = found
        return found


def labels_to_add(codings: Iterable[tuple[str, str]], security: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The labels that intake adds to ``meta.security``: those that the codes imply and the sender did not give."""
    implied = {label for coding in codings if (label := label_of(coding)) is not None}
    if not implied:
        return []
    given = {item.get("code") for item in security if item.get("system") == ACT_CODE}
    return [{"system": ACT_CODE, "code": label} for label in sorted(implied - given)]
