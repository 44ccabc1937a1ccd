"""The index as a library: built from resources, asked in process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shr_common.errors import Category, ShrError
from shr_terminology.domain.announcements import announcements
from shr_terminology.domain.answers import Coding
from shr_terminology.domain.artefacts import artefacts_of
from shr_terminology.domain.index import Terminology
from shr_terminology.factory import demo_files, now

SAMPLES = Path(__file__).parents[5] / "shared" / "samples" / "terminology"
ICD10 = "http://hl7.org/fhir/sid/icd-10"
COLORS = "http://example.org/colors"


def colors(version: str | None = "1", **more: Any) -> dict[str, Any]:
    """A small code system with a hierarchy and properties."""
    red = {
        "code": "red",
        "display": "Red",
        "designation": [{"language": "bn", "value": "লাল"}],
        "property": [{"code": "warm", "valueBoolean": True}],
        "concept": [{"code": "crimson", "display": "Crimson"}, {"code": "old-red", "display": "Old red"}],
    }
    red["concept"][1]["property"] = [{"code": "inactive", "valueBoolean": True}]  # type: ignore[index]
    blue = {"code": "blue", "display": "Blue", "property": [{"code": "warm", "valueBoolean": False}]}
    said = {"resourceType": "CodeSystem", "url": COLORS, "status": "active", "content": "complete", "name": "Colors"}
    return said | ({"version": version} if version else {}) | {"concept": [red, blue]} | more


def value_set(**compose: Any) -> dict[str, Any]:
    """A value set by its compose."""
    return {"resourceType": "ValueSet", "url": "http://example.org/vs", "status": "active", "compose": compose}


def codes(index: Terminology, resource: dict[str, Any], **asked: Any) -> list[str]:
    """The expansion of a value set."""
    return [entry.code for entry in index.expand(index.compile(resource), limit=100, **asked).entries]


def test_the_demonstration_is_accepted_and_answers() -> None:
    resources = [a.resource for content in demo_files() for a in artefacts_of(content)]
    index = Terminology(resources)
    assert index.validate("http://loinc.org", "8480-6").display == "Systolic blood pressure"
    assert index.validate("urn:oid:2.16.840.1.113883.6.1", "8480-6").system == "http://loinc.org"
    assert index.validate(ICD10, "E11.9", language="bn").display == "টাইপ ২ ডায়াবেটিস, জটিলতা ছাড়া"
    translated = index.translate(Coding("http://shapla.example.org/openmrs/concept", "SMCH-DM2"))
    assert [(m.system, m.code) for m in translated.matches] == [(ICD10, "E11.9")]
    assert index.subsumes(ICD10, "E11", "E11.9") == "subsumes"
    assert index.validate("http://id.who.int/icd/release/11/mms", "NC72.Z&XK8G").result
    assert not index.validate("http://id.who.int/icd/release/11/mms", "NC72.Z&NONE").result
    assert not any(code.startswith("X") for code in codes(index, _named(resources, "diagnoses")))


def _named(resources: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(r for r in resources if r["id"] == name)


def test_a_code_is_valid_or_says_why_not() -> None:
    index = Terminology([colors()])
    assert index.validate(COLORS, "red")[:3] == (True, None, "Red")
    unknown = index.validate(COLORS, "green")
    assert not unknown.result
    assert unknown.message == f"The code green is not in {COLORS}|1."
    assert index.validate(COLORS, "red", display=" red ").result
    assert index.validate(COLORS, "red", display="লাল").result
    wrong = index.validate(COLORS, "red", display="Blue")
    assert (wrong.result, wrong.display) == (False, "Red")
    with pytest.raises(ShrError) as missing:
        index.validate("http://example.org/none", "x")
    assert missing.value.category is Category.NOT_FOUND


def test_the_newest_version_answers_unless_one_is_named() -> None:
    index = Terminology([colors("2.10"), colors("2.9", concept=[{"code": "old", "display": "Old"}])])
    assert index.validate(COLORS, "red").version == "2.10"
    assert index.validate(COLORS, "old", version="2.9").result
    assert not index.validate(COLORS, "old").result


def test_case_counts_unless_the_code_system_says_otherwise() -> None:
    assert not Terminology([colors()]).validate(COLORS, "RED").result
    assert Terminology([colors(caseSensitive=False)]).validate(COLORS, "RED").code == "red"


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([("concept", "is-a", "red")], ["red", "crimson", "old-red"]),
        ([("concept", "descendent-of", "red")], ["crimson", "old-red"]),
        ([("concept", "is-not-a", "red")], ["blue"]),
        ([("concept", "generalizes", "crimson")], ["red", "crimson"]),
        ([("concept", "in", "red,blue")], ["red", "blue"]),
        ([("concept", "not-in", "red,blue")], ["crimson", "old-red"]),
        ([("warm", "=", "true")], ["red"]),
        ([("warm", "exists", "true")], ["red", "blue"]),
        ([("warm", "exists", "false")], ["crimson", "old-red"]),
        ([("code", "regex", ".*red")], ["red", "old-red"]),
        ([("display", "regex", "C.*n")], ["crimson"]),
        ([("parent", "=", "red"), ("inactive", "=", "false")], ["crimson"]),
    ],
)
def test_filters(filters: list[tuple[str, str, str]], expected: list[str]) -> None:
    said = [{"property": p, "op": op, "value": value} for p, op, value in filters]
    assert codes(Terminology([colors()]), value_set(include=[{"system": COLORS, "filter": said}])) == expected


def test_includes_unite_and_excludes_take_away() -> None:
    index = Terminology([colors(), value_set(include=[{"system": COLORS, "concept": [{"code": "red"}]}])])
    both = value_set(
        include=[{"valueSet": ["http://example.org/vs"]}, {"system": COLORS}],
        exclude=[{"system": COLORS, "concept": [{"code": "blue"}]}],
    )
    assert codes(index, both) == ["red", "crimson", "old-red"]
    meeting = value_set(include=[{"system": COLORS, "valueSet": ["http://example.org/vs"]}])
    assert codes(index, meeting) == ["red"]
    assert codes(index, value_set(include=[{"system": COLORS}]), active_only=True) == ["red", "crimson", "blue"]
    assert codes(index, value_set(include=[{"system": COLORS}]), offset=1, count=2) == ["crimson", "old-red"]
    assert codes(index, value_set(include=[{"system": COLORS}]), text="লা") == ["red"]
    assert codes(index, value_set(include=[{"system": COLORS}]), text="old re") == ["old-red"]


def test_implicit_value_sets() -> None:
    index = Terminology([colors(valueSet="http://example.org/colors/all")])
    assert index.value_set(f"{COLORS}?fhir_vs").has(COLORS, "blue")
    assert [e.code for e in index.value_set(f"{COLORS}?fhir_vs=isa/red").entries()] == ["red", "crimson", "old-red"]
    assert index.value_set("http://example.org/colors/all").has(COLORS, "red")
    with pytest.raises(ShrError):
        index.value_set("http://example.org/nothing")


def test_a_value_set_that_imports_itself_is_refused_with_its_place() -> None:
    index = Terminology([value_set(include=[{"valueSet": ["http://example.org/vs"]}])])
    with pytest.raises(ShrError) as refused:
        index.value_set("http://example.org/vs")
    assert refused.value.issues[0].expression == "ValueSet.compose.include[0].valueSet[0]"


def test_codes_that_a_value_set_lists_count_without_their_code_system_and_filters_do_not() -> None:
    index = Terminology()
    listed = index.compile(value_set(include=[{"system": "urn:x", "concept": [{"code": "a", "display": "A"}]}]))
    assert index.validate_in(listed, Coding("urn:x", "a")).display == "A"
    assert index.validate_in(listed, Coding(None, "a")).result
    whole = index.compile(value_set(include=[{"system": "urn:x"}]))
    assert "not loaded" in (index.validate_in(whole, Coding("urn:x", "a")).message or "")
    with pytest.raises(ShrError) as refused:
        index.expand(whole, limit=10)
    assert refused.value.category is Category.INVALID


def test_too_many_codes_at_once_are_refused_but_pages_are_not() -> None:
    index = Terminology([colors()])
    everything = index.compile(value_set(include=[{"system": COLORS}]))
    with pytest.raises(ShrError) as refused:
        index.expand(everything, limit=3)
    assert refused.value.issues[0].code == "too-costly"
    assert index.expand(everything, limit=3, count=2).total == 4


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*", ".*.*.*.*x", "(?=a)", r"(a)\1", "[", "a" * 201, "(a{1,9}){9}"])
def test_a_pattern_that_could_take_long_is_refused(pattern: str) -> None:
    said = [{"property": "code", "op": "regex", "value": pattern}]
    with pytest.raises(ShrError) as refused:
        Terminology([colors()]).compile(value_set(include=[{"system": COLORS, "filter": said}]))
    assert refused.value.issues[0].expression == "ValueSet.compose.include[0].filter[0].value"


def test_a_supplement_adds_names_and_properties() -> None:
    supplement = colors(content="supplement", url="http://example.org/more", supplements=COLORS)
    supplement["concept"] = [{"code": "blue", "designation": [{"language": "bn", "value": "নীল"}]}]
    index = Terminology([colors(), supplement])
    assert index.validate(COLORS, "blue", language="bn").display == "নীল"
    assert Terminology([supplement]).must_be_rebuilt_for(colors())


def test_translation_in_both_directions() -> None:
    element = {"code": "red", "target": [{"code": "R", "equivalence": "wider"}]}
    lost = {"code": "blue", "target": [{"equivalence": "unmatched"}]}
    group = {"source": COLORS, "target": "urn:letters", "element": [element, lost]}
    found = {"resourceType": "ConceptMap", "url": "http://example.org/map", "status": "active", "group": [group]}
    index = Terminology([colors(), found])
    assert index.translate(Coding(COLORS, "red")).matches[0].code == "R"
    back = index.translate(Coding("urn:letters", "R"), reverse=True).matches[0]
    assert (back.code, back.equivalence, back.display) == ("red", "narrower", "Red")
    assert not index.translate(Coding(COLORS, "blue")).result
    assert not index.translate(Coding(COLORS, "red"), target_system="urn:other").result
    with pytest.raises(ShrError):
        index.translate(Coding(COLORS, "red"), url="http://example.org/none")


@pytest.mark.parametrize(
    ("content", "at"),
    [
        ({"resourceType": "Patient"}, "Patient.resourceType"),
        ({}, "resourceType"),
        (colors(url="no-uri"), "CodeSystem.url"),
        (colors(status="perhaps"), "CodeSystem.status"),
        (
            colors(concept=[{"code": "a"}, {"code": "b", "concept": [{"code": "a"}]}]),
            "CodeSystem.concept[1].concept[0].code",
        ),
        (value_set(include=[{"concept": [{"code": "a"}]}]), "ValueSet.compose.include[0]"),
        ({"resourceType": "Bundle", "entry": []}, "Bundle.entry"),
        ({"resourceType": "Bundle", "entry": [{"resource": 3}]}, "Bundle.entry[0].resource.resourceType"),
        ({"resourceType": "Bundle", "entry": {"$where": 1}}, "Bundle.entry"),
    ],
)
def test_what_cannot_be_loaded_is_refused_with_its_place(content: dict[str, Any], at: str) -> None:
    with pytest.raises(ShrError) as refused:
        artefacts_of(content)
    assert at in [issue.expression for issue in refused.value.issues]


def test_events_carry_at_most_500_codes_each() -> None:
    many = colors(concept=[{"code": f"c{n}", "display": f"Color {n}"} for n in range(1001)])
    events = announcements(artefacts_of(many)[0], version=7, at=now())
    values = [json.loads(event.value) for event in events]
    assert [(v["part"], v["parts"], len(v["concepts"])) for v in values] == [(1, 3, 500), (2, 3, 500), (3, 3, 1)]
    assert len({event.id for event in events}) == 3


codes_of_text = st.text(st.characters(codec="utf-8", exclude_characters="\n"), min_size=1, max_size=8)


@given(st.lists(codes_of_text, unique=True, min_size=1, max_size=12), codes_of_text)
def test_a_code_is_valid_exactly_if_it_is_in_the_whole_systems_expansion(known: list[str], asked: str) -> None:
    index = Terminology([colors(concept=[{"code": code} for code in known])])
    listed = codes(index, value_set(include=[{"system": COLORS}]))
    assert listed == known
    assert index.validate(COLORS, asked).result == (asked in listed)


@pytest.mark.skipif(not SAMPLES.exists(), reason="sample artefacts are not here")
def test_artefacts_of_the_standard_are_accepted() -> None:
    loaded = [a for file in sorted(SAMPLES.glob("*.json")) for a in artefacts_of(json.loads(file.read_bytes()))]
    index = Terminology([artefact.resource for artefact in loaded])
    gender = "http://hl7.org/fhir/administrative-gender"
    assert index.translate(Coding(gender, "female")).matches[0].code == "F"
    clinical = "http://terminology.hl7.org/CodeSystem/condition-clinical"
    assert index.subsumes(clinical, "active", "relapse") == "subsumes"
    listed = index.value_set("http://hl7.org/fhir/ValueSet/example-extensional")
    assert index.validate_in(listed, Coding("http://loinc.org", "14647-2")).result
