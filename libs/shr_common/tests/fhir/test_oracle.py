"""The same verdict as fhir.resources on official samples; each difference has its reason in differences.json."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class
from pydantic import ValidationError
from shr_common.errors import ShrError
from shr_common.fhir.json import parse
from shr_common.fhir.validate import validate

DIFFERENCES: dict[str, dict[str, str]] = json.loads((Path(__file__).parent / "differences.json").read_bytes())
STRICTER = DIFFERENCES["stricter_than_the_oracle"]
ACCEPTED = DIFFERENCES["accepted_though_the_reference_validator_objects"]


def oracle_accepts(resource: dict[str, Any]) -> bool:
    try:
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)
    except ValidationError:
        return False
    return True


def test_own_examples_are_accepted_by_both(examples: dict[str, Any]) -> None:
    for name, resource in examples.items():
        assert oracle_accepts(resource), name
        assert validate(resource) == [], name


@pytest.mark.parametrize("missing", ["resourceType", "status", "class"])
def test_both_miss_what_is_required(examples: dict[str, Any], missing: str) -> None:
    encounter = {name: value for name, value in examples["encounter"].items() if name != missing}
    assert validate(encounter)
    assert missing == "resourceType" or not oracle_accepts(encounter)


def test_official_examples_get_the_oracles_verdict(samples: Path) -> None:
    paths = sorted((samples / "fhir-r4").rglob("*.json"))
    assert len(paths) > 100
    for path in paths:
        resource = parse(path.read_bytes())
        assert (not validate(resource)) == oracle_accepts(resource), path.name


def test_broken_samples_get_the_oracles_verdict(samples: Path) -> None:
    differing = set()
    for path in sorted((samples / "invalid").glob("*.json")):
        try:
            resource = parse(path.read_bytes())
        except ShrError as error:
            assert error.detail == "malformed"
            continue
        refused = bool(validate(resource))
        if refused == oracle_accepts(resource):
            assert refused, f"{path.name} is refused by the oracle alone"
            differing.add(path.name)
    assert differing == set(STRICTER)


def test_what_is_detectable_is_detected(samples: Path) -> None:
    with (samples / "invalid" / "expected.csv").open(encoding="utf-8") as rows:
        detectable = {
            row["file"] for row in csv.DictReader(rows) if int(row["detectable_without_terminology_or_igs"] or 0) > 0
        }
    accepted = set()
    for name in detectable:
        try:
            if not validate(parse((samples / "invalid" / name).read_bytes())):
                accepted.add(name)
        except ShrError:
            continue
    assert accepted == set(ACCEPTED)
