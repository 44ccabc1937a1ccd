"""The edges of the rules, each by name: what a small mistake in them would change."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from shr_policy import Actor, Decision, Grant, Item, admits, decide

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
DOCTOR = Actor("practitioner", "P1", "F1")
ITEM = Item("Observation", "Observation/1", "2024-06-15", "F3", frozenset(), "N", "Encounter/1")
GRANT = Grant.of(
    {
        "consent_id": "c0",
        "status": "granted",
        "recipient": {"type": "practitioner", "id": "P1"},
        "purpose": "CAREMGT",
        "expires_at": (NOW + timedelta(seconds=1)).isoformat(),
    }
)
REFUSAL = replace(GRANT, consent_id="c1", decision="deny", recipient=None)
EMERGENCY = replace(GRANT, consent_id="c2", kind="break-glass", purpose="BTG")
HIV = frozenset({"HIV"})


def decided(*grants: Grant, **question: Any) -> Decision:
    asked: dict[str, Any] = {
        "actor": DOCTOR,
        "patient": "98000173958",
        "purpose": "CAREMGT",
        "resource_type": "*",
        "action": "read",
        "guardians": (),
        "wrote_here": False,
        "now": NOW,
    }
    return decide(grants=grants, **asked | question)


def shown(item: Item, *grants: Grant, **question: Any) -> bool:
    return admits(decided(*grants, **question), item).shown


def test_the_plain_case_is_shown() -> None:
    assert shown(ITEM, GRANT)


@pytest.mark.parametrize(
    ("change", "left"),
    [
        ({"expires_at": NOW}, False),
        ({"expires_at": None}, True),
        ({"status": "revoked"}, False),
        ({"status": "requested"}, False),
        ({"recipient": ("practitioner", "P2")}, False),
        ({"recipient": ("facility", "F1")}, True),
        ({"recipient": ("organization", "F1")}, True),
        ({"recipient": ("facility", "P1")}, False),
        ({"recipient": None}, False),
        ({"purpose": None}, False),
        ({"record_start": "2024-06-15", "record_end": "2024-06-15"}, True),
        ({"record_start": "2024-06-16"}, False),
        ({"record_end": "2024-06-14"}, False),
        ({"record_types": frozenset()}, False),
    ],
)
def test_one_change_of_the_grant(change: dict[str, Any], left: bool) -> None:
    assert shown(ITEM, replace(GRANT, **change)) is left


@pytest.mark.parametrize(
    ("date", "start", "end", "left"),
    [
        ("2024-06", "2024-06-15", None, False),
        ("2024-06", None, "2024-06-15", False),
        ("2024-06", "2024-06-01", "2024-06-30", True),
        ("2024-13", "2024-01-01", "2024-12-31", False),
        ("2024-06", "2024-06-01", "2024-07-01", True),
        ("2024", "2024-01-01", "2024-12-31", True),
        ("2024", "2024-01-02", None, False),
        (None, "2024-01-01", None, False),
        (None, None, "2030-01-01", False),
        ("", None, "2030-01-01", False),
    ],
)
def test_a_grant_covers_a_partial_date_only_whole(
    date: str | None, start: str | None, end: str | None, left: bool
) -> None:
    assert shown(replace(ITEM, date=date), replace(GRANT, record_start=start, record_end=end)) is left


@pytest.mark.parametrize(
    ("date", "start", "end", "left"),
    [
        ("2024-06", "2024-06-30", None, False),
        ("2024-06", None, "2024-06-01", False),
        ("2024-06", "2024-07-01", None, True),
        ("2024-06", None, "2024-05-31", True),
        (None, "2024-07-01", None, False),
    ],
)
def test_a_refusal_covers_a_partial_date_at_a_touch(
    date: str | None, start: str | None, end: str | None, left: bool
) -> None:
    assert shown(replace(ITEM, date=date), GRANT, replace(REFUSAL, record_start=start, record_end=end)) is left


def test_a_refused_type_is_in_no_filter() -> None:
    observations = frozenset({"Observation"})
    both = replace(GRANT, record_types=frozenset({"Observation", "Condition"}))
    refusal = replace(REFUSAL, record_types=observations)
    assert decided(both, refusal).filters[0].record_types == {"Condition"}
    assert not decided(both, refusal, resource_type="Observation").permit
    assert not decided(GRANT, refusal, resource_type="Observation").permit
    assert decided(GRANT, refusal, resource_type="Condition").permit
    assert not decided(replace(GRANT, record_types=observations), refusal).permit
    bounded = replace(refusal, record_start="2024-01-01")
    assert decided(GRANT, bounded, resource_type="Observation").permit, "what was before that may still be shown"


@pytest.mark.parametrize(
    ("purpose_of_refusal", "left"), [(None, True), ("CAREMGT", True), ("HRESCH", True), ("BTG", False)]
)
def test_only_a_refusal_of_emergencies_binds_one(purpose_of_refusal: str | None, left: bool) -> None:
    refusal = replace(REFUSAL, purpose=purpose_of_refusal)
    assert shown(ITEM, EMERGENCY, refusal, purpose="BTG") is left
    bounded = replace(refusal, record_start="2024-01-01")
    assert shown(ITEM, EMERGENCY, bounded, purpose="BTG") is left


def test_an_emergency_opens_labels_and_restricted_but_never_very_restricted() -> None:
    for item in (replace(ITEM, labels=HIV), replace(ITEM, confidentiality="R")):
        assert shown(item, EMERGENCY, purpose="BTG")
    very = replace(ITEM, confidentiality="V")
    naming = replace(GRANT, purpose="BTG", sensitive=frozenset({"V", "HIV"}))
    for item in (very, replace(very, labels=HIV)):
        assert not shown(item, EMERGENCY, naming, purpose="BTG")
        assert shown(item, replace(naming, purpose="CAREMGT"))
        assert shown(replace(item, facility="F1"), EMERGENCY, purpose="BTG", wrote_here=True)


def test_an_emergency_declared_with_another_purpose_opens_nothing() -> None:
    assert not shown(ITEM, replace(EMERGENCY, purpose="CAREMGT"))


def test_closed_twice_is_open_only_to_those_whom_both_name() -> None:
    me, other = ("practitioner", "P1"), ("practitioner", "P2")
    closed = replace(REFUSAL, kind="restriction", reference="Encounter/1", purpose=None)
    mine, both = replace(closed, except_for=frozenset({me})), replace(closed, except_for=frozenset({me, other}))
    assert shown(ITEM, GRANT, mine, both)
    assert not shown(ITEM, GRANT, mine, closed)
    assert not shown(ITEM, GRANT, replace(mine, reference="Observation/1"), closed)
    assert shown(ITEM, GRANT, replace(closed, reference="Encounter/2"))
    facility = replace(closed, except_for=frozenset({("facility", "F1")}))
    assert shown(ITEM, GRANT, facility)
    assert not shown(ITEM, GRANT, replace(closed, except_for=frozenset({("facility", "P1")})))


def test_own_facility_is_for_care_payment_and_emergencies() -> None:
    own = replace(ITEM, facility="F1", labels=HIV, confidentiality="V")
    for purpose in ("CAREMGT", "HPAYMT", "BTG"):
        assert shown(own, purpose=purpose, wrote_here=True)
    for purpose in ("HRESCH", "PUBHLTH", "PATRQT"):
        assert not shown(own, purpose=purpose, wrote_here=True)
    assert not shown(own, wrote_here=False)
    assert not shown(replace(own, facility=None), actor=Actor("practitioner", "P1", None), wrote_here=True)


def test_unknown_words_mean_no() -> None:
    assert not shown(ITEM, replace(GRANT, purpose="CURIOSITY"), purpose="CURIOSITY")
    assert not shown(ITEM, GRANT, action="steal")
    assert not shown(replace(ITEM, confidentiality="X"), GRANT)
    assert not shown(replace(ITEM, labels=frozenset({"NEW"})), GRANT)


@pytest.mark.parametrize(("action", "left"), [("read", True), ("count", True), ("download", False)])
def test_from_erase_at_on_no_copy_may_be_taken(action: str, left: bool) -> None:
    kept = replace(GRANT, access_mode="STORE", erase_at=NOW)
    assert shown(ITEM, kept, action=action) is left
    assert shown(ITEM, replace(kept, erase_at=NOW + timedelta(seconds=1)), action=action)


def test_erase_at_is_read_from_the_event() -> None:
    said = {"consent_id": "c", "status": "granted", "erase_at": "2031-01-01T00:00:00Z"}
    assert Grant.of(said).erase_at == datetime(2031, 1, 1, tzinfo=UTC)
