"""A FHIR Patient read as a registration: who applies, with which numbers, and every reason to refuse it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from shr_common.errors import Category, Issue, ShrError
from shr_common.fhir.validate import validate
from shr_common.identifiers import BRN, NID

from shr_healthid.domain.blocks import is_offline_id
from shr_healthid.domain.claimed import Claimed as Claimed
from shr_healthid.domain.claimed import identifiers_of, local_ids_of, numbers_of, uhid_of, without_national
from shr_healthid.domain.legacy import Former, formers_in
from shr_healthid.domain.person import Demographics, LocalId
from shr_healthid.domain.places import place_issues
from shr_healthid.domain.reading import demographics_of
from shr_healthid.domain.relations import mother_of
from shr_healthid.domain.written_names import name_issues

YEARS_LIMIT = 150


@dataclass(frozen=True, slots=True)
class Applicant:
    """A registration that is well-formed. ``patient`` lacks national identifiers, id and versions.

    ``mother``: whom a newborn is linked to. ``multiple``: ``multipleBirthInteger``. ``uhid``: a Health ID that the
    sender believes to be hers, or gave her offline; ``not_newborn``: why that may not be given to a newborn.
    ``formers``: her Health IDs of the older registry. ``warnings``: what was found and accepted all the same.
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
    formers: tuple[Former, ...] = ()
    warnings: tuple[Issue, ...] = ()


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
    issues: list[Issue] = []
    _refuse_other_than_patients(patient)
    numbers = tuple(numbers_of(patient, issues, masked_allowed=known_by is not None))
    uhid, uhid_place = uhid_of(patient, issues)
    formers = tuple(formers_in(identifiers_of(patient), issues))
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
    issues += [*name_issues(patient), *place_issues(patient)]
    if any(issue.severity == "error" for issue in issues):
        raise _refused(issues)
    return Applicant(
        patient=without_national(as_sent or patient),
        demographics=said,
        numbers=numbers,
        local_ids=tuple(local_ids_of(patient, source, numbers)),
        mother=mother if newborn else None,
        mother_expression=place,
        multiple=patient.get("multipleBirthInteger"),
        uhid=uhid,
        uhid_expression=uhid_place,
        not_newborn=too_old[0] if too_old else None,
        formers=formers,
        warnings=tuple(issues),
    )


def _refuse_other_than_patients(patient: dict[str, Any]) -> None:
    """Whatever comes after this may rely on valid R4."""
    if patient.get("resourceType") != "Patient":
        raise _refused([Issue("Send a FHIR Patient here.", expression="resourceType", code="invalid",
                              text_bn="এখানে একটি FHIR Patient পাঠান।")])  # fmt: skip
    issues = [issue for issue in validate(patient) if issue.severity in ("error", "fatal")]
    if issues:
        raise _refused(issues)


def _refused(issues: list[Issue]) -> ShrError:
    return ShrError(Category.INVALID, issues)


def _identity_issues(patient: dict[str, Any], said: Demographics, today: date, *, newborn: bool) -> Iterator[Issue]:
    if not said.names and not newborn:
        yield Issue("Give a name, in Bangla or English.", expression="Patient.name", code="required",
                    text_bn="বাংলা বা ইংরেজিতে নাম দিন।")  # fmt: skip
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
    if isinstance(died, str) and died[:10] > today.isoformat()[: len(died)]:
        yield Issue("The date of death lies in the future.", expression="Patient.deceasedDateTime", code="value",
                    text_bn="মৃত্যুর তারিখ ভবিষ্যতে।")  # fmt: skip


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
