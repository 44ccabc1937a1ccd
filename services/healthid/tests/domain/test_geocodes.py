"""Geocodes of BD-Core and of the older registry lead to each other; what is wrong in an address is said where it is."""

from __future__ import annotations

import csv
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shr_healthid.domain import geocodes
from shr_healthid.domain.geocode_table import MISPLACED
from shr_healthid.domain.geocodes import (
    Place,
    city_corporation_of,
    district_of,
    level_of,
    older_upazila_of,
    place_of_address_code,
    upazila_of,
)
from shr_healthid.domain.places import PROFILE, place_issues, place_of
from shr_local.paths import WORKING_COPY

UPAZILAS = [code for code in geocodes._names() if len(code) == 8]
SHARED = WORKING_COPY.parent / "shared"
BD_CORE = "https://fhir.dghs.gov.bd/core/StructureDefinition/"


@given(st.sampled_from(UPAZILAS))
def test_every_upazila_keeps_its_code_there_and_back(code: str) -> None:
    older = older_upazila_of(code)
    assert older is not None
    assert len(older.code) == 6
    if code in MISPLACED:
        assert upazila_of(older.code) != code
        return
    back = upazila_of(older.code, city_corporation=older.city_corporation)
    assert back == code == upazila_of(older.code)
    assert place_of_address_code(older.code + (older.city_corporation or "")) == Place(older.code[:4], back)


def test_the_older_spellings() -> None:
    assert upazila_of("100409") == "10040009"
    assert upazila_of("302602") == "30262502"  # a thana of Dhaka North
    assert upazila_of("306122") == "45610022"  # Mymensingh was a district of Dhaka division
    assert upazila_of("302699") is None
    assert (district_of("26"), district_of("26", division="20"), district_of("3061")) == ("3026", None, "4561")
    assert (district_of("  dhaka "), district_of("Atlantis")) == ("3026", None)
    assert (city_corporation_of("26", "25"), city_corporation_of("26", "99")) == ("302625", None)
    assert place_of_address_code("3026062530") == Place("3026", "30262506")
    assert [place_of_address_code(code) for code in ("", "3", "xy", "9999", "302699")] == [None] * 5
    assert (level_of("302625"), level_of("1004000920"), level_of("302600")) == (
        "city-corporation",
        "municipality",
        None,
    )


@pytest.mark.skipif(not SHARED.is_dir(), reason="the samples are not here")
def test_the_table_has_every_code_of_the_guide_and_every_upazila_of_the_older_registry() -> None:
    with (SHARED / "bd-core/geocodes.csv").open(encoding="utf-8", newline="") as opened:
        codes = [row["code"] for row in csv.DictReader(opened)]
    placeholders = [code for code in codes if len(code) == 6 and code.endswith("00")]
    assert [code for code in codes if level_of(code) is None] == placeholders
    folder = SHARED / "samples/sharedhealth/apache-2.0"
    for upazila in json.loads((folder / "UpazilaLevelResponseFromLocationRegistry.json").read_text(encoding="utf-8")):
        found = upazila_of(upazila["code"])
        assert found is not None
        assert older_upazila_of(found).code == upazila["code"]  # type: ignore[union-attr]


def address(*, division: str | None = None, district: str | None = None, upazila: str | None = None) -> dict[str, Any]:
    coded = (("bd-divisions", division), ("bd-upazillas", upazila))
    extensions = [{"url": BD_CORE + name, "valueCodeableConcept": {"coding": [{"code": c}]}} for name, c in coded if c]
    return {"extension": extensions, **({"district": district} if district else {})}


@pytest.mark.parametrize(
    ("given", "place", "severity", "meant"),
    [
        (address(division="30", district="3026", upazila="30260014"), None, None, Place("3026", "30260014")),
        (address(district="9999"), "district", "error", Place("9999", None)),
        (address(district="Dhaka"), None, None, Place("3026", None)),
        (address(division="99", district="3026"), "extension[0].valueCodeableConcept.coding[0].code", "error",
         Place("3026", None)),
        (address(upazila="99999999"), "extension[0].valueCodeableConcept.coding[0].code", "error",
         Place(None, "99999999")),
        (address(upazila="302602"), "extension[0].valueCodeableConcept.coding[0].code", "information",
         Place("3026", "30262502")),
        (address(district="3026", upazila="10040028"), "extension[0].valueCodeableConcept.coding[0].code", "warning",
         Place("3026", "10040028")),
        (address(division="20", district="3026"), "district", "warning", Place("3026", None)),
    ],
)  # fmt: skip
def test_an_address_is_read_and_judged(
    given: dict[str, Any], place: str | None, severity: str | None, meant: Place
) -> None:
    patient = {"resourceType": "Patient", "address": [given], "meta": {"profile": [PROFILE]}}
    found = [(issue.expression, issue.severity) for issue in place_issues(patient)]
    assert found == ([] if place is None else [(f"Patient.address[0].{place}", severity)])
    assert place_of(given) == meant
    lenient = {issue.severity for issue in place_issues({**patient, "meta": {}})}
    assert "error" not in lenient
    assert all(issue.text_bn for issue in place_issues(patient))
