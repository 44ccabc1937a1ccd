"""R4's primitive types: one pattern each, used by the compiled schemas (Rust) and by the located findings (Python).

Patterns are anchored, use ASCII classes only and have no nested quantifiers over one alphabet, so both engines match
in linear time. Dates are calendar-exact: the pattern itself knows month lengths and leap years.
Source: https://hl7.org/fhir/R4/datatypes.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_S = r"[^ \t\r\n\f\v]"
_YEAR = r"(?:[0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000)"
_LEAP = r"(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)"
_LONG = r"(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
_SHORT = r"(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
_FEBRUARY = r"02-(?:0[1-9]|1[0-9]|2[0-8])"
_MONTH_DAY = rf"(?:{_LONG}|{_SHORT}|{_FEBRUARY})"
_DAY = rf"(?:{_YEAR}-{_MONTH_DAY}|{_LEAP}-02-29)"
_MONTH = rf"{_YEAR}(?:-(?:0[1-9]|1[0-2]))?"
_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?"
_ZONE = r"(?:Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))"
_UUID = r"urn:uuid:[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
_OID = r"urn:oid:[0-2](?:\.(?:0|[1-9][0-9]*))+"
ID = r"[A-Za-z0-9.\-]{1,64}"
LONGEST_STRING = 1_048_576
LARGEST_INTEGER = 2_147_483_647

PATTERNS: dict[str, str] = {
    "id": ID,
    "elementId": rf"{_S}+",
    "code": rf"{_S}+(?:[ \t\r\n]{_S}+)*",
    "uri": rf"{_S}+",
    "url": rf"{_S}+",
    "canonical": rf"{_S}+",
    "uuid": _UUID,
    "oid": _OID,
    "date": rf"{_MONTH}|{_DAY}",
    "dateTime": rf"{_MONTH}|{_DAY}(?:T{_TIME}{_ZONE})?",
    "instant": rf"{_DAY}T{_TIME}{_ZONE}",
    "time": _TIME,
    "base64Binary": r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?",
}
INTEGERS = {"integer": -LARGEST_INTEGER - 1, "unsignedInt": 0, "positiveInt": 1}
"""Whole-number types and the smallest value of each."""
TEXTS = frozenset({"string", "markdown", "xhtml"})
PRIMITIVES = frozenset({*PATTERNS, *INTEGERS, *TEXTS, "boolean", "decimal"})
URIS = frozenset({"uri", "url", "canonical"})

_NAMED = rf"{_UUID}(?:[#|]{_S}+)?"
PLAIN_URN = rf"(?:{_NAMED}|urn:[^u \t\r\n\f\v]{_S}*)"
"""URNs that need no second look, as no other URI without spaces does; the rest is for :func:`is_valid`."""
PLAIN_URL = rf"(?:https?://{_S}+|{_UUID}|{_OID})"
RELATIVE_ID = rf"/{ID}(?:/_history/{ID})?"
"""What follows the type in a relative reference such as ``Patient/12/_history/3``."""

_COMPILED = {name: re.compile(pattern) for name, pattern in PATTERNS.items()}
_DAY_SHAPE = re.compile(r"[0-9]{4}-[0-9]{2}(?:-[0-9]{2})?(?:T.*)?")
_NAMED_URN = re.compile(_NAMED)
_NO_ZONE = re.compile(rf"{_DAY}T{_TIME}")
_WHITESPACE = str.maketrans("", "", " \t\r\n")


def is_valid(kind: str, value: Any) -> bool:
    """Whether ``value``, as parsed from JSON, is a value of the primitive type ``kind``."""
    if kind in _COMPILED:
        return isinstance(value, str) and _matches(kind, value)
    if kind in INTEGERS:
        return _is_number(value) and value == int(value) and INTEGERS[kind] <= value <= LARGEST_INTEGER
    if kind == "boolean":
        return isinstance(value, bool)
    if kind == "decimal":
        return _is_number(value)
    return isinstance(value, str) and 0 < len(value) <= LONGEST_STRING


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _matches(kind: str, text: str) -> bool:
    if kind == "base64Binary":
        text = text.translate(_WHITESPACE)
        if not text:
            return False
    elif kind in URIS and text.startswith("urn:uuid:"):
        return _NAMED_URN.fullmatch(text) is not None
    return _COMPILED[kind].fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Expected:
    """What a primitive should look like, in plain words and both languages."""

    en: str
    bn: str


def expected(kind: str, value: Any = None) -> Expected:
    """What should stand in place of ``value``; says so when a date merely does not exist or lacks its zone."""
    if isinstance(value, str) and kind in ("date", "dateTime", "instant"):
        if kind != "date" and _NO_ZONE.fullmatch(value):
            return Expected(
                "a time with its zone, such as 2026-11-23T10:30:00+06:00",
                "সময়ের সাথে টাইম জোন, যেমন 2026-11-23T10:30:00+06:00",
            )
        if _DAY_SHAPE.fullmatch(value) and not _COMPILED["date"].fullmatch(value[:10]):
            return Expected("a day that exists in the calendar", "ক্যালেন্ডারে আছে এমন একটি দিন")
    return _EXPECTED[kind]


_NOW = "2026-11-23T10:30:00+06:00"
_ZONED = Expected(f"a time with its zone, such as {_NOW}", f"সময়ের সাথে টাইম জোন, যেমন {_NOW}")
_EXPECTED = {
    kind: Expected(en, bn)
    for kind, en, bn in (
        ("boolean", "true or false, without quotes", "উদ্ধৃতিচিহ্ন ছাড়া true বা false"),
        ("integer", "a whole number", "একটি পূর্ণ সংখ্যা"),
        ("unsignedInt", "a whole number, 0 or more", "০ বা তার বেশি একটি পূর্ণ সংখ্যা"),
        ("positiveInt", "a whole number, 1 or more", "১ বা তার বেশি একটি পূর্ণ সংখ্যা"),
        ("decimal", "a number, without quotes", "উদ্ধৃতিচিহ্ন ছাড়া একটি সংখ্যা"),
        ("string", "a text that is not empty (at most 1 MB)", "খালি নয় এমন লেখা (সর্বোচ্চ ১ এমবি)"),
        ("markdown", "a text that is not empty (at most 1 MB)", "খালি নয় এমন লেখা (সর্বোচ্চ ১ এমবি)"),
        ("xhtml", "one XHTML div", "একটি XHTML div"),
        ("id", "1 to 64 letters, digits, “-” or “.”", "১ থেকে ৬৪টি ইংরেজি অক্ষর, অঙ্ক, “-” বা “.”"),
        ("elementId", "a text without spaces", "ফাঁকা স্থান ছাড়া লেখা"),
        ("code", "a code without spaces at its ends", "শুরুতে বা শেষে ফাঁকা স্থান ছাড়া একটি কোড"),
        ("uri", "a URI without spaces (UUIDs as urn:uuid:…)", "ফাঁকা স্থান ছাড়া একটি URI (UUID হলে urn:uuid:…)"),
        ("url", "a URL without spaces", "ফাঁকা স্থান ছাড়া একটি URL"),
        ("canonical", "a canonical URL without spaces", "ফাঁকা স্থান ছাড়া একটি canonical URL"),
        ("uuid", "urn:uuid: and a UUID", "urn:uuid: ও একটি UUID"),
        ("oid", "urn:oid: and an OID", "urn:oid: ও একটি OID"),
        ("date", "a date such as 2026, 2026-11 or 2026-11-23", "একটি তারিখ, যেমন 2026, 2026-11 বা 2026-11-23"),
        (
            "dateTime",
            "a date, or a time such as 2026-11-23T10:30:00+06:00",
            "একটি তারিখ, বা সময় যেমন 2026-11-23T10:30:00+06:00",
        ),
        ("instant", f"a time such as {_NOW}", f"একটি সময়, যেমন {_NOW}"),
        ("time", "a time of day such as 10:30:00", "দিনের একটি সময়, যেমন 10:30:00"),
        ("base64Binary", "base64 text", "base64 লেখা"),
    )
}
