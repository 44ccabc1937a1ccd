"""What a registrar reads: dates as people type them, names in both scripts, what tells two people apart."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from shr_gateway.http.pages.registry_desk import plain, problem_of
from shr_gateway.pages import cases, citizens
from shr_gateway.pages.districts import DISTRICTS, district

NID = "http://dghs.gov.bd/identifier/nid"
FORMS = "https://fhir.dghs.gov.bd/core/StructureDefinition/bd-name-"


def patient(id_: str = "98001046534", **changes: Any) -> dict[str, Any]:
    forms = [{"url": f"{FORMS}en", "valueString": "Rahima Khatun"}, {"url": f"{FORMS}bn", "valueString": "রহিমা খাতুন"}]
    return {
        "resourceType": "Patient", "id": id_, "gender": "female", "birthDate": "1985-05-20",
        "meta": {"versionId": "1", "lastUpdated": "2026-11-22T10:00:00Z"},
        "identifier": [{"system": NID, "value": "**********789"}, {"type": {"text": "OpenMRS ID"}, "value": "100GEJ"}],
        "name": [{"text": "Rahima Khatun", "_text": {"extension": forms}}],
        "address": [{"use": "home", "line": ["Kazipara"], "district": "3026"}],
        **changes,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("20/05/1985", "1985-05-20"), ("20-5-1985", "1985-05-20"), ("1985-05-20", "1985-05-20"),
        ("20.5.1985", "1985-05-20"),
        ("1985", "1985"), ("1985-05", "1985-05"), ("31/02/1985", None), ("20/05/85", None), ("1985-13-01", None),
        ("0000", None), ("1/2/3/1985", None), ("", None), ("²/5/1985", None), ("may", None),
    ],
)  # fmt: skip
def test_a_birth_date_is_taken_as_people_type_it(typed: str, read: str | None) -> None:
    assert cases.born_on(typed) == read


def test_bangla_digits_blanks_and_dashes_are_taken() -> None:
    assert plain(" ৯৮০ ০১০৪-৬৫৩৪ ") == "98001046534"
    assert plain("P-01ab-cd") == "P-01ab-cd"


@pytest.mark.parametrize(
    ("lang", "first", "second"), [("bn", "রহিমা খাতুন", "Rahima Khatun"), ("en", "Rahima Khatun", "রহিমা খাতুন")]
)
def test_a_person_is_shown_in_the_pages_language(lang: str, first: str, second: str) -> None:
    shown = citizens.person(patient(), lang, today=date(2026, 11, 23))

    assert (shown["name"], shown["other_name"], shown["age"]) == (first, second, 41)
    assert shown["local_ids"] == [("OpenMRS ID", "100GEJ")]
    address = next(line for line in shown["lines"] if line.code == "address")
    assert address.values == ["Kazipara, ঢাকা" if lang == "bn" else "Kazipara, Dhaka"]


def test_who_was_merged_and_into_whom() -> None:
    links = [
        {"type": "replaced-by", "other": {"reference": "Patient/98000173958"}},
        {"type": "replaces", "other": {"reference": "Patient/98001079691"}},
    ]
    shown = citizens.person(patient(link=links), "en", today=date(2026, 11, 23))

    assert (shown["survivor"], shown["absorbed"]) == ("98000173958", ["98001079691"])


def verdicts(*people: dict[str, Any], differing: tuple[str, ...] = ()) -> dict[str, str]:
    rows = cases.compared([cases.person_side(one, "en") for one in people], differing=differing)
    return {row.name: row.verdict for row in rows}


def test_what_differs_is_marked_and_what_one_side_lacks_is_not() -> None:
    other = patient("98000173958", gender="male", name=[{"text": "Rahima Khatoon"}], identifier=[])
    found = verdicts(patient(), other)

    assert found == {"Name": "spelled", "Birth date": "same", "Gender": "differs", "Address": "same", "NID": ""}
    assert verdicts(patient(), other, differing=("name",))["Name"] == "differs"


def test_a_name_that_is_the_same_in_one_script_only_is_spelled_otherwise() -> None:
    forms = [{"url": f"{FORMS}en", "valueString": "Rohima Begum"}, {"url": f"{FORMS}bn", "valueString": "রহিমা খাতুন"}]

    assert verdicts(patient(), patient(name=[{"_text": {"extension": forms}}]))["Name"] == "spelled"


def test_what_was_sent_and_what_a_proof_said_stand_beside_the_person() -> None:
    about = {
        "sent": {"names": ["Rahima"], "gender": "female", "birth_date": None},
        "national": {"names": ["Shefali Das"]},
    }
    columns = cases.sides({"people": [patient()], "about": about}, "en")

    assert [side.id for side in columns] == ["98001046534", None, None]
    assert [set(cell) for cell in cases.compared(columns)[0].cells] == [
        {"Rahima Khatun", "রহিমা খাতুন"},
        {"Rahima"},
        {"Shefali Das"},
    ]
    assert [len(row.cells) for row in cases.compared(columns)] == [3] * len(cases.compared(columns))


def test_all_districts_have_their_names() -> None:
    assert len(DISTRICTS) == 64
    assert (district("3026", "bn"), district("5081", "en"), district("unknown", "en")) == (
        "ঢাকা",
        "Rajshahi",
        "Not known",
    )
    assert district("Dacca", "en") == "Dacca"


def test_a_refusal_is_told_in_the_readers_language() -> None:
    bangla = [{"url": "lang", "valueCode": "bn"}, {"url": "content", "valueString": "না"}]
    translated = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/translation", "extension": bangla}]}
    outcome = {"issue": [{"details": {"text": "No", "_text": translated}}]}
    problem = {"issues": [{"text": "No", "text_bn": "না"}]}

    for said in (outcome, problem):
        assert (problem_of(said, "bn"), problem_of(said, "en")) == ("না", "No")
    assert problem_of(None, "en") == "Nothing was changed. Try again."
