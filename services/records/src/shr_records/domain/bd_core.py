"""National rules on top of R4, as tables with our own words.

Identity rules (identifier systems, Health ID, numbers, birth date) always hold. The others come from BD-Core's
profiles (BD-Core FHIR IG 0.4.6): errors where ``meta.profile`` claims the profile, warnings otherwise, told once for
each type and rule.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from shr_common.errors import Issue
from shr_common.identifiers import BRN, NID, UHID, is_brn, is_health_id, is_nid, is_provisional_id, latin_digits

Resource = dict[str, Any]
PROFILES = "https://fhir.dghs.gov.bd/core/StructureDefinition/"
ICD11 = "http://id.who.int/icd/release/11/mms"
OLDEST_BIRTH_YEAR = 1870
SUBJECTS = ("subject", "patient", "beneficiary", "for")
LOOKS_LIKE_HEALTH_ID = re.compile(r"9\d{10}", re.ASCII)
_NATIONAL = re.compile(r"https?://(?:www\.|fhir\.)?dghs\.gov\.bd/identifiers?/\w+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class NumberRule:
    """How the values of one national identifier system look."""

    holds: Callable[[str], bool]
    en: str
    bn: str


NUMBERS = {
    UHID: NumberRule(
        lambda text: is_health_id(text) or is_provisional_id(text),
        "A Health ID has 11 digits, starts with 9 and ends with its check digit: this one does not hold.",
        "হেলথ আইডি ১১ অঙ্কের, ৯ দিয়ে শুরু, শেষ অঙ্কটি যাচাই অঙ্ক: এটি ঠিক নেই।",
    ),
    NID: NumberRule(is_nid, "A national ID number has 10, 13 or 17 digits.", "জাতীয় পরিচয়পত্র নম্বর ১০, ১৩ বা ১৭ অঙ্কের।"),
    BRN: NumberRule(is_brn, "A birth registration number has 17 digits.", "জন্ম নিবন্ধন নম্বর ১৭ অঙ্কের।"),
}


@dataclass(frozen=True, slots=True)
class ProfileRule:
    """One element that a BD-Core profile asks for beyond R4."""

    element: str
    en: str
    bn: str
    holds: Callable[[Resource], bool]


def _needs(*names: str) -> tuple[ProfileRule, ...]:
    return tuple(
        ProfileRule(name, f"BD-Core asks for {name}.", f"BD-Core অনুযায়ী {name} থাকা উচিত।", _has(name)) for name in names
    )


def _has(name: str) -> Callable[[Resource], bool]:
    return lambda resource: name in resource


def _has_icd11(resource: Resource) -> bool:
    return any(coding.get("system") == ICD11 for coding in (resource.get("code") or {}).get("coding", ()))


PROFILE_RULES: dict[str, tuple[str, tuple[ProfileRule, ...]]] = {
    "Encounter": ("bd-encounter", _needs("identifier", "subject", "participant", "serviceProvider")),
    "Observation": ("bd-observation", _needs("category", "subject", "encounter", "performer")),
    "Condition": (
        "bd-condition",
        (
            ProfileRule(
                "code.coding", "BD-Core asks for an ICD-11 code.", "BD-Core অনুযায়ী একটি ICD-11 কোড থাকা উচিত।", _has_icd11
            ),
        ),
    ),
    "MedicationRequest": (
        "bd-medication-request",
        _needs("identifier", "medicationReference", "authoredOn", "requester"),
    ),
    "Immunization": ("bd-immunization", _needs("identifier", "encounter")),
}


def findings(resources: Iterable[tuple[str, Resource]], *, on: date) -> list[Issue]:
    """The findings about the resources of one submission, each with its expression. ``on`` is the day of receipt."""
    found: list[Issue] = []
    told: set[tuple[str, str]] = set()
    sound: set[str] = set()
    for at, resource in resources:
        kind = resource["resourceType"]
        if kind == "Patient":
            found += _patient(at, resource, on)
        else:
            _subject(at, resource, found, sound)
        if kind in PROFILE_RULES:
            found += _profile(at, kind, resource, told)
    return found


def _patient(at: str, patient: Resource, on: date) -> Iterator[Issue]:
    for number, identifier in enumerate(patient.get("identifier", ())):
        yield from identifier_findings(f"{at}.identifier[{number}]", identifier)
    if LOOKS_LIKE_HEALTH_ID.fullmatch(patient.get("id", "")):
        yield from identifier_findings(f"{at}.id", {"system": UHID, "value": patient["id"]}, leaf="")
    birth = patient.get("birthDate", "")
    if birth and (birth > on.isoformat()[: len(birth)] or int(birth[:4]) < OLDEST_BIRTH_YEAR):
        en, bn = "This birth date cannot be: mend it.", "এই জন্মতারিখ সম্ভব নয়: ঠিক করুন।"
        yield _error(f"{at}.birthDate", "birth-date", en, bn)


def _subject(at: str, resource: Resource, found: list[Issue], sound: set[str]) -> None:
    """``sound`` are references that were looked at before: the resources of a bundle mostly share one."""
    for name in SUBJECTS:
        reference = resource.get(name)
        if type(reference) is not dict:
            continue
        text = reference.get("reference", "")
        if text not in sound and "Patient/" in text:
            last = text.partition("/_history/")[0].rpartition("/")[2]
            wrong = []
            if LOOKS_LIKE_HEALTH_ID.fullmatch(last):
                wrong = [*identifier_findings(f"{at}.{name}", {"system": UHID, "value": last}, leaf=".reference")]
                found += wrong
            if not wrong:
                sound.add(text)
        if "identifier" in reference:
            found += identifier_findings(f"{at}.{name}.identifier", reference["identifier"])


def identifier_findings(at: str, identifier: Resource, *, leaf: str = ".value") -> Iterator[Issue]:
    """What is wrong with an identifier of a person."""
    system, value = identifier.get("system", ""), identifier.get("value", "")
    rule = NUMBERS.get(system)
    if rule is not None:
        if value and not rule.holds(latin_digits(value)):
            yield _error(f"{at}{leaf}", f"identifier-{system.rpartition('/')[2]}", rule.en, rule.bn)
    elif _NATIONAL.fullmatch(system):
        en = f"This is none of the national identifier systems: use {UHID}, {NID} or {BRN}."
        yield _error(f"{at}.system", "identifier-system", en, f"জাতীয় identifier system হলো {UHID}, {NID} বা {BRN}।")


def _profile(at: str, kind: str, resource: Resource, told: set[tuple[str, str]]) -> Iterator[Issue]:
    profile, rules = PROFILE_RULES.get(kind, ("", ()))
    claimed = bool(rules) and _claims(resource, profile)
    for rule in rules:
        if (not claimed and (kind, rule.element) in told) or rule.holds(resource):
            continue
        told.add((kind, rule.element))
        yield _profile_issue(f"{at}.{rule.element}", profile, rule, "error" if claimed else "warning")


def _claims(resource: Resource, profile: str) -> bool:
    meta = resource.get("meta")
    claimed = meta.get("profile", ()) if meta else ()
    return any(url.partition("|")[0] == PROFILES + profile for url in claimed)


@lru_cache(maxsize=4096)
def _profile_issue(expression: str, profile: str, rule: ProfileRule, severity: str) -> Issue:
    code = "required" if severity == "error" else "business-rule"
    return Issue(rule.en, expression, code=code, severity=severity, rule=f"{profile}.{rule.element}", text_bn=rule.bn)


def _error(expression: str, rule: str, en: str, bn: str) -> Issue:
    return Issue(en, expression, code="value", rule=rule, text_bn=bn)
