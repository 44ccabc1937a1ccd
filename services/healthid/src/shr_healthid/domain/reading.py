"""Names, date, gender and address out of a FHIR Patient, BD-Core or as OpenMRS and OpenSRP write it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from shr_healthid.domain.names import is_bangla
from shr_healthid.domain.person import Demographics

BD_CORE = "https://fhir.dghs.gov.bd/core/StructureDefinition/"
NAME_EN = BD_CORE + "bd-name-en"
NAME_BN = BD_CORE + "bd-name-bn"
UPAZILA = BD_CORE + "bd-upazillas"
NAMES_LIMIT = 10


def demographics_of(patient: dict[str, Any]) -> Demographics:
    """What the Patient says of the person. The patient must be valid R4."""
    names = tuple(dict.fromkeys(_names(patient)))[:NAMES_LIMIT]
    address = _current_address(patient)
    return Demographics(
        names=names,
        name=next((name for name in names if not is_bangla(name)), None),
        name_bn=next((name for name in names if is_bangla(name)), None),
        gender=patient.get("gender"),
        birth_date=patient.get("birthDate"),
        district=address.get("district"),
        upazila=_upazila(address),
        mobile=_mobile(patient),
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


def _upazila(address: dict[str, Any]) -> str | None:
    for extension in address.get("extension", ()):
        if extension.get("url") == UPAZILA:
            for coding in extension.get("valueCodeableConcept", {}).get("coding", ()):
                if coding.get("code"):
                    return str(coding["code"])
    return None


def _mobile(patient: dict[str, Any]) -> str | None:
    for contact in patient.get("telecom", ()):
        if contact.get("system") in ("phone", "sms") and contact.get("value") and contact.get("use") != "old":
            return str(contact["value"])
    return None
