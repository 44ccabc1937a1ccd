"""The permit of a whole family, and what it lets through."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from shr_gateway.domain.asking import Asking
from shr_gateway.domain.disclosure import Given, Permit, admitted, permit_for
from shr_gateway.domain.family import Family, family_of
from shr_gateway.domain.lines import Kind, Line
from shr_gateway.domain.standing import in_good_standing
from shr_policy import Actor

NOW = datetime(2026, 11, 23, tzinfo=UTC)
BEFORE, MERGED, AFTER = (NOW - timedelta(days=days) for days in (30, 20, 10))
DOCTOR = Actor("practitioner", "d", "f")
MERGED_FAMILY = family_of("S", [{"former": "R", "to": "S", "at": MERGED}])


def given(patient: str, at: datetime, **terms: Any) -> Given:
    """A grant to the doctor."""
    value = {"consent_id": f"{patient}-{at.day}", "patient": patient, "version": 1, "status": "granted",
             "recipient": {"type": "practitioner", "id": "d"}, "purpose": "CAREMGT", "record_types": "*",
             **terms}  # fmt: skip
    return Given.of({"_id": "c", "patient": patient, "granted_at": at, "value": value})


def line(person: str, reference: str = "Observation/x", **more: Any) -> Line:
    """A line of somebody."""
    common: dict[str, Any] = {"section": "results", "facility": "other", "labels": [], "confidentiality": "N"}
    own: dict[str, Any] = {"day": "2026-01-01", "at": "", "encounter": None, "name_key": None, "item": b"{}"}
    common |= {name: more.pop(name) for name in list(more) if name in common}
    kind = Kind.of(person, more.pop("type", reference.partition("/")[0]), **common)
    return Line(kind=kind, reference=reference, **(own | more))


def permit(*said: Given, family: Family = MERGED_FAMILY, actor: Actor = DOCTOR, **more: Any) -> Permit:
    """The permit of the doctor (or somebody else)."""
    purpose = "PATRQT" if actor.role == "citizen" else "CAREMGT"
    terms: dict[str, Any] = {"resource_type": "*", "action": "read", "guardians": (), "birth_date": None, "wrote": (),
                             "now": NOW}  # fmt: skip
    return permit_for(asking=Asking(actor, purpose, None), family=family, given=said, **(terms | more))


@pytest.mark.parametrize(
    ("patient", "at", "seen"),
    [("S", BEFORE, {"S"}), ("R", BEFORE, {"R"}), ("S", AFTER, {"S", "R"}), ("R", AFTER, {"S", "R"})],
)
def test_a_grant_covers_what_was_one_person_when_it_was_given(patient: str, at: datetime, seen: set[str]) -> None:
    shown = admitted(permit(given(patient, at)), [line("S"), line("R")])
    assert {one.kind.person for one in shown.rows} == seen
    assert shown.withheld is (len(seen) < 2)


def test_a_refusal_reaches_every_id() -> None:
    refusal = given("R", BEFORE, decision="deny", recipient=None)
    assert not permit(given("S", AFTER), refusal).permit


def test_a_closed_encounter_takes_what_belongs_to_it_along() -> None:
    closed = given("S", BEFORE, kind="restriction", reference="Encounter/e", recipient=None)
    lines = [line("S"), line("S", "Encounter/e"), line("S", "Observation/y", encounter="Encounter/e")]
    shown = admitted(permit(given("S", AFTER), closed), lines)
    assert [one.reference for one in shown.rows] == ["Observation/x"]


def test_periods_and_labels_are_judged_line_by_line() -> None:
    period = {"start": "2026-01-01", "end": "2026-01-31"}
    lines = [line("S", f"Observation/{n}", day=day) for n, day in enumerate(("2026-01-05", "2026-02-05", "2026-01-06"))]
    lines.append(line("S", "Observation/hiv", day="2026-01-05", labels=["HIV"]))
    shown = admitted(permit(given("S", AFTER, record_period=period)), lines)
    assert [one.reference for one in shown.rows] == ["Observation/0", "Observation/2"]
    assert shown.what == {"Observation": 2} and shown.withheld


def test_what_the_facility_wrote_is_its_own_under_that_id_alone() -> None:
    lines = [line("S", facility="f"), line("R", facility="f"), line("S", "Condition/c")]
    shown = admitted(permit(wrote={"S"}), lines)
    assert [(one.kind.person, one.reference) for one in shown.rows] == [("S", "Observation/x")]


def test_a_citizen_who_signed_in_under_a_former_id_is_herself() -> None:
    assert permit(actor=Actor("citizen", "R", health_id="R")).whole
    assert not permit(actor=Actor("citizen", "X", health_id="X")).permit


def test_a_guardian_reads_until_the_child_is_of_age() -> None:
    mother = Actor("citizen", "M", health_id="M")
    child = {"family": family_of("C", []), "actor": mother, "guardians": ["M"]}
    assert permit(**child, birth_date="2015-01-01").whole
    assert not permit(**child, birth_date="2008-11-20").permit


def test_a_permit_has_a_digest_that_changes_with_its_terms() -> None:
    one, same, other = (permit(given("S", AFTER, record_types=types)) for types in ("*", "*", ["Condition"]))
    assert one.digest == same.digest != other.digest


def posting(*, active: bool, facility: str = "f", end: str | None = None) -> dict[str, Any]:
    """A role of the doctor."""
    return {
        "type": "PractitionerRole",
        "id": "r",
        "practitioner": "d",
        "facility": facility,
        "active": active,
        "end": end,
    }


@pytest.mark.parametrize(
    ("entry", "good"),
    [
        ({"type": "Practitioner", "id": "d", "active": False}, False),
        ({"type": "Organization", "id": "f", "active": False}, False),
        (posting(active=False), False),
        (posting(active=True, end="2026-01-01"), False),
        (posting(active=True, end="2026-11-23"), True),
        (posting(active=False, facility="g"), True),
    ],
)  # fmt: skip
def test_standing(entry: dict[str, Any], good: bool) -> None:
    assert in_good_standing([entry], practitioner="d", facility="f", today="2026-11-23") is good
    assert in_good_standing([], practitioner="d", facility="f", today="2026-11-23")
