"""Invariants of R4's datatypes (and of elements that every resource shares)."""

from __future__ import annotations

from typing import Any

from shr_common.fhir.rules import Node, Rule, Schema, asks, either, excludes, has, needs, never
from shr_common.fhir.times import in_order

UCUM = "http://unitsofmeasure.org"
_MEASURE = "The unit of {} is a UCUM code: give code and system http://unitsofmeasure.org."
_MEASURE_BN = "{} এর একক UCUM কোড হতে হবে: code ও system http://unitsofmeasure.org দিন।"


def _number(node: Node, name: str) -> float | None:
    value = node.get(name)
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def period_is_ordered(period: Node) -> bool:
    """Whether it does not end before it starts (per-1)."""
    if "end" not in period or "start" not in period:
        return True
    start, end = period["start"], period["end"]
    return not isinstance(start, str) or not isinstance(end, str) or in_order(start, end)


def _range_is_ordered(node: Node) -> bool:
    low, high = node.get("low"), node.get("high")
    if not isinstance(low, dict) or not isinstance(high, dict) or low.get("code") != high.get("code"):
        return True
    first, last = _number(low, "value"), _number(high, "value")
    return first is None or last is None or first <= last


def _is_ucum(quantity: Node) -> bool:
    return (has(quantity, "code") or not has(quantity, "value")) and quantity.get("system", UCUM) == UCUM


def _duration(node: Node) -> bool:
    return not has(node, "code") or (node.get("system") == UCUM and has(node, "value"))


def _count(node: Node) -> bool:
    value = _number(node, "value")
    return _is_ucum(node) and node.get("code", "1") == "1" and (value is None or value == int(value))


def _age(node: Node) -> bool:
    value = _number(node, "value")
    return _is_ucum(node) and (value is None or value > 0)


def _ratio(node: Node) -> bool:
    both = has(node, "numerator"), has(node, "denominator")
    return both == (True, True) or (both == (False, False) and "extension" in node)


def _lacks(name: str, other: str) -> Any:
    return lambda node: not has(node, name) or has(node, other)


def _repeat(key: str, name: str, other: str) -> Rule:
    en = f"With {name} give {other} too."
    return Rule(key, _lacks(name, other), en, f"{name} দিলে {other} ও দিতে হবে।", needs(name, other), other)


def _not_negative(key: str, name: str) -> Rule:
    def holds(node: Node) -> bool:
        return (_number(node, name) or 0) >= 0

    guard = {"properties": {name: {"minimum": 0}}}
    return Rule(key, holds, f"{name} cannot be negative.", f"{name} ঋণাত্মক হতে পারে না।", guard, name)


def _or_asks(guard: Schema, kind: str, key: str) -> Schema:
    """The guard for what is usual, the predicate for the rest."""
    return {"anyOf": [guard, asks(kind, key)]}


_UCUM_SYSTEM: Schema = {"const": UCUM}
_AGE = _or_asks(
    {"required": ["code"], "properties": {"system": _UCUM_SYSTEM, "value": {"exclusiveMinimum": 0}}}, "Age", "age-1"
)
_DURATION = _or_asks({"required": ["system", "value"], "properties": {"system": _UCUM_SYSTEM}}, "Duration", "drt-1")


def _offset(node: Node) -> bool:
    when = node.get("when")
    return not has(node, "offset") or (isinstance(when, list) and not {"C", "CM", "CD", "CV"} & {*map(str, when)})


_QTY_3 = Rule(
    "qty-3",
    _lacks("code", "system"),
    "A coded unit needs its system: add system, usually http://unitsofmeasure.org.",
    "কোড করা এককের system দিতে হবে, সাধারণত http://unitsofmeasure.org।",
    needs("code", "system"),
    "system",
)
DATATYPE_RULES: dict[str, tuple[Rule, ...]] = {
    "Quantity": (_QTY_3,),
    "SimpleQuantity": (_QTY_3,),
    "Age": (_QTY_3, Rule("age-1", _age, _MEASURE.format("an age"), _MEASURE_BN.format("বয়স"), _AGE)),
    "Count": (_QTY_3, Rule("cnt-3", _count, _MEASURE.format("a count"), _MEASURE_BN.format("গণনা"))),
    "Distance": (_QTY_3, Rule("dis-1", _is_ucum, _MEASURE.format("a distance"), _MEASURE_BN.format("দূরত্ব"))),
    "Duration": (
        _QTY_3,
        Rule("drt-1", _duration, _MEASURE.format("a duration"), _MEASURE_BN.format("সময়কাল"), _DURATION),
    ),
    "Ratio": (
        Rule(
            "rat-1",
            _ratio,
            "A ratio has both numerator and denominator.",
            "Ratio-তে numerator ও denominator দুটোই থাকতে হবে।",
            {"required": ["numerator", "denominator"]},
        ),
    ),
    "Period": (
        Rule(
            "per-1",
            period_is_ordered,
            "The period ends before it starts: check start and end.",
            "শুরুর আগেই শেষ হয়েছে: start ও end যাচাই করুন।",
            _or_asks(excludes("start", "end"), "Period", "per-1"),
        ),
    ),
    "Range": (
        Rule(
            "rng-2",
            _range_is_ordered,
            "low is above high: check both.",
            "low-এর মান high-এর চেয়ে বেশি: দুটোই যাচাই করুন।",
            _or_asks(excludes("low", "high"), "Range", "rng-2"),
        ),
    ),
    "Attachment": (
        Rule(
            "att-1",
            _lacks("data", "contentType"),
            "Attached data needs its contentType, such as application/pdf.",
            "সংযুক্ত data-র contentType দিন, যেমন application/pdf।",
            needs("data", "contentType"),
            "contentType",
        ),
    ),
    "ContactPoint": (
        Rule(
            "cpt-2",
            _lacks("value", "system"),
            "A contact needs its system: phone, email, …",
            "যোগাযোগের system দিন: phone, email, …",
            needs("value", "system"),
            "system",
        ),
    ),
    "Expression": (
        Rule(
            "exp-1",
            lambda node: has(node, "expression") or has(node, "reference"),
            "Give expression or reference.",
            "expression বা reference দিন।",
            either("expression", "reference"),
        ),
    ),
    "Reference": (
        Rule(
            "reference",
            lambda node: any(has(node, name) for name in ("reference", "identifier", "display", "extension")),
            "A reference needs a reference, an identifier or a display.",
            "Reference-এ reference, identifier বা display থাকতে হবে।",
            either("reference", "identifier", "display"),
        ),
    ),
    "Timing.repeat": (
        _repeat("tim-1", "duration", "durationUnit"),
        _repeat("tim-2", "period", "periodUnit"),
        _not_negative("tim-4", "duration"),
        _not_negative("tim-5", "period"),
        _repeat("tim-6", "periodMax", "period"),
        _repeat("tim-7", "durationMax", "duration"),
        _repeat("tim-8", "countMax", "count"),
        Rule(
            "tim-9",
            _offset,
            "An offset needs a when that is not C, CM, CD or CV.",
            "offset দিলে when দিন, তবে C, CM, CD বা CV নয়।",
            never("offset"),
            "offset",
        ),
        Rule(
            "tim-10",
            lambda node: not (has(node, "timeOfDay") and has(node, "when")),
            "Give timeOfDay or when, not both.",
            "timeOfDay বা when যেকোনো একটি দিন।",
            excludes("timeOfDay", "when"),
        ),
    ),
}
