"""Names, date, gender and address out of a FHIR Patient, BD-Core or as OpenMRS and OpenSRP write it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from shr_healthid.domain.names import is_bangla
from shr_healthid.domain.person import Demographics
from shr_healthid.domain.places import place_of

BD_CORE = "https://fhir.dghs.gov.bd/core/StructureDefinition/"
NAME_EN = BD_CORE + "bd-name-en"
NAME_BN = BD_CORE + "bd-name-bn"
NAMES_LIMIT = 10
_FATHER = frozenset({"fth", "nfth", "father", "পিতা", "বাবা"})
_MOTHER = frozenset({"mth", "nmth", "mother", "মাতা", "মা"})
_ESTIMATED = ("birth-date-estimated", "birthdate-estimated", "birthdateestimated", "patient-birthdate-estimated")
_GUESSED = frozenset({"3", "estimated"})
"""``dob_type`` of the older registry: 1 declared, 2 as recorded, 3 estimated."""
_CHARACTERS_COMPARED = 300


def demographics_of(patient: dict[str, Any]) -> Demographics:
    """What the Patient says of the person. The patient must be valid R4."""
    names = tuple(dict.fromkeys(_names(patient)))[:NAMES_LIMIT]
    address = _current_address(patient)
    home = place_of(address)
    return Demographics(
        names=names,
        name=next((name for name in names if not is_bangla(name)), None),
        name_bn=next((name for name in names if is_bangla(name)), None),
        gender=patient.get("gender"),
        birth_date=patient.get("birthDate"),
        district=home.district,
        upazila=home.upazila,
        mobile=_mobile(patient),
        father=_parent(patient, _FATHER),
        mother=_parent(patient, _MOTHER),
        place=_place(address),
        estimated=_is_estimated(patient),
    )


def _names(patient: dict[str, Any]) -> Iterator[str]:
    """Official names first; of each its BD-Core forms, its text, then its parts."""
    ranks = {"official": 0, "usual": 1, None: 2}
    for name in sorted(patient.get("name", ()), key=lambda n: ranks.get(n.get("use"), 3)):
        if name.get("use") == "old":
            continue
        yield from _extended(name)
        parts = " ".join([*(p for p in name.get("given", ()) if p), *([name["family"]] if name.get("family") else [])])
        for form in (name.get("text"), parts):
            if form and form.strip():
                yield form.strip()


def _extended(name: dict[str, Any]) -> Iterator[str]:
    for holder in (name.get("_text") or {}, name):
        for extension in holder.get("extension", ()):
            if extension.get("url") in (NAME_EN, NAME_BN) and extension.get("valueString"):
                yield extension["valueString"].strip()


def _current_address(patient: dict[str, Any]) -> dict[str, Any]:
    addresses: list[dict[str, Any]] = [a for a in patient.get("address", ()) if a.get("use") != "old"]
    return next((a for a in addresses if a.get("use") == "home"), addresses[0] if addresses else {})


def _mobile(patient: dict[str, Any]) -> str | None:
    for contact in patient.get("telecom", ()):
        if contact.get("system") in ("phone", "sms") and contact.get("value") and contact.get("use") != "old":
            return str(contact["value"])
    return None


def _parent(patient: dict[str, Any], words: frozenset[str]) -> str | None:
    """A parent's name: of a contact, or of a contained RelatedPerson, with that relationship."""
    related = [r for r in patient.get("contained", ()) if r.get("resourceType") == "RelatedPerson"]
    for one in (*patient.get("contact", ()), *related):
        if not any(_is_called(relationship, words) for relationship in one.get("relationship", ())):
            continue
        named = one.get("name") or {}
        for form in _names({"name": named if isinstance(named, list) else [named]}):
            return form[:_CHARACTERS_COMPARED]
    return None


def _is_called(relationship: dict[str, Any], words: frozenset[str]) -> bool:
    texts = [relationship.get("text")]
    for coding in relationship.get("coding", ()):
        texts += [coding.get("code"), coding.get("display")]
    return any(isinstance(text, str) and text.strip().casefold() in words for text in texts)


def _place(address: dict[str, Any]) -> str | None:
    """The rest of the address in words: village, street, house, post code."""
    parts = [*(line for line in address.get("line", ()) if line), address.get("city"), address.get("postalCode")]
    text = " ".join(part for part in parts if part) or address.get("text") or ""
    return text.strip()[:_CHARACTERS_COMPARED] or None


def _is_estimated(patient: dict[str, Any]) -> bool:
    """Whether the sender marked the birth date as a guess, by an extension on it or on the Patient."""
    marks = (*(patient.get("_birthDate") or {}).get("extension", ()), *patient.get("extension", ()))
    for extension in marks:
        word = str(extension.get("url", "")).rpartition("/")[2].casefold()
        if word in _ESTIMATED and extension.get("valueBoolean") is True:
            return True
        if word in ("dob-type", "dob_type"):
            concept = extension.get("valueCodeableConcept") or {}
            codes = [coding.get("code") for coding in concept.get("coding", ())]
            said = [extension.get("valueString"), extension.get("valueCode"), *codes]
            if any(str(one).casefold() in _GUESSED for one in said if one is not None):
                return True
    return False
