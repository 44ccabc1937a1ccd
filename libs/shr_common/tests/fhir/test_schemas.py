"""The fast path is sound: what the compiled schemas accept, the exact walk accepts too."""
# ruff: noqa: E501  (tables read better one case a line)

from __future__ import annotations

import contextlib
import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shr_common.errors import Issue
from shr_common.fhir import schemas
from shr_common.fhir.periods import is_in_order, places_of
from shr_common.fhir.schema_source_quick import QuickSchemaSource
from shr_common.fhir.tables import resource_types
from shr_common.fhir.validate import _passes, validate
from shr_common.fhir.walker import EnoughError, Walker

EXAMPLES = [json.loads(path.read_bytes()) for path in sorted((Path(__file__).parent / "examples").glob("*.json"))]
RESOURCES = [*(e for e in EXAMPLES if e["resourceType"] != "Bundle")]
_EXTENSION = {"url": "http://x.org", "valueString": "a"}
JUNK: list[Any] = [
    None, "", {}, [], 0, -1, 1.5, True, "x y", " a", "2026-02-30", "2024-02-29", "2026-02-29T10:00:00Z", "#", "#med", "#x",
    "Foo/1", "Patient/1", "a\n", {"id": "x"}, [None], [{}], "<div>a</div>", "<div onclick='x'>a</div>", {"extension": [_EXTENSION]},
    {"extension": [{"url": "x"}]}, [{"extension": [_EXTENSION]}], "urn:uuid:1", 1e300, 2**31, {"value": 1, "code": "mg"},
    {"start": "2020", "end": "2019"}, "final", "entered-in-error", {"numerator": {"value": 1}}, {"low": {"value": 2}, "high": {"value": 1}},
]  # fmt: skip
_NAMES = """
    id extension _status status foo valueString valueQuantity _valueString modifierExtension contained
    resourceType system code value start end reference text div url
    _url use _given given data coding dataAbsentReason valueRange valueRatio whenPrepared component clinicalStatus abatementDateTime resource part
"""
NAMES = _NAMES.split()


def _nodes(node: Any) -> list[Any]:
    inner = list(node.values()) if isinstance(node, dict) else node if isinstance(node, list) else []
    own = [node] if isinstance(node, (dict, list)) and node else []
    return own + [found for item in inner for found in _nodes(item)]


@st.composite
def damaged(draw: st.DrawFn) -> dict[str, Any]:
    """An example with one to three random changes; many stay valid."""
    resource: dict[str, Any] = copy.deepcopy(draw(st.sampled_from(RESOURCES)))
    for _ in range(draw(st.integers(1, 3))):
        node = draw(st.sampled_from(_nodes(resource)))
        junk = copy.deepcopy(draw(st.sampled_from(JUNK)))
        if isinstance(node, list):
            node[draw(st.integers(0, len(node) - 1))] = junk
            continue
        name = draw(st.sampled_from(sorted(node)))
        how = draw(st.sampled_from(["set", "drop", "sibling", "add", "list", "borrow"]))
        if how == "drop" and len(node) > 1:
            del node[name]
        elif how == "list":
            node[name] = [node[name]]
        elif how == "borrow":
            node.update(copy.deepcopy(draw(st.sampled_from([n for n in _nodes(RESOURCES) if isinstance(n, dict)]))))
        else:
            node[{"sibling": "_" + name, "add": draw(st.sampled_from(NAMES))}.get(how, name)] = junk
    return resource


def passes_quickly(resource: dict[str, Any]) -> bool:
    schemas.learn(resource)
    kind = resource["resourceType"]
    if kind not in schemas.QUICK:
        return False
    test, places = schemas.QUICK[kind]
    return test({kind: resource}) and all(is_in_order(resource[name], n) for name, n in places if name in resource)


def walked(resource: dict[str, Any]) -> list[Issue]:
    issues: list[Issue] = []
    with contextlib.suppress(EnoughError):
        Walker(issues, lambda inner, at: issues.extend(validate(inner, at))).resource(resource, "")
    return issues


@settings(max_examples=1500, deadline=None)
@given(damaged())
def test_what_the_fast_path_accepts_the_walk_accepts(resource: dict[str, Any]) -> None:
    kind = resource.get("resourceType")
    findings = validate(resource)
    if isinstance(kind, str) and kind in resource_types() and kind != "Bundle":
        assert findings == walked(resource)
        assert not (_passes(resource, kind) and findings)
        assert not (passes_quickly(resource) and findings)


def test_ordinary_resources_take_the_fast_path() -> None:
    slow = {"Patient", "Parameters"}  # extensions on list items, resources in parameters
    taken = {resource["resourceType"] for resource in RESOURCES if _passes(resource, resource["resourceType"])}
    assert taken == {resource["resourceType"] for resource in RESOURCES} - slow


def test_what_is_usual_passes_quickly() -> None:
    slow = {"Patient", "Parameters", "MedicationRequest"}  # as above, and what contains a resource
    taken = {resource["resourceType"] for resource in RESOURCES if passes_quickly(resource)}
    assert taken == {resource["resourceType"] for resource in RESOURCES} - slow


def test_only_the_places_of_periods_are_left_open_by_the_quick_schemas() -> None:
    schema = QuickSchemaSource().schema_of(schemas.CLINICAL - {"Bundle"})
    left_open = {
        (owner, name)
        for owner, definition in schema["$defs"].items()
        if isinstance(definition, dict)
        for name, member in definition.get("properties", {}).items()
        if member == {"$ref": "#/$defs/Period.unordered"}
    }
    places = [(kind, member, name) for kind in schemas.CLINICAL for member, name in places_of(kind)]
    assert left_open == {
        (kind, member) if name is None else (f"{kind}.{member}", name) for kind, member, name in places
    }


@pytest.mark.parametrize(("member", "name"), places_of("Encounter"))
def test_a_period_in_such_a_place_is_found_to_end_before_it_starts(member: str, name: str | None) -> None:
    (encounter,) = (copy.deepcopy(e) for e in RESOURCES if e["resourceType"] == "Encounter")
    period = {"start": "2026-11-22", "end": "2026-11-23"}
    needed = {"classHistory": {"class": {"code": "AMB"}}, "location": {"location": {"display": "x"}}}
    item = {**needed.get(member, {"status": "planned"} if member == "statusHistory" else {}), name or "": period}
    encounter[member] = period if name is None else [item, item]
    assert passes_quickly(encounter) and validate(encounter) == []
    period["end"] = "2026-11-21"
    assert {issue.rule for issue in validate(encounter)} == {"per-1"}


def test_a_period_that_more_than_one_element_leads_to_is_no_open_place() -> None:
    assert places_of("Encounter") == (
        ("period", None), ("classHistory", "period"), ("location", "period"), ("participant", "period"), ("statusHistory", "period"),
    )  # fmt: skip
    assert places_of("Consent") == ()  # provisions hold provisions


def test_one_group_serves_the_clinical_types() -> None:
    assert {resource["resourceType"] for resource in EXAMPLES} <= schemas.CLINICAL <= resource_types()
