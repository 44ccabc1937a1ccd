"""Served bytes: what was sent, but for what is spliced in."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shr_common.fhir.splice import splice
from shr_common.fhir.validate import validate

EXAMPLES = {p.stem: p.read_bytes() for p in sorted((Path(__file__).parent / "examples").glob("*.json"))}
SINGLE = sorted(set(EXAMPLES) - {"bundle-visit", "parameters"})
META = {"versionId": "3", "lastUpdated": "2026-11-23T04:00:00Z", "source": "openmrs/10000001"}
NID = "http://dghs.gov.bd/identifier/nid"
_NUMBER = re.compile(r"(?<=[:,\[ ])-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?=\s*[,}\]])")


def served(raw: bytes, **changes: Any) -> bytes:
    return splice(raw, json.loads(raw), **{"id": "new", "meta": META, **changes})


def test_id_and_meta_come_in_and_all_else_stays() -> None:
    raw = b'{ "status":"final" ,"resourceType":"Observation", "valueQuantity":{ "value" : 1.50 } }'
    assert served(raw) == (
        b'{"resourceType":"Observation","id":"new","meta":{"versionId":"3","lastUpdated":"2026-11-23T04:00:00Z",'
        b'"source":"openmrs/10000001"},"status":"final","valueQuantity":{ "value" : 1.50 }}'
    )


def test_meta_is_laid_over_the_sent_one() -> None:
    raw = b'{"resourceType":"Patient","meta":{"versionId":"1","profile":["p"],"tag":[{"code":"a"}]},"id":"old"}'
    tag = [{"code": "a"}, {"code": "b"}]
    meta = json.loads(served(raw, meta={"versionId": "2", "tag": tag}))["meta"]
    assert meta == {"versionId": "2", "profile": ["p"], "tag": tag}


def test_references_are_rewritten_wherever_they_stand() -> None:
    raw = EXAMPLES["observation-blood-pressure"]
    out = json.loads(served(raw, references={"Patient/98000000003": "Patient/P-1", "urn:uuid:x": "Encounter/1"}))
    assert out["subject"]["reference"] == "Patient/P-1"
    assert out["encounter"] == json.loads(raw)["encounter"]


def test_only_values_under_references_change() -> None:
    raw = (
        b'{"resourceType":"Condition","subject":{"reference":"a"},"note":[{"text":"a"}],'
        b'"evidence":[{"detail":[{"reference":"a"},{"reference":"b"}]}]}'
    )
    out = json.loads(served(raw, references={"a": "A", "b": "B"}))
    assert out["note"] == [{"text": "a"}]
    assert out["evidence"] == [{"detail": [{"reference": "A"}, {"reference": "B"}]}]


def test_identity_numbers_are_masked() -> None:
    masks = {NID: lambda number: "*" * (len(number) - 3) + number[-3:]}
    patient = served(EXAMPLES["patient"], masks=masks)
    assert b"1234567890" not in patient
    assert [i["value"] for i in json.loads(patient)["identifier"]] == ["*******890", "10004F"]
    assert b"1234567890" not in served(EXAMPLES["diagnostic-report"], masks=masks)


@pytest.mark.parametrize("name", SINGLE)
def test_what_was_valid_stays_valid(name: str) -> None:
    out = served(EXAMPLES[name], references={"Patient/98000000003": "Patient/P-1"})
    assert validate(json.loads(out)) == []


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(SINGLE), st.from_regex(r"\A-?(0|[1-9][0-9]{0,20})\.[0-9]{1,20}\Z"), st.booleans())
def test_decimals_keep_their_digits(name: str, decimal: str, rewrites: bool) -> None:
    note = '"extension":[{"url":"http://x.org","valueDecimal":' + decimal + "}]"
    text = EXAMPLES[name].decode().strip()
    raw = f"{text[:-1]},{note}}}".encode()
    references = {"Patient/98000000003": "Patient/98000000011"} if rewrites else {}
    out = served(raw, references=references)
    assert sorted(_NUMBER.findall(out.decode())) == sorted(_NUMBER.findall(raw.decode()))
    assert validate(json.loads(out)) == []


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(SINGLE))
def test_everything_but_the_changes_is_equal(name: str) -> None:
    before, after = json.loads(EXAMPLES[name]), json.loads(served(EXAMPLES[name]))
    for member in ("id", "meta"):
        before.pop(member, None)
        after.pop(member, None)
    assert before == after
