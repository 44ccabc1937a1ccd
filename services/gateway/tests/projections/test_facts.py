"""Consents and registry entries fold to their newest version in any order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from shr_gateway.projections.facts import cause_of, fold_consent, fold_registry, names_of

START = datetime(2026, 1, 1, tzinfo=UTC)


def consent(version: int, status: str) -> dict[str, Any]:
    """A state of a consent."""
    return {"consent_id": "c", "patient": "p", "version": version, "status": status, "purpose": "CAREMGT"}


@given(st.permutations([(1, "requested"), (2, "granted"), (3, "granted"), (4, "revoked"), (2, "granted")]))
def test_a_consent_stands_at_its_newest_and_knows_since_when(said: list[tuple[int, str]]) -> None:
    known = None
    for version, status in said:
        known = fold_consent(known, consent(version, status), START + timedelta(minutes=version)) or known
    assert known is not None
    assert (known["version"], known["status"], known["granted_at"]) == (4, "revoked", START + timedelta(minutes=2))


def test_a_registry_entry_of_a_lower_version_is_dropped() -> None:
    said = {"resource_type": "Organization", "id": "1", "version": 2, "name": "New"}
    known = fold_registry(None, said)
    assert known is not None and fold_registry(known, {**said, "version": 1, "name": "Old"}) is None


def test_names_in_either_language_are_kept() -> None:
    concepts = [{"system": "s", "code": "a", "display": "A", "display_bn": "ক"}, {"system": "s", "code": "b"}]
    assert names_of({"concepts": concepts}) == [{"_id": "s|a", "display": "A", "display_bn": "ক"}]


def test_a_cause_is_a_code_and_never_words() -> None:
    rule = {"severity": "error", "code": "value", "details": {"text": "1234567890", "coding": [{"code": "bd-3"}]}}
    assert cause_of({"issue": [{"severity": "warning", "code": "x"}, rule]}) == "bd-3"
    assert cause_of({"issue": [{"severity": "error", "code": "value"}]}) == "value"
    assert cause_of({}) == "invalid"
