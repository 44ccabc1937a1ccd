"""Any order and any repetition of the same events gives the same view."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from shr_contracts.cloudevents import rfc3339
from shr_gateway.domain.lines import packed
from shr_gateway.domain.sections import SECTION_LIMIT
from shr_gateway.projections.records import (
    Recorded,
    empty_profile,
    fold,
    fold_acknowledgement,
    fold_profile,
    recorded_of,
    to_refill,
)

START = datetime(2026, 1, 1, tzinfo=UTC)


def event(
    person: str, *resources: dict[str, Any], minute: int = 0, version: int = 1, source: str = "openmrs/10000001"
) -> Recorded:
    """A recorded submission whose resources were last updated in that minute."""
    at = rfc3339(START + timedelta(minutes=minute))
    entries = [
        {"type": r["resourceType"], "id": r["id"], "version": version,
         "resource": {**r, "meta": {"lastUpdated": at, **r.get("meta", {})}}}
        for r in resources
    ]  # fmt: skip
    value = {"source": source, "submission_id": f"s{minute}", "health_id": person, "resources": entries,
             "recorded_at": at, "version": version}  # fmt: skip
    return recorded_of(orjson.dumps(value))


def result(id: str, value: int = 1, **more: Any) -> dict[str, Any]:
    """A result."""
    return {"resourceType": "Observation", "id": id, "status": "final", "code": {"text": "Glucose"},
            "valueQuantity": {"value": value, "unit": "mmol/L"}, "effectiveDateTime": "2026-01-01", **more}  # fmt: skip


def views(events: list[Recorded], *, batch: int = 1) -> tuple[dict[str, Any], dict[str, bytes], dict[str, Any]]:
    """Rows, profiles (as bytes) and versions after folding the events in batches."""
    rows: dict[str, Any] = {}
    passed: dict[str, Any] = {}
    profiles: dict[str, Any] = {}
    for start in range(0, len(events), batch):
        folded = fold(rows, events[start : start + batch])
        rows.update(folded.current)
        passed.update(folded.passed)
        for person, changes in folded.changes.items():
            profiles[person] = fold_profile(profiles.get(person) or empty_profile(person), changes)
    shown = {person: packed(profile["lines"]) for person, profile in profiles.items() if profile["lines"]}
    kept = {key: row for key, row in passed.items() if rows[row["reference"]]["version"] != row["version"]}
    return rows, shown, kept


statuses = st.sampled_from(["final", "amended", "entered-in-error"])
states = st.tuples(st.sampled_from("abc"), st.integers(1, 4), statuses, st.sampled_from(["p1", "p2"]))


@given(st.lists(states, max_size=12, unique_by=lambda s: (s[0], s[1])), st.randoms(), st.integers(1, 5))
@settings(max_examples=150, deadline=None)
def test_any_order_and_repetition_gives_the_same_rows_and_profiles(
    said: list[tuple[str, int, str, str]], shuffler: random.Random, batch: int
) -> None:
    events = [
        event(person, result(name, version, status=status), minute=version, version=version)
        for name, version, status, person in said
    ]
    expected = views(sorted(events, key=lambda e: e.recorded_at))
    again = [*events, *events[:4]]
    shuffler.shuffle(again)
    assert views(again, batch=batch) == expected


def test_an_older_state_never_wins() -> None:
    new, old = event("p", result("a", 2), minute=9, version=2), event("p", result("a", 1), minute=1)
    rows, _, kept = views([new, old])
    assert rows["Observation/a"]["version"] == 2
    assert list(kept) == ["Observation/a/_history/1"]


def test_what_was_entered_in_error_leaves_every_view() -> None:
    events = [event("p", result("a")), event("p", result("a", status="entered-in-error"), minute=1, version=2)]
    rows, profiles, _ = views(events)
    assert profiles == {}
    assert rows["Observation/a"]["gone"] and rows["Observation/a"]["body"] is None


def test_a_problem_that_was_entered_in_error_says_so_in_another_place() -> None:
    wrong = {"coding": [{"code": "entered-in-error"}]}
    problem = {"resourceType": "Condition", "id": "c", "code": {"text": "x"}, "verificationStatus": wrong}
    _, profiles, _ = views([event("p", problem)])
    assert profiles == {}


def test_a_resource_that_moves_to_another_person_leaves_the_first() -> None:
    _, profiles, _ = views([event("p1", result("a")), event("p2", result("a"), minute=1, version=2)])
    assert list(profiles) == ["p2"]


def test_decimals_keep_their_zeros() -> None:
    value = (
        b'{"source":"openmrs/1","submission_id":"s","health_id":"p","recorded_at":"2026-01-01T00:00:00Z","resources":['
        b'{"type":"Observation","id":"a","version":1,"resource":{"resourceType":"Observation","id":"a",'
        b'"valueQuantity":{"value":1.50,"unit":"g"},"code":{"text":"x"}}}]}'
    )
    folded = fold({}, [recorded_of(value)])
    row = folded.current["Observation/a"]
    assert b'"value":1.50' in row["body"]
    assert b'"value":1.50' in row["item"]


def test_a_section_holds_its_newest_and_knows_that_there_are_more() -> None:
    many = [result(f"r{n:04d}", effectiveDateTime=f"2026-01-01T{n // 60:02d}:{n % 60:02d}:00Z") for n in range(600)]
    folded = fold({}, [event("p", *many)])
    profile = fold_profile(empty_profile("p"), folded.changes["p"])
    assert len(profile["lines"]) == SECTION_LIMIT and profile["capped"] == ["results"]
    assert profile["lines"][0].reference == "Observation/r0599"
    assert to_refill(profile, {"Observation/r0599": None}) == {"results"}
    assert to_refill(profile, {"Observation/r0001": None}) == set()


@given(st.permutations([("a", 3), ("a", 1), ("a", 2), ("b", 1)]))
def test_the_first_acknowledgement_of_a_practitioner_stands(said: list[tuple[str, int]]) -> None:
    profile = empty_profile("p")
    for practitioner, minute in said:
        at = rfc3339(START + timedelta(minutes=minute))
        profile = fold_acknowledgement(profile, {"reference": "Observation/x", "practitioner": practitioner, "at": at})
    assert [(one["practitioner"], one["at"][14:16]) for one in profile["acknowledged"]] == [("a", "01"), ("b", "01")]


def test_an_item_says_what_a_doctor_reads_first() -> None:
    interpretation = [{"coding": [{"code": "H"}]}]
    normal = [{"low": {"value": 3.5}, "high": {"value": 5.1}}]
    high = result("k", referenceRange=normal, interpretation=interpretation)
    medicine = {"resourceType": "MedicationRequest", "id": "m", "status": "active",
                "medicationReference": {"reference": "Medication/x"},
                "dosageInstruction": [{"text": "1+0+1"}]}  # fmt: skip
    losartan = {"resourceType": "Medication", "id": "x", "code": {"text": "Losartan 50 mg"}}
    rows = fold({}, [event("p", high, medicine, losartan)]).current
    item = orjson.loads(rows["Observation/k"]["item"])
    assert (item["flag"], item["range"], item["unit"]) == ("H", "3.5–5.1", "mmol/L")
    item = orjson.loads(rows["MedicationRequest/m"]["item"])
    assert (item["display"], item["dose"], item["section"]) == ("Losartan 50 mg", "1+0+1", "medicines")
    assert rows["Medication/x"]["item"] is None
