"""Splitting bundles into raw entries, and references within them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from shr_common.errors import Category, ShrError
from shr_common.fhir.bundle import split_bundle, unresolved_references


def test_entries_keep_their_bytes(raw_examples: dict[str, bytes]) -> None:
    raw = raw_examples["bundle-visit"]
    parts = split_bundle(raw)
    assert len(parts.entries) == 8
    for entry in parts.entries:
        assert entry.raw is not None
        assert bytes(entry.raw) in raw
        assert json.loads(bytes(entry.raw)) == entry.resource == parts.tree["entry"][entry.number]["resource"]
    assert b"120.50" in bytes(parts.entries[2].raw or b"")
    assert parts.entries[2].at == "Bundle.entry[2].resource"
    assert parts.entries[1].request == {"method": "POST", "url": "Encounter"}


@pytest.mark.parametrize("entry", ["null", "{}", "[null]", "[[]]", '"x"'])
def test_malformed_entries_are_left_to_validation(entry: str) -> None:
    parts = split_bundle(b'{"resourceType":"Bundle","type":"batch","entry":' + entry.encode() + b"}")
    assert parts.entries == ()


def test_entries_without_a_resource_have_no_bytes() -> None:
    (entry,) = split_bundle(b'{"entry":[{"request":{"method":"DELETE","url":"Patient/1"}}]}').entries
    assert (entry.raw, entry.resource, entry.full_url) == (None, None, None)
    (entry,) = split_bundle(b'{"entry":[{"resource":"x"}]}').entries
    assert entry.raw is None


def test_too_many_entries_are_refused() -> None:
    with pytest.raises(ShrError) as caught:
        split_bundle(b'{"entry":[' + b",".join([b"{}"] * 10) + b"]}", most_entries=9)
    assert caught.value.category is Category.TOO_LARGE


def test_references_to_entries_that_are_not_there_are_found(examples: dict[str, Any]) -> None:
    bundle = examples["bundle-visit"]
    assert list(unresolved_references(bundle)) == []
    bundle["entry"][1]["fullUrl"] = "urn:uuid:00000000-0000-4000-8000-000000000000"
    (issue,) = unresolved_references(bundle)
    assert issue.expression == "Bundle.entry[2].resource.encounter.reference"
    assert issue.code == "not-found"
