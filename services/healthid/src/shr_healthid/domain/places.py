"""Where a FHIR Address says that somebody lives, and what is wrong with it.

The bindings of ``bd-address`` are required: a Patient that claims ``bd-patient`` with an unknown code is refused.
Without the claim, or where codes contradict each other (the guide's own example does), it is a warning. Older codes
and names are read as what they mean, and stay in the Patient as they were sent.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from shr_common.errors import Issue

from shr_healthid.domain.geocodes import Place, district_of, level_of, place_of_address_code, upazila_of

BD_CORE = "https://fhir.dghs.gov.bd/core/StructureDefinition/"
DIVISION = BD_CORE + "bd-divisions"
UPAZILA = BD_CORE + "bd-upazillas"
PROFILE = BD_CORE + "bd-patient"
OLDER_CODE = "#AddressCode"
"""How the url of the older registry's extension for its whole address code ends."""

Address = dict[str, Any]
RULE = "address-geocode"


def place_of(address: Address) -> Place:
    """District and upazila in BD-Core's codes; what cannot be read as one stays as it was sent."""
    older = next((place for _, text in _older(address) if (place := place_of_address_code(text))), Place())
    division = next((code for _, code in _coded(address, DIVISION)), None)
    said = address.get("district")
    district = (district_of(said, division=division) or said) if said else older.district
    written = next((code for _, code in _coded(address, UPAZILA)), None)
    upazila = (upazila_of(written) or written) if written else older.upazila
    if district is None and upazila is not None:
        district = district_of(upazila[:4])
    return Place(district, upazila)


def place_issues(patient: dict[str, Any]) -> Iterator[Issue]:
    """What is wrong with the geocodes of a valid Patient; ``severity`` says whether it is refused."""
    claimed = PROFILE in [str(url).partition("|")[0] for url in patient.get("meta", {}).get("profile", ())]
    severity = "error" if claimed else "warning"
    for index, address in enumerate(patient.get("address", ())):
        yield from _issues(address, f"Patient.address[{index}]", severity)


def _issues(address: Address, at: str, severity: str) -> Iterator[Issue]:
    division = None
    for place, code in _coded(address, DIVISION):
        division = code
        if level_of(code) != "division":
            yield _unknown("division", "2", "বিভাগ", f"{at}.{place}", severity)
    said = address.get("district")
    district = district_of(said, division=division) if said else None
    if said and district is None:
        yield _unknown("district", "4", "জেলা", f"{at}.district", severity)
    for place, code in _coded(address, UPAZILA):
        upazila = upazila_of(code)
        if upazila is None:
            yield _unknown("upazila", "8", "উপজেলা", f"{at}.{place}", severity)
        elif upazila != code:
            yield Issue(f"This is an older upazila code; it is read as {upazila}.", expression=f"{at}.{place}",
                        code="informational", severity="information", rule=RULE,
                        text_bn=f"এটি পুরোনো উপজেলা কোড; {upazila} হিসেবে পড়া হয়েছে।")  # fmt: skip
        if upazila is not None and district is not None and upazila[:4] != district:
            yield _contradiction(f"{at}.{place}", f"This upazila lies in district {upazila[:4]}, not in {district}.",
                                 f"এই উপজেলা {upazila[:4]} জেলায়, {district} জেলায় নয়।")  # fmt: skip
    if district is not None and level_of(division or "") == "division" and district[:2] != division:
        yield _contradiction(f"{at}.district", f"This district lies in division {district[:2]}, not in {division}.",
                             f"এই জেলা {district[:2]} বিভাগে, {division} বিভাগে নয়।")  # fmt: skip
    for place, text in _older(address):
        if place_of_address_code(text) is None:
            yield _unknown("address", "6 or more", "ঠিকানার", f"{at}.{place}", "warning")


def _unknown(what: str, digits: str, what_bn: str, at: str, severity: str) -> Issue:
    text = f"No {what} has this geocode. Use the BBS code of {digits} digits."
    return Issue(text, expression=at, code="code-invalid", severity=severity, rule=RULE,
                 text_bn=f"এই জিওকোডের কোনো {what_bn} নেই। বিবিএস কোড ({digits} অঙ্ক) দিন।")  # fmt: skip


def _contradiction(at: str, text: str, text_bn: str) -> Issue:
    return Issue(text, expression=at, code="business-rule", severity="warning", rule=RULE, text_bn=text_bn)


def _coded(address: Address, url: str) -> Iterator[tuple[str, str]]:
    """The codes of an extension, and where in the address they stand."""
    for n, extension in enumerate(address.get("extension", ())):
        if extension.get("url") != url:
            continue
        for m, coding in enumerate(extension.get("valueCodeableConcept", {}).get("coding", ())):
            if coding.get("code"):
                yield f"extension[{n}].valueCodeableConcept.coding[{m}].code", str(coding["code"])


def _older(address: Address) -> Iterator[tuple[str, str]]:
    for n, extension in enumerate(address.get("extension", ())):
        if str(extension.get("url", "")).endswith(OLDER_CODE) and extension.get("valueString"):
            yield f"extension[{n}].valueString", str(extension["valueString"])
