"""A FHIR Patient read as a registration: who applies, with which numbers, and every reason to refuse it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from shr_common.errors import Category, Issue, ShrError
from shr_common.fhir.validate import validate
from shr_common.identifiers import BRN, KINDS, NID, UHID, is_brn, is_health_id, is_nid, latin_digits, local_system

from shr_healthid.domain.blocks import is_offline_id
from shr_healthid.domain.person import Demographics, LocalId
from shr_healthid.domain.reading import demographics_of
from shr_healthid.domain.relations import mother_of

NAME_CHARACTERS_LIMIT = 300
YEARS_LIMIT = 150
_NATIONAL = "http://dghs.gov.bd/identifier/"
_ELEVEN = re.compile(r"9[1-9]\d{9}", re.ASCII)
_SPACED = re.compile(r"[\s\-\u200b-\u200f]+")


@dataclass(frozen=True, slots=True)
class Claimed:
    """A number as the sender wrote it, and where."""

    kind: str
    value: str = field(repr=False)
    expression: str


@dataclass(frozen=True, slots=True)
class Applicant:
    """A registration that is well-formed. ``patient`` lacks national identifiers, id and versions.

    ``mother``: whom a newborn is linked to. ``multiple``: ``multipleBirthInteger``. ``uhid``: a Health ID that the
    sender believes to be hers, or gave her offline; ``not_newborn``: why that may not be given to a newborn.
    """

    patient: dict[str, Any] = field(repr=False)
    demographics: Demographics
    numbers: tuple[Claimed, ...]
    local_ids: tuple[LocalId, ...]
    mother: str | None = None
    mother_expression: str | None = None
    multiple: int | None = None
    uhid: str | None = None
    uhid_expression: str | None = None
    not_newborn: Issue | None = None


def read_applicant(
    patient: dict[str, Any],
    *,
    source: str,
    today: date,
    newborn_days: int = 90,
    known_by: str | None = None,
    as_sent: dict[str, Any] | None = None,
) -> Applicant:
    """Read a Patient that ``source`` sent. ``today`` is the date in Dhaka.

    ``as_sent`` is the same Patient with its decimals exact, to be kept instead.
    ``known_by`` is the id of an existing person whose data this is (an update): then no number is needed.
    Raises invalid with every located issue.
    """
    if patient.get("resourceType") != "Patient":
        raise _refused([Issue("Send a FHIR Patient here.", expression="resourceType", code="invalid",
                              text_bn="এখানে একটি FHIR Patient পাঠান।")])  # fmt: skip
    issues = [issue for issue in validate(patient) if issue.severity in ("error", "fatal")]
    if issues:
        raise _refused(issues)
    numbers = tuple(_numbers(patient, issues, masked_allowed=known_by is not None))
    uhid, uhid_place = _uhid(patient, issues)
    said = demographics_of(patient)
    mother, place = mother_of(patient)
    by_card = uhid is not None and not is_offline_id(uhid)
    newborn = mother is not None and not numbers and not by_card and known_by is None
    issues += _identity_issues(patient, said, today, newborn=newborn)
    too_old = list(_newborn_issues(said, today, newborn_days)) if newborn else []
    if newborn and uhid is None:
        issues += too_old
    elif not numbers and uhid is None and known_by is None:
        issues.append(no_number(place))
    if issues:
        raise _refused(issues)
    return Applicant(
        patient=_without_national(as_sent or patient),
        demographics=said,
        numbers=numbers,
        local_ids=tuple(_local_ids(patient, source, numbers)),
        mother=mother if newborn else None,
        mother_expression=place,
        multiple=patient.get("multipleBirthInteger"),
        uhid=uhid,
        uhid_expression=uhid_place,
        not_newborn=too_old[0] if too_old else None,
    )


def _refused(issues: list[Issue]) -> ShrError:
    return ShrError(Category.INVALID, issues)


def _identifiers(patient: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for place, identifier in enumerate(patient.get("identifier", ())):
        yield f"Patient.identifier[{place}]", identifier


def _numbers(patient: dict[str, Any], issues: list[Issue], *, masked_allowed: bool) -> Iterator[Claimed]:
    seen: dict[tuple[str, int], str] = {}
    for place, identifier in _identifiers(patient):
        kind = KINDS.get(identifier.get("system", ""))
        if kind not in ("nid", "brn"):
            continue
        value = identifier.get("value")
        if value is None or (masked_allowed and "*" in value):
            continue
        if wrong := _malformed(kind, value, f"{place}.value"):
            issues.append(wrong)
            continue
        if seen.setdefault((kind, len(value)), value) != value:
            text = f"Two different numbers of {len(value)} digits cannot both be this person's {kind.upper()}."
            bangla = f"একই ব্যক্তির দুটি ভিন্ন {len(value)} অঙ্কের {kind.upper()} হতে পারে না।"
            issues.append(Issue(text, expression=f"{place}.value", code="business-rule", text_bn=bangla))
            continue
        yield Claimed(kind, value, f"{place}.value")


def _malformed(kind: str, value: str, at: str) -> Issue | None:
    """Why a number is no NID or BRN. The number itself is never repeated."""
    if (is_nid if kind == "nid" else is_brn)(value):
        return None
    lengths, bangla_lengths = ("10, 13 or 17", "১০, ১৩ বা ১৭") if kind == "nid" else ("17", "১৭")
    name = kind.upper()
    if latin_digits(value) != value:
        text = f"Write the {name} in Latin digits (0-9); Bangla digits are not accepted in identifiers."
        bangla = f"{name} ইংরেজি অঙ্কে (0-9) লিখুন; পরিচিতি নম্বরে বাংলা অঙ্ক গ্রহণযোগ্য নয়।"
    elif _SPACED.search(value):
        text = f"Write the {name} without spaces or hyphens: {lengths} digits."
        bangla = f"{name} ফাঁকা বা হাইফেন ছাড়া লিখুন: {bangla_lengths} অঙ্ক।"
    elif not (value.isascii() and value.isdigit()):
        text = f"An {name} has digits only: {lengths} of them." if kind == "nid" else "A BRN has 17 digits only."
        bangla = f"{name}-এ শুধু অঙ্ক থাকে: {bangla_lengths}টি।"
    else:
        text = f"{'An NID' if kind == 'nid' else 'A BRN'} has {lengths} digits; this one has {len(value)}."
        bangla = f"{name} হয় {bangla_lengths} অঙ্কের; এখানে আছে {len(value)}টি।"
    return Issue(text, expression=at, code="value", text_bn=bangla, rule=f"identity-{kind}")


def _uhid(patient: dict[str, Any], issues: list[Issue]) -> tuple[str | None, str | None]:
    """The Health ID and where it stands."""
    for place, identifier in _identifiers(patient):
        value = identifier.get("value")
        if identifier.get("system") != UHID or value is None:
            continue  # BD-Core asks for the slice; until there is a Health ID it stays without a value
        if wrong := _not_a_health_id(value, f"{place}.value"):
            issues.append(wrong)
            continue
        return str(value), f"{place}.value"
    return None, None


def _not_a_health_id(value: str, at: str) -> Issue | None:
    if is_health_id(value):
        return None
    if _ELEVEN.fullmatch(value):
        text = "The check digit of this Health ID is wrong: a digit was mistyped, or two were swapped. Read it again."
        bangla = "হেলথ আইডির যাচাই অঙ্ক মেলে না: কোনো অঙ্ক ভুল বা দুটি অঙ্ক অদলবদল হয়েছে। আবার মিলিয়ে লিখুন।"
    else:
        text = "This is not a Health ID: 11 digits that start with 9, the last a check digit. Leave it out."
        bangla = "এটি হেলথ আইডি নয়: ৯ দিয়ে শুরু ১১ অঙ্ক, শেষটি যাচাই অঙ্ক। এটি বাদ দিন।"
    return Issue(text, expression=at, code="value", text_bn=bangla, rule="identity-uhid")


def _identity_issues(patient: dict[str, Any], said: Demographics, today: date, *, newborn: bool) -> Iterator[Issue]:
    if not said.names and not newborn:
        yield Issue("Give a name, in Bangla or English.", expression="Patient.name", code="required",
                    text_bn="বাংলা বা ইংরেজিতে নাম দিন।")  # fmt: skip
    if any(len(name) > NAME_CHARACTERS_LIMIT for name in said.names):
        yield Issue(f"A name may have {NAME_CHARACTERS_LIMIT} characters at most.", expression="Patient.name[0]",
                    code="too-long", text_bn=f"নাম সর্বোচ্চ {NAME_CHARACTERS_LIMIT} অক্ষরের হতে পারে।")  # fmt: skip
    born = said.birth_date
    if born is None:
        yield Issue("Give the date of birth, at least the year.", expression="Patient.birthDate", code="required",
                    text_bn="জন্ম তারিখ দিন, অন্তত সাল।")  # fmt: skip
        return
    if born > today.isoformat()[: len(born)]:
        yield Issue("The date of birth lies in the future.", expression="Patient.birthDate", code="value",
                    text_bn="জন্ম তারিখ ভবিষ্যতে।")  # fmt: skip
    if int(born[:4]) < today.year - YEARS_LIMIT:
        yield Issue(f"The date of birth is more than {YEARS_LIMIT} years ago.", expression="Patient.birthDate",
                    code="value", text_bn=f"জন্ম তারিখ {YEARS_LIMIT} বছরেরও আগের।")  # fmt: skip
    died = patient.get("deceasedDateTime")
    if isinstance(died, str) and died[: min(len(born), 10)] < born[: min(len(died), 10)]:
        yield Issue("The date of death lies before the date of birth.", expression="Patient.deceasedDateTime",
                    code="value", text_bn="মৃত্যুর তারিখ জন্ম তারিখের আগে।")  # fmt: skip


def _newborn_issues(said: Demographics, today: date, newborn_days: int) -> Iterator[Issue]:
    born = said.birth_date
    if born is None:
        return
    if len(born) != 10:
        yield Issue("A newborn's date of birth needs its day.", expression="Patient.birthDate", code="value",
                    text_bn="নবজাতকের জন্ম তারিখে দিন থাকতে হবে।")  # fmt: skip
    elif (today - date.fromisoformat(born)).days > newborn_days:
        yield Issue(
            f"Without an NID or BRN only a newborn of at most {newborn_days} days can be registered.",
            expression="Patient.birthDate",
            code="business-rule",
            text_bn=f"এনআইডি বা জন্ম নিবন্ধন ছাড়া কেবল {newborn_days} দিনের কম বয়সী নবজাতক নিবন্ধন করা যায়।",
        )


def no_number(link_place: str | None) -> Issue:
    """What is said of a registration without any number. ``link_place``: where a link to a mother cannot be read."""
    if link_place is not None:
        return Issue("The mother's Health ID cannot be read from this link.", expression=link_place, code="value",
                     text_bn="এই সংযোগ থেকে মায়ের হেলথ আইডি বোঝা যায় না।")  # fmt: skip
    return Issue(
        f"Give an NID or a birth registration number (systems {NID}, {BRN}), or link a newborn to her mother.",
        expression="Patient.identifier",
        code="required",
        text_bn="এনআইডি বা জন্ম নিবন্ধন নম্বর দিন, অথবা নবজাতককে মায়ের সাথে যুক্ত করুন।",
    )


def _local_ids(patient: dict[str, Any], source: str, numbers: tuple[Claimed, ...]) -> Iterator[LocalId]:
    """A local identifier that repeats a national number is none: numbers stand in no event."""
    national = {number.value for number in numbers}
    for _, identifier in _identifiers(patient):
        value = identifier.get("value")
        if identifier.get("system", "").startswith(_NATIONAL) or not value or value in national:
            continue
        yield LocalId(source, local_system(identifier), value)
    own_id = patient.get("id")
    if isinstance(own_id, str) and own_id not in national and not is_health_id(own_id):
        yield LocalId(source, "", own_id)


def _without_national(patient: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in patient.items() if name not in ("id", "identifier", "meta")}
    others = [i for _, i in _identifiers(patient) if not i.get("system", "").startswith(_NATIONAL)]
    if others:
        kept["identifier"] = others
    meta = {n: v for n, v in patient.get("meta", {}).items() if n in ("profile", "security", "tag")}
    if meta:
        kept["meta"] = meta
    return kept
