"""Invariants of administrative resources: persons, organisations, appointments, lists, questionnaires, parameters."""

from __future__ import annotations

from typing import Any

from shr_common.fhir.rules import (
    Node,
    Rule,
    any_of,
    either,
    has,
    has_choice,
    items,
    never,
    not_both,
)


def _is_timed(node: Node) -> bool:
    return (has(node, "start") and has(node, "end")) or node.get("status") in ("proposed", "cancelled", "waitlist")


def _parameter(node: Node) -> bool:
    return [has_choice(node, "value"), has(node, "resource"), has(node, "part")].count(True) == 1


def _is_no_parent(item: Node) -> bool:
    return item.get("type") != "display" or not has(item, "item")


def _no_home(name: str) -> Any:
    return lambda node: all(item.get("use") != "home" for item in items(node, name))


_MISSING_TIMES = "Only a proposed, cancelled or waitlisted appointment may lack start and end."
_MISSING_TIMES_BN = "শুধু proposed, cancelled বা waitlist অ্যাপয়েন্টমেন্টে start ও end না থাকতে পারে।"

ADMINISTRATIVE_RULES: dict[str, tuple[Rule, ...]] = {
    "Patient.contact": (any_of("pat-1", "name", "telecom", "address", "organization"),),
    "Appointment": (
        Rule(
            "app-2",
            lambda node: has(node, "start") == has(node, "end"),
            "Give both start and end, or neither.",
            "start ও end দুটোই দিন, অথবা কোনোটিই নয়।",
            {"dependentRequired": {"start": ["end"], "end": ["start"]}},
        ),
        Rule("app-3", _is_timed, _MISSING_TIMES, _MISSING_TIMES_BN, {"required": ["start", "end"]}, "start"),
        Rule(
            "app-4",
            lambda node: not has(node, "cancelationReason") or node.get("status") in ("no-show", "cancelled"),
            "Only a cancelled or missed appointment has a cancelationReason.",
            "শুধু cancelled বা no-show অ্যাপয়েন্টমেন্টে cancelationReason থাকে।",
            never("cancelationReason"),
            "cancelationReason",
        ),
    ),
    "Appointment.participant": (any_of("app-1", "type", "actor"),),
    "Composition.section": (
        any_of("cmp-1", "text", "entry", "section"),
        not_both("cmp-2", "emptyReason", "entry"),
    ),
    "Consent": (any_of("ppc-1", "policy", "policyRule"),),
    "Group": (
        Rule(
            "grp-1",
            lambda node: not has(node, "member") or node.get("actual") is True,
            "Only an actual group has members.",
            "শুধু প্রকৃত (actual) দলের সদস্য থাকে।",
            never("member"),
            "member",
        ),
    ),
    "List": (
        not_both("lst-1", "emptyReason", "entry"),
        Rule(
            "lst-2",
            lambda node: node.get("mode") == "changes" or not any(has(e, "deleted") for e in items(node, "entry")),
            "Entries are deleted only in a list of changes.",
            "শুধু changes তালিকায় deleted থাকতে পারে।",
            {"properties": {"entry": {"items": never("deleted")}}},
            "entry",
        ),
        Rule(
            "lst-3",
            lambda node: node.get("mode") == "working" or not any(has(e, "date") for e in items(node, "entry")),
            "Entries have dates only in a working list.",
            "শুধু working তালিকার entry-তে তারিখ থাকতে পারে।",
            {"properties": {"entry": {"items": never("date")}}},
            "entry",
        ),
    ),
    "Organization": (
        Rule(
            "org-1",
            lambda node: has(node, "name") or has(node, "identifier"),
            "An organization needs a name or an identifier.",
            "প্রতিষ্ঠানের name বা identifier দিন।",
            either("name", "identifier"),
        ),
        Rule(
            "org-2",
            _no_home("address"),
            "An organization has no home address.",
            "প্রতিষ্ঠানের ঠিকানা home হতে পারে না।",
            {"properties": {"address": {"items": {"properties": {"use": {"not": {"const": "home"}}}}}}},
            "address",
        ),
        Rule(
            "org-3",
            _no_home("telecom"),
            "An organization has no home phone.",
            "প্রতিষ্ঠানের ফোন home হতে পারে না।",
            {"properties": {"telecom": {"items": {"properties": {"use": {"not": {"const": "home"}}}}}}},
            "telecom",
        ),
    ),
    "Parameters.parameter": (
        Rule(
            "inv-1",
            _parameter,
            "A parameter has exactly one of a value, a resource or parts.",
            "প্রতিটি parameter-এ value, resource বা part এর ঠিক একটি থাকবে।",
            {"minProperties": 2, "maxProperties": 2, **never("extension", "modifierExtension", "_name")},
        ),
    ),
    "Questionnaire.item": (
        Rule(
            "que-1",
            lambda node: (
                has(node, "item")
                if node.get("type") == "group"
                else node.get("type") != "display" or not has(node, "item")
            ),
            "A group has items, a display has none.",
            "group-এর ভিতরে item থাকে, display-এর ভিতরে থাকে না।",
            at="item",
        ),
        not_both("que-4", "answerOption", "answerValueSet"),
        Rule(
            "que-12",
            lambda node: len(items(node, "enableWhen")) <= 1 or has(node, "enableBehavior"),
            "More than one enableWhen needs enableBehavior.",
            "একাধিক enableWhen থাকলে enableBehavior দিন।",
            {"anyOf": [{"properties": {"enableWhen": {"maxItems": 1}}}, either("enableBehavior")]},
            "enableBehavior",
        ),
    ),
    "QuestionnaireResponse.item": (not_both("qrs-1", "answer", "item"),),
}
