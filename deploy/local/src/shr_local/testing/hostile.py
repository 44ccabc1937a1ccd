"""What nobody should send: bodies and texts that break careless readers of JSON, forms, text and addresses."""

from __future__ import annotations

import gzip
import json
from typing import Any

MIB = 1024 * 1024
DEEP = 200
VERY_DEEP = 100_000
FORM = "application/x-www-form-urlencoded"

UNREADABLE: dict[str, bytes] = {
    "nothing": b"",
    "not JSON": b'{"resourceType": "Bundle", oops',
    "cut off": b'{"resourceType": "Bundle", "type": "transaction", "entry": [{"resource": {"resourceType": "Obs',
    "two objects": b'{"resourceType": "Bundle"} {"resourceType": "Bundle"}',
    "null": b"null",
    "a number": b"42",
    "a text": b'"Bundle"',
    "a list": b'[{"resourceType": "Bundle"}]',
    "NaN": b'{"resourceType": "Bundle", "type": "transaction", "total": NaN}',
    "Infinity": b'{"resourceType": "Bundle", "type": "transaction", "total": -Infinity}',
    "a number beyond all": b'{"resourceType": "Bundle", "type": "transaction", "total": 1e999}',
    "not UTF-8": b'{"resourceType": "Bundle", "type": "transaction", "id": "\xff\xfe"}',
    "UTF-16": '{"resourceType": "Bundle"}'.encode("utf-16"),
    "a lone surrogate": b'{"resourceType": "Bundle", "type": "transaction", "id": "\\ud800"}',
    "a lone surrogate as a name": b'{"resourceType": "Bundle", "type": "transaction", "\\udc00": 1}',
    "a surrogate in raw bytes": b'{"resourceType": "Bundle", "type": "transaction", "id": "\xed\xa0\x80"}',
    "a name twice": b'{"resourceType": "Bundle", "type": "transaction", "type": "batch"}',
    "a name twice, once escaped": b'{"resourceType": "Bundle", "type": "transaction", "\\u0074ype": "batch"}',
    "200 levels": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "100,000 lists": b"[" * VERY_DEEP + b"]" * VERY_DEEP,
    "100,000 opened objects": b'{"a":' * VERY_DEEP,
}
"""Not one JSON object in UTF-8 with unique names, valid Unicode and finite numbers, or too deep: 400."""

READABLE: dict[str, bytes] = {
    "an empty object": b"{}",
    "$where as a name": b'{"resourceType": "Bundle", "$where": "sleep(5000) || true"}',
    "operators for values": b'{"patient": {"$ne": null}, "id": {"$gt": ""}, "pin": {"$regex": ".*"}}',
    "names with dots": b'{"resourceType": "Bundle", "a.b.c": 1, "__proto__": {"x": 1}, "constructor": {}}',
    "a nul character": b'{"resourceType": "Bundle", "type": "\\u0000", "id": "a\\u0000b", "patient": "\\u0000"}',
    "a name of nothing": b'{"": {"": ""}}',
    "a number of 5,000 digits": b'{"resourceType": "Bundle", "type": "transaction", "total": ' + b"9" * 5000 + b"}",
    "markup": b'{"resourceType": "Bundle", "type": "<script>alert(1)</script>", "name": "\\"><img src=x>"}',
    "60 levels": b'{"resourceType": "Bundle", "entry": [' + b"[" * 60 + b"]" * 60 + b"]}",
    "FHIR that is something else": b'{"resourceType": "Basic", "code": {"text": "x"}}',
    "Parameters of nothing": b'{"resourceType": "Parameters", "parameter": [{}, {"name": 1}, null, [], "x"]}',
    "Parameters of operators": b'{"resourceType": "Parameters", "parameter": [{"name": "$where"}, '
    b'{"name": "slot", "valueReference": {"reference": {"$ne": 1}}}, {"name": "code", "valueCode": ["x"]}]}',
}
"""JSON that can be read and makes no sense: refused with 4xx, whatever it says."""

_NAMES = (
    *("resourceType", "id", "type", "status", "meta", "identifier", "name", "gender", "birthDate", "link", "entry"),
    *("patient", "recipient", "purpose", "record_types", "record_period", "expires_at", "access_mode", "erase_at"),
    *("frequency", "sensitive", "decision", "kind", "reference", "except", "reason", "hours", "actor", "resource_type"),
    *("action", "pin", "code", "guardian", "relation", "survivor", "retired", "source", "facility", "size", "payload"),
    *("mapping", "cause", "dry_run", "text", "parameter", "practitioner", "role", "start", "end", "subject", "lines"),
    *("resource", "value", "valueQuantity", "category", "performer", "extension", "contained", "url", "concept"),
)
_VALUES: dict[str, Any] = {
    "null": None,
    "true": True,
    "minus one": -1,
    "a huge number": 10**30,
    "a fraction": 1.5,
    "an empty text": "",
    "a long text": "x" * 20_000,
    "an empty list": [],
    "a list of nulls": [None],
    "an empty object": {},
    "an operator": {"$ne": None},
    "a list in a list": [[["x"]]],
    "marks without a letter": "\u09cd\u200d\u202e\u0300",
}


def mistyped() -> dict[str, bytes]:
    """Objects that have every name that any route knows, all with one and the same wrong value."""
    return {
        f"{what} for everything": json.dumps(dict.fromkeys(_NAMES, value)).encode() for what, value in _VALUES.items()
    }


def oversized() -> dict[str, bytes]:
    """More than any limit allows."""
    return {
        "20 MB": b'{"resourceType": "Bundle", "type": "transaction", "id": "' + b"a" * (20 * MIB) + b'"}',
        "10,000 entries": b'{"resourceType": "Bundle", "type": "transaction", "entry": ['
        + b",".join([b'{"resource": {"resourceType": "Basic", "code": {"text": "x"}}}'] * 10_000)
        + b"]}",
    }


def other_kinds() -> dict[str, tuple[str, bytes]]:
    """Bodies that are no JSON at all: content type (with what it lacks) and bytes."""
    bomb = gzip.compress(b"a" * (20 * MIB))
    return {
        "a form": (
            "application/x-www-form-urlencoded",
            b"a=%ff&b=%00&decision[$ne]=1&health_id=%ed%a0%80&" + b"c=1&" * 5000,
        ),
        "a broken form": ("application/x-www-form-urlencoded", b"%=&%zz=%&=&&=;"),
        "parts without a boundary": ("multipart/form-data", b"--x\r\n\r\n--x--"),
        "parts that never end": (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n',
        ),
        "XML with an entity bomb": (
            "application/fhir+xml",
            b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c SYSTEM "file:///etc/passwd">]><a>&c;&b;</a>',
        ),
        "compressed": ("application/fhir+json", bomb),
        "an unknown charset": ("application/fhir+json; charset=klingon", b"{}"),
        "no type": ("", b"{}"),
        "a type of 8 kB": ("application/" + "x" * 8000, b"{}"),
    }


PLACES = (
    *("$where", "[$ne]", "{$gt:''}", "' || '1'=='1", "../../etc/passwd", "%00", "\x00", "\udcff", "a" * 3000, "-1"),
    *("1e999", "NaN", "\u202e", "(a+)+$", "<script>", "${7*7}"),
)
"""Texts for paths and queries. ``\\udcff`` stands for the byte FF, which is no UTF-8."""
