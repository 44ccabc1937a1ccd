"""Strict JSON: one object in UTF-8 with unique keys, valid Unicode and finite numbers, not nested too deep.

orjson parses, and refuses bad UTF-8, lone surrogates, NaN and infinity with their position; like every fast parser it
keeps the last of two equal keys in silence and admits 1,024 levels. Both are caught here:

*Duplicate keys.* A JSON text has one colon for each member and those within its texts. Written out again, the parsed
tree has as many, less one at least for each member that was dropped, since texts have no other way to show or hide a
colon than the escape ``\\u003a``. So without that escape equal counts prove that no key repeats; else an exact, slower
test decides.

*Depth.* A compiled schema that nests as deep as allowed and says nothing else.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

import jsonschema_rs
import orjson

from shr_common.errors import ShrError, malformed, too_large
from shr_common.fhir.json_scan import Finding, first_fault

MiB = 1_048_576


@dataclass(frozen=True, slots=True)
class JsonLimits:
    """What a document may weigh: bytes, and levels of objects and lists (the outermost object is level 1)."""

    bytes: int = 5 * MiB
    depth: int = 64


DEFAULT_LIMITS = JsonLimits()


def parse(raw: bytes, *, limits: JsonLimits = DEFAULT_LIMITS) -> dict[str, Any]:
    """The JSON object in ``raw``.

    Raises ``too_large`` over the limit of bytes; else ``invalid`` with detail ``malformed``, whose ``diagnostics`` give
    line and column (both from 1, in characters).
    """
    if len(raw) > limits.bytes:
        raise too_large(f"The document has {len(raw)} bytes; at most {limits.bytes} are accepted.")
    try:
        tree = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise _unreadable(raw, error, limits.depth) from None
    if not isinstance(tree, dict):
        raise malformed("A JSON object is needed: start with { and end with }.", diagnostics="line 1, column 1")
    if not _depth_schema(limits.depth).is_valid(tree) or not _keys_are_unique(raw, tree):
        raise _located(first_fault(raw.decode(), depth=limits.depth))
    return tree


def _keys_are_unique(raw: bytes, tree: dict[str, Any]) -> bool:
    if raw.count(b":") == orjson.dumps(tree).count(b":") and b"\\u003" not in raw:
        return True
    try:
        json.loads(raw, object_pairs_hook=_unique)
    except _DuplicateError:
        return False
    return True


class _DuplicateError(Exception):
    """Two equal keys in one object."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _DuplicateError
    return members


@cache
def _depth_schema(depth: int) -> jsonschema_rs.Validator:
    levels: dict[str, Any] = {"0": {"type": ["string", "number", "boolean", "null"]}}
    for level in range(1, depth + 1):
        below = {"$ref": f"#/$defs/{level - 1}"}
        levels[str(level)] = {"additionalProperties": below, "items": below}
    return jsonschema_rs.validator_for({"$defs": levels, "$ref": f"#/$defs/{depth}"})


def _unreadable(raw: bytes, error: orjson.JSONDecodeError, depth: int) -> ShrError:
    """orjson's own words and place, but for what it cannot place: bad UTF-8 and too many levels."""
    try:
        text = raw.decode()
    except UnicodeDecodeError as bad:
        before = raw[: bad.start].decode()
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        return malformed("The document is not valid UTF-8.", diagnostics=f"line {line}, column {column}")
    if "depth" in error.msg:
        return _located(first_fault(text, depth=depth))
    return malformed(
        f"The document is not valid JSON: {error.msg}.", diagnostics=f"line {error.lineno}, column {error.colno}"
    )


def _located(finding: Finding | None) -> ShrError:
    if finding is None:  # a scan and its proof cannot disagree; refuse rather than trust either
        return malformed("The document is not valid JSON.", diagnostics="line 1, column 1")
    return malformed(finding.text, diagnostics=f"line {finding.line}, column {finding.column}")
