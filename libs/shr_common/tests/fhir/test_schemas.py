"""The fast path is sound: what the compiled schemas accept, the exact walk accepts too."""
# ruff: noqa: E501  (tables read better one case a line)

from __future__ import annotations

import contextlib
import copy
import json
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from shr_common.errors import Issue
from shr_common.fhir import schemas
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


def test_ordinary_resources_take_the_fast_path() -> None:
    slow = {"Patient", "Parameters"}  # extensions on list items, resources in parameters
    taken = {resource["resourceType"] for resource in RESOURCES if _passes(resource, resource["resourceType"])}
    assert taken == {resource["resourceType"] for resource in RESOURCES} - slow


def test_one_group_serves_the_clinical_types() -> None:
    assert {resource["resourceType"] for resource in EXAMPLES} <= schemas.CLINICAL <= resource_types()
