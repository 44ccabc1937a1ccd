"""StructureDefinition snapshots → the compact element tables that validator and walker share.

``types`` holds, for each resource and datatype, ``{path: {"elements": {property: spec}, "choices": […]}}``, a choice
being ``[required, [property…]]``, where path is the type itself or one of its backbone elements. A spec is
``TYPE[!*+][|binding]``: ``!`` exactly one, ``*`` any number, ``+`` one or more, nothing: at most one. TYPE is a
primitive, a datatype, a path or ``Resource``.
"""

from __future__ import annotations

from typing import Any

from .bindings import ValueSets
from .package import Json, Package

STRING = "http://hl7.org/fhirpath/System.String"
MARKS = {(0, "1"): "", (1, "1"): "!", (0, "*"): "*", (1, "*"): "+"}
PATIENT_NAMES = ("subject", "patient", "beneficiary")
NEVER_ABOUT_A_PATIENT = ("RelatedPerson",)
"""A childbirth's bundle names mother and child: who is related to a person does not decide whose bundle it is."""


def definitions_of(package: Package, value_sets: ValueSets) -> dict[str, Any]:
    """All tables: ``{"types", "resources", "codes", "concepts", "patients"}``."""
    builder = _Builder(value_sets)
    types = {name: builder.table(d) for name, d in {**package.datatypes, **package.resources}.items()}
    types["SimpleQuantity"] = _simple_quantity(types["Quantity"])
    return {
        "fhir": "4.0.1",
        "types": types,
        "resources": sorted(package.resources),
        "codes": builder.codes,
        "concepts": builder.concepts,
        "patients": {name: paths for name, d in package.resources.items() if (paths := _patient_paths(d))},
    }


class _Builder:
    def __init__(self, value_sets: ValueSets) -> None:
        self._value_sets = value_sets
        self.codes: dict[str, list[str]] = {}
        self.concepts: dict[str, dict[str, list[str]]] = {}

    def table(self, definition: Json) -> dict[str, Any]:
        root = definition["type"]
        is_resource = definition["kind"] == "resource"
        table: dict[str, Any] = {root: {"elements": {}, "choices": []}}
        elements = definition["snapshot"]["element"][1:]
        parents = {e["path"].rpartition(".")[0] for e in elements}
        for element in elements:
            path, name = element["path"].rpartition(".")[::2]
            entry = table.setdefault(path, {"elements": {}, "choices": []})
            if element["max"] == "0":
                continue
            specs = self._specs(element, name, is_backbone=element["path"] in parents)
            if name == "id" and path == root and is_resource:
                specs = {"id": "id"}
            entry["elements"].update(specs)
            if name.endswith("[x]"):
                entry["choices"].append([element["min"], sorted(specs)])
        return table

    def _specs(self, element: Json, name: str, *, is_backbone: bool) -> dict[str, str]:
        mark = MARKS[element["min"], "1" if element["max"] == "1" else "*"]
        if is_backbone:
            return {name: element["path"] + mark}
        if "contentReference" in element:
            return {name: element["contentReference"].lstrip("#") + mark}
        binding = self._binding(element)
        if not name.endswith("[x]"):
            (kind,) = element["type"]
            return {name: _type_name(kind, element["path"]) + mark + binding}
        stem = name.removesuffix("[x]")
        return {
            stem + kind["code"][0].upper() + kind["code"][1:]: _type_name(kind, element["path"])
            for kind in element["type"]
        }

    def _binding(self, element: Json) -> str:
        binding = element.get("binding", {})
        if binding.get("strength") != "required" or len(element["type"]) != 1:
            return ""
        kind, canonical = element["type"][0]["code"], binding["valueSet"]
        concepts = self._value_sets.expand(canonical) if kind in ("code", "CodeableConcept", "Coding") else None
        if concepts is None:
            return ""
        name = canonical.split("|")[0].rsplit("/", 1)[-1]
        if kind == "code":
            self.codes[name] = sorted({code for codes in concepts.values() for code in codes})
        else:
            self.concepts[name] = concepts
        return f"|{name}"


def _type_name(kind: Json, path: str) -> str:
    code = str(kind["code"])
    if code == STRING:
        return "uri" if path == "Extension.url" else "elementId"
    if code == "Quantity" and any(p.endswith("/SimpleQuantity") for p in kind.get("profile", ())):
        return "SimpleQuantity"
    return code


def _simple_quantity(quantity: dict[str, Any]) -> dict[str, Any]:
    entry = quantity["Quantity"]
    elements = {name: spec for name, spec in entry["elements"].items() if name != "comparator"}
    return {"SimpleQuantity": {"elements": elements, "choices": []}}


def _patient_paths(definition: Json) -> list[str]:
    if definition["id"] in NEVER_ABOUT_A_PATIENT:
        return []
    paths = []
    for element in definition["snapshot"]["element"]:
        name = element["path"].removeprefix(definition["id"] + ".")
        for kind in element.get("type", ()):
            targets = [target.rsplit("/", 1)[-1] for target in kind.get("targetProfile", ())]
            if kind["code"] != "Reference" or not ({"Patient", "Resource"} & {*targets} or not targets):
                continue
            if name in PATIENT_NAMES:
                paths.append(name)
            elif name.removesuffix("[x]") in PATIENT_NAMES:
                paths.append(name.removesuffix("[x]") + "Reference")
    return paths
