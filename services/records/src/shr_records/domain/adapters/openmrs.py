"""OpenMRS's FHIR2 module, as it really writes: pure and table-driven.

Odd about it: concept codes as 36-character UUIDs (CIEL numbers padded with A) without a system, unit text without a
UCUM code, ``identifier`` as an object or a text, offsets such as +0530, references that are bare UUIDs, search results
where a collection is meant. What R4 has no element for is kept in an extension and said.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

import msgspec
from shr_common.errors import Issue
from shr_common.fhir import tables

from shr_records.domain.adapters.contract import Adapted
from shr_records.domain.adapters.openmrs_tables import (
    CIEL,
    CIEL_ALIASES,
    CIEL_TO_LOINC,
    CONCEPTS,
    LOINC,
    QUANTITIES,
    UCUM,
    UNITS,
)

UNMAPPED = "http://dghs.gov.bd/fhir/StructureDefinition/unmapped"
_ENCODER = msgspec.json.Encoder(decimal_format="number")
_PADDED_CIEL = re.compile(r"(\d{1,8})A+", re.ASCII)
_OFFSET = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?)([+-]\d\d)(\d\d)", re.ASCII)
_NO_ZONE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?", re.ASCII)
_NO_SECONDS = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d)(Z|[+-]\d\d:\d\d)?", re.ASCII)
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
_TEXTS = frozenset({"text", "div", "display", "valueString", "data", "code", "id", "value"})
Node = dict[str, Any]


def adapt(_tree: Node, raw: bytes) -> Adapted:
    """The canonical bundle of a payload that says it is OpenMRS's: a Bundle, or one bare resource."""
    return _adapt(raw, native=True)


def adapt_fhir(_tree: Node, raw: bytes) -> Adapted:
    """The same for what calls itself FHIR: only OpenMRS's own dialect is mended, real mistakes stay mistakes."""
    return _adapt(raw, native=False)


def _adapt(raw: bytes, *, native: bool) -> Adapted:
    payload: Node = json.loads(raw, parse_float=Decimal)
    warnings: list[Issue] = []
    bundle = payload if payload.get("resourceType") == "Bundle" else {
        "resourceType": "Bundle", "type": "collection", "entry": [{"resource": payload}],
    }  # fmt: skip
    entries = bundle.get("entry")
    if native and bundle.get("type") in ("searchset", "history"):
        bundle["type"] = "collection"
        for name in ("total", "link"):
            bundle.pop(name, None)
    for number, entry in enumerate(entries if isinstance(entries, list) else ()):
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if not isinstance(resource, dict):
            continue
        if native:
            _shell(bundle, entry, resource)
        _Resource(f"Bundle.entry[{number}].resource", warnings, native=native).mend(resource)
    return Adapted(_ENCODER.encode(bundle), tuple(warnings))


def _shell(bundle: Node, entry: Node, resource: Node) -> None:
    kind = bundle.get("type")
    if kind in ("batch", "transaction"):
        entry.setdefault("request", {"method": "POST", "url": str(resource.get("resourceType"))})
    else:
        for name in ("search", "request", "response"):
            entry.pop(name, None)


class _Resource:
    """Mends one resource in place and notes what it could not map."""

    def __init__(self, at: str, warnings: list[Issue], *, native: bool) -> None:
        self._at = at
        self._warnings = warnings
        self._native = native

    def mend(self, resource: Node) -> None:
        kind = resource.get("resourceType")
        if isinstance(kind, str) and kind in tables.resource_types():
            self._shape(resource, kind, self._at)
            if self._native:
                self._keep_unknown(resource, kind)
        self._walk(resource, self._at)

    def _shape(self, node: Node, path: str, at: str) -> None:
        """Lists where R4 has lists; empty values away. Goes down through backbone elements."""
        try:
            elements = tables.table(path).elements
        except KeyError:
            return
        for name, value in list(node.items()):
            element = elements.get(name)
            if element is None:
                continue
            if not self._native and element.kind != "Identifier":
                continue
            if self._native and value in ([], {}, None, ""):
                del node[name]
                self._warn(f"{at}.{name}", "empty", "An empty element was left out.", "খালি উপাদান বাদ দেওয়া হয়েছে।")
                continue
            if element.many and not isinstance(value, list):
                if element.kind == "Identifier" and isinstance(value, str):
                    value = {"value": value}
                node[name] = value = [value]
            if element.kind in ("Resource", "Extension") or element.primitive:
                continue
            for number, inner in enumerate(value if isinstance(value, list) else [value]):
                if isinstance(inner, dict):
                    place = f"{at}.{name}[{number}]" if element.many else f"{at}.{name}"
                    self._shape(inner, element.kind, place)

    def _keep_unknown(self, resource: Node, kind: str) -> None:
        elements = tables.table(kind).elements
        for name in list(resource):
            if name == "resourceType" or name.lstrip("_") in elements:
                continue
            kept = _ENCODER.encode({name: resource.pop(name)}).decode()
            resource.setdefault("extension", []).append({"url": UNMAPPED, "valueString": kept})
            en = f"{kind} has no element {name[:64]} in R4: it is kept as an extension."
            self._warn(
                f"{self._at}.{name[:64]}", "unmapped", en, f"R4-এর {kind}-এ {name[:64]} নেই: extension হিসেবে রাখা হয়েছে।"
            )

    def _walk(self, node: Any, at: str) -> None:
        if isinstance(node, list):
            for number, item in enumerate(node):
                self._walk(item, f"{at}[{number}]")
            return
        if not isinstance(node, dict):
            return
        for name, value in node.items():
            if isinstance(value, str):
                if name not in _TEXTS:
                    node[name] = _time(value)
                continue
            if name == "coding" and isinstance(value, list):
                self._codings(value, f"{at}.coding")
            elif name == "valueCoding" and isinstance(value, dict):
                self._system(value, f"{at}.valueCoding")
            elif name in QUANTITIES and isinstance(value, dict):
                self._quantity(value, f"{at}.{name}")
            self._walk(value, f"{at}.{name}")
        reference = node.get("reference")
        if isinstance(reference, str) and isinstance(node.get("type"), str) and _UUID.fullmatch(reference):
            node["reference"] = f"{node['type']}/{reference}"

    def _codings(self, codings: list[Any], at: str) -> None:
        ciel = {
            coding.get("code")
            for coding in codings
            if isinstance(coding, dict) and coding.get("system") in CIEL_ALIASES
        }
        has_loinc = any(isinstance(coding, dict) and coding.get("system") == LOINC for coding in codings)
        for number, coding in enumerate(list(codings)):
            if not isinstance(coding, dict):
                continue
            concept = self._system(coding, f"{at}[{number}]")
            if concept is None:
                continue
            if concept not in ciel:
                codings.append({"system": CIEL, "code": concept} | _display(coding))
            loinc = CIEL_TO_LOINC.get(concept)
            if loinc is not None and not has_loinc:
                codings.append({"system": LOINC, "code": loinc[0], "display": loinc[1]})
                has_loinc = True

    def _system(self, coding: Node, at: str) -> str | None:
        """Give a coding its system; the CIEL number if the code is one."""
        code = coding.get("code")
        if not isinstance(code, str) or "system" in coding:
            return None
        coding["system"] = CONCEPTS
        padded = _PADDED_CIEL.fullmatch(code) if len(code) == 36 else None
        if padded is not None:
            return padded.group(1)
        en = "This concept is the hospital's own: it is kept, but nobody else knows what it means."
        self._warn(at, "local-concept", en, "এই concept হাসপাতালের নিজস্ব: রাখা হয়েছে, কিন্তু অন্যরা এর অর্থ জানে না।")
        return None

    def _quantity(self, quantity: Node, at: str) -> None:
        unit, code = quantity.get("unit"), quantity.get("code")
        if "system" in quantity:
            return
        if isinstance(code, str):
            quantity["system"] = CONCEPTS
        elif isinstance(unit, str):
            known = UNITS.get(unit.strip().lower())
            if known is None:
                en = "This unit has no UCUM code that we know: it is kept as text."
                self._warn(f"{at}.unit", "unit", en, "এই এককের UCUM কোড জানা নেই: লেখা হিসেবে রাখা হয়েছে।")
                return
            quantity["system"], quantity["code"] = UCUM, known

    def _warn(self, expression: str, rule: str, en: str, bn: str) -> None:
        rule = f"openmrs-{rule}"
        self._warnings.append(Issue(en, expression, code="informational", severity="warning", rule=rule, text_bn=bn))


def _display(coding: Node) -> Node:
    return {"display": coding["display"]} if isinstance(coding.get("display"), str) else {}


def _time(text: str) -> str:
    """FHIR's form of a time: a colon in the offset, seconds, and Dhaka's offset where none is given."""
    if len(text) < 16 or text[4:5] != "-":
        return text
    found = _OFFSET.fullmatch(text)
    if found is not None:
        text = f"{found.group(1)}{found.group(2)}:{found.group(3)}"
    short = _NO_SECONDS.fullmatch(text)
    if short is not None:
        text = f"{short.group(1)}:00{short.group(2) or ''}"
    return f"{text}+06:00" if _NO_ZONE.fullmatch(text) else text
