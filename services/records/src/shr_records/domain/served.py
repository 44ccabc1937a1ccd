"""The served bytes of a resource: what was sent, with only id, meta, references and masked numbers replaced.

Everything else keeps its bytes, so that 1.50 stays 1.50 and a Bangla name keeps its normalisation.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

import msgspec
import orjson
from shr_common.fhir.splice import splice

from shr_records.domain.numbers import hiding, mentions

_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*"')
Resource = dict[str, Any]


def served(
    raw: bytes | msgspec.Raw,
    resource: Resource,
    *,
    id: str,
    meta: Mapping[str, Any],
    references: Mapping[str, str],
    numbers: Collection[str] = (),
) -> bytes:
    """``references`` maps a reference as sent to the served one; ``numbers`` show their last three characters only."""
    body = splice(raw, resource, id=id, meta=meta, references=references)
    return with_masks(body, numbers) if numbers else body


def with_masks(body: bytes, numbers: Collection[str]) -> bytes:
    """Each number hidden wherever a text of the resource repeats it (a display, a narrative), however it is spelled."""
    if not mentions(body, numbers):
        return body
    hide = hiding(numbers)

    def mask(found: re.Match[bytes]) -> bytes:
        text: str = orjson.loads(found.group(0))
        hidden = hide(text)
        return found.group(0) if hidden == text else orjson.dumps(hidden)

    return _TEXT.sub(mask, body)


def with_members(body: bytes, changed: Mapping[str, bytes | None]) -> bytes:
    """The same resource with some members replaced, added, or (None) left out."""
    members: dict[str, bytes] = {key: bytes(value) for key, value in _MEMBERS.decode(body).items()}
    for key, value in changed.items():
        if value is None:
            members.pop(key, None)
        else:
            members[key] = value
    return b"{" + b",".join(b'"%b":%b' % (key.encode(), value) for key, value in members.items()) + b"}"
