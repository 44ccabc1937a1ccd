"""The findings of the structural check, in plain English and Bangla.

Each says what is wrong, what was found and how to mend it. Found values are cut to 40 characters and only shown where
the value itself is the mistake, so that a refusal repeats no more of a record than its sender needs.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from shr_common.errors import Issue
from shr_common.fhir.primitives import expected
from shr_common.identifiers import masked

LONGEST_SHOWN = 40
_NUMBER = re.compile(r"\d{9,}|\d(?:[ -]?\d){10,}")
"""Nine digits in a row, or eleven with spaces or hyphens between (a date has eight); of any script."""
CODES_SHOWN = 10

_KINDS = {
    dict: ("an object", "একটি object"),
    list: ("a list", "একটি তালিকা"),
    str: ("a text", "লেখা"),
    bool: ("true or false", "true/false"),
    int: ("a number", "একটি সংখ্যা"),
    float: ("a number", "একটি সংখ্যা"),
    type(None): ("null", "null"),
}


_EMPTY = {
    dict: ("empty object", "খালি object"),
    list: ("empty list", "খালি তালিকা"),
    type(None): ("null", "null"),
}


def without_numbers(text: str) -> str:
    """What looks like an NID, a BRN or a phone number, hidden but for three digits: refusals go onto topics."""
    return _NUMBER.sub(lambda found: masked(found.group()), text)


def shown(value: Any) -> str:
    """A found value, cut short; of objects and lists only their kind."""
    if isinstance(value, str):
        # a number cut off in the middle would no longer look like one: hidden first, then cut
        value = without_numbers(value[: 4 * LONGEST_SHOWN])
        text = "".join(character if character.isprintable() else "�" for character in value[: LONGEST_SHOWN + 1])
        return f"“{text[:LONGEST_SHOWN]}…”" if len(value) > LONGEST_SHOWN else f"“{text}”"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return without_numbers(str(value)[: 4 * LONGEST_SHOWN])[:LONGEST_SHOWN]
    return _KINDS[type(value)][0]


def _kind_bn(value: Any) -> str:
    return shown(value) if isinstance(value, (str, bool, int, float)) else _KINDS[type(value)][1]


@lru_cache(maxsize=512)
def _guess(word: str, known: tuple[str, ...]) -> tuple[str, str]:
    """What the sender may have meant, or nothing; repeated mistakes and long words cost little."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.75) if len(word) <= LONGEST_SHOWN else []
    return (f" Did you mean “{close[0]}”?", f" আপনি কি “{close[0]}” বোঝাতে চেয়েছেন?") if close else ("", "")


def unknown_property(at: str, name: str, owner: str, known: Iterable[str]) -> Issue:
    """A member that R4 does not define there."""
    hint, hint_bn = _guess(name, tuple(known))
    return Issue(
        f"{owner} has no element {shown(name)} in FHIR R4: leave it out, or send it as an extension.{hint}",
        expression=f"{at}.{without_numbers(name[:64])}",
        code="structure",
        rule="unknown-element",
        text_bn=f"FHIR R4-এর {owner}-এ {shown(name)} নামে কিছু নেই: বাদ দিন, অথবা extension হিসেবে পাঠান।{hint_bn}",
    )


def missing(at: str, name: str, owner: str) -> Issue:
    """A required element that is not there."""
    return Issue(
        f"{owner} needs {name}: add it.",
        expression=f"{at}.{name}",
        code="required",
        rule="required",
        text_bn=f"{owner}-এ {name} থাকা আবশ্যক: এটি যোগ করুন।",
    )


def missing_choice(at: str, names: tuple[str, ...], owner: str) -> Issue:
    """None of a required choice element's forms is there."""
    listed = ", ".join(names[:CODES_SHOWN])
    return Issue(
        f"{owner} needs one of {listed}: add one.",
        expression=f"{at}.{names[0]}",
        code="required",
        rule="required",
        text_bn=f"{owner}-এ এগুলোর একটি থাকা আবশ্যক: {listed}।",
    )


def more_than_one_choice(at: str, found: list[str]) -> Issue:
    """Several forms of one choice element."""
    listed = ", ".join(found)
    return Issue(
        f"Only one of {listed} may be given: leave the others out.",
        expression=f"{at}.{found[1]}",
        code="structure",
        rule="choice",
        text_bn=f"{listed} এর মধ্যে শুধু একটি দেওয়া যায়: অন্যগুলো বাদ দিন।",
    )


def not_a_list(at: str, value: Any) -> Issue:
    """A repeating element that is not in an array."""
    return Issue(
        f"A list is needed here, but {shown(value)} was found: put it in square brackets.",
        expression=at,
        code="structure",
        rule="cardinality",
        text_bn=f"এখানে একটি তালিকা দরকার, কিন্তু পাওয়া গেছে {_kind_bn(value)}: মানটি [ ] এর ভিতরে দিন।",
    )


def not_single(at: str) -> Issue:
    """An array where at most one value may stand."""
    return Issue(
        "Only one value may stand here, but a list was found: send the value itself, without square brackets.",
        expression=at,
        code="structure",
        rule="cardinality",
        text_bn="এখানে শুধু একটি মান থাকতে পারে, কিন্তু তালিকা পাওয়া গেছে: [ ] ছাড়া মানটি পাঠান।",
    )


def empty(at: str, value: Any) -> Issue:
    """Null, an empty list or an empty object."""
    word, word_bn = _EMPTY[type(value)]
    return Issue(
        f"FHIR has no {word}: leave the element out.",
        expression=at,
        code="structure",
        rule="empty",
        text_bn=f"FHIR-এ {word_bn} চলে না: উপাদানটি বাদ দিন।",
    )


def not_an_object(at: str, value: Any, kind: str) -> Issue:
    """Something else where a datatype must stand."""
    return Issue(
        f"A {kind} object is needed here, but {shown(value)} was found.",
        expression=at,
        code="structure",
        rule="type",
        text_bn=f"এখানে একটি {kind} object দরকার, কিন্তু পাওয়া গেছে {_kind_bn(value)}।",
    )


def bad_primitive(at: str, value: Any, kind: str) -> Issue:
    """A value that is not of its primitive type."""
    wanted = expected(kind, value)
    return Issue(
        f"{shown(value)} is not a valid {kind}: {wanted.en} is needed.",
        expression=at,
        code="value",
        rule=kind,
        text_bn=f"{_kind_bn(value)} সঠিক {kind} নয়: প্রয়োজন {wanted.bn}।",
    )


def bad_code(at: str, value: Any, admitted: list[str]) -> Issue:
    """A code outside of its required value set."""
    listed = ", ".join(admitted[:CODES_SHOWN]) + (", …" if len(admitted) > CODES_SHOWN else "")
    hint, hint_bn = _guess(value, tuple(admitted)) if isinstance(value, str) else ("", "")
    return Issue(
        f"{shown(value)} is not one of the codes that FHIR R4 admits here: {listed}.{hint}",
        expression=at,
        code="code-invalid",
        rule="binding",
        text_bn=f"{_kind_bn(value)} এখানে FHIR R4-এর অনুমোদিত কোড নয়: {listed}।{hint_bn}",
    )


def bad_concept(at: str, admitted: dict[str, list[str]]) -> Issue:
    """A CodeableConcept without a coding of its required value set."""
    system, listed = next(iter(admitted.items()))
    some = ", ".join(listed[:CODES_SHOWN])
    return Issue(
        f"One coding must have system {system} and one of its codes: {some}.",
        expression=at,
        code="code-invalid",
        rule="binding",
        text_bn=f"একটি coding-এ system {system} ও তার একটি কোড থাকতে হবে: {some}।",
    )


def unknown_type(at: str, value: Any) -> Issue:
    """No resourceType, or none of R4's."""
    found = "no resourceType was found" if value is None else f"{shown(value)} was found"
    return Issue(
        f"A FHIR R4 resource type is needed in resourceType, but {found}.",
        expression=f"{at}.resourceType" if at else "resourceType",
        code="structure",
        rule="resource-type",
        text_bn="resourceType-এ একটি FHIR R4 রিসোর্সের নাম দরকার।",
    )


def broken(at: str, rule: str, en: str, bn: str, *, code: str = "invariant") -> Issue:
    """An invariant that does not hold."""
    return Issue(f"{en} ({rule})", expression=at, code=code, rule=rule, text_bn=f"{bn} ({rule})")
