"""What is served is what was sent: only id, meta, references and identity numbers are put in, all else stays as it was.

Works on the raw bytes, since any parser would turn 1.50 into 1.5. Only the objects on the way to a change are taken
apart; every value that is not changed is copied byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from shr_common.fhir.elements import Node, Path, find

Mask = Callable[[str], str]
Edits = dict[str | int, Any]
"""Nested by path: member or position → further edits, or the new value's JSON as ``msgspec.Raw``."""

_KINDS = frozenset({"Reference", "Identifier"})
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_ENCODER = msgspec.json.Encoder()


def splice(
    raw: bytes | msgspec.Raw,
    resource: Node,
    *,
    id: str,
    meta: Mapping[str, Any],
    references: Mapping[str, str] | None = None,
    masks: Mapping[str, Mask] | None = None,
) -> bytes:
    """The served bytes of a resource.

    ``raw`` is the resource as sent and ``resource`` the same, parsed. ``meta`` is laid over the sent one: its values
    replace, its lists (tag, security, profile) add what is not there yet. ``references`` maps a reference as sent to
    the served one. ``masks`` maps an identifier system to what hides its numbers, wherever an Identifier stands.
    """
    members: dict[str, Any] = _OBJECT.decode(raw)
    if references or masks:
        for name, edits in _edits(resource, references or {}, masks or {}).items():
            members[str(name)] = _apply(members[str(name)], edits)
    members["meta"] = _merged_meta(members.get("meta"), resource.get("meta"), meta)
    members["id"] = id
    ordered = {name: members.pop(name) for name in ("resourceType", "id", "meta") if name in members}
    return _ENCODER.encode({**ordered, **members})


def _edits(resource: Node, references: Mapping[str, str], masks: Mapping[str, Mask]) -> Edits:
    edits: Edits = {}
    for path, kind, node in find(resource, _KINDS):
        if kind == "Reference":
            new = references.get(node.get("reference", ""))
            if new is not None:
                _put(edits, (*path, "reference"), new)
            continue
        mask = masks.get(node.get("system", "")) if masks else None
        value = node.get("value")
        if mask is not None and isinstance(value, str):
            _put(edits, (*path, "value"), mask(value))
    return edits


def _put(edits: Edits, path: Path, text: str) -> None:
    for step in path[:-1]:
        edits = edits.setdefault(step, {})
    edits[path[-1]] = msgspec.Raw(_ENCODER.encode(text))


def _apply(raw: msgspec.Raw, edits: Any) -> msgspec.Raw:
    if isinstance(edits, msgspec.Raw):
        return edits
    parts: Any = _LIST.decode(raw) if isinstance(next(iter(edits)), int) else _OBJECT.decode(raw)
    for step, inner in edits.items():
        parts[step] = _apply(parts[step], inner)
    return msgspec.Raw(_ENCODER.encode(parts))


def _merged_meta(raw: msgspec.Raw | None, sent: Any, new: Mapping[str, Any]) -> dict[str, Any]:
    """The sent members as they were, but for what is replaced or added to."""
    if raw is None:
        return dict(new)
    merged: dict[str, Any] = dict(_OBJECT.decode(raw))
    for name, value in new.items():
        before = sent.get(name) if isinstance(value, list) else None
        if before:
            value = [*_LIST.decode(merged[name]), *(item for item in value if item not in before)]
        merged[name] = value
    return merged
