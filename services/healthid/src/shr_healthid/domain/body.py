"""What was sent, read strictly."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson
from shr_common.fhir import json as strict_json
from shr_common.fhir.json import JsonLimits

from shr_healthid.domain import exact_json


@dataclass(frozen=True, slots=True)
class Body:
    """A JSON object: ``tree`` to judge, ``as_sent`` with exact decimals where there are any."""

    raw: bytes = field(repr=False)
    tree: dict[str, Any] = field(repr=False)
    as_sent: dict[str, Any] = field(repr=False)

    def canonical(self) -> str:
        """The same text for equal JSON, but for ``meta.lastUpdated``."""
        meta = self.tree.get("meta")
        tree = self.tree
        if isinstance(meta, dict) and "lastUpdated" in meta:
            kept = {name: value for name, value in meta.items() if name != "lastUpdated"}
            tree = {**tree, "meta": kept} if kept else {name: v for name, v in tree.items() if name != "meta"}
        return orjson.dumps(tree, option=orjson.OPT_SORT_KEYS).decode()


def parse(raw: bytes, limits: JsonLimits) -> Body:
    """Raises malformed (400) with line and column, too_large (413)."""
    tree = strict_json.parse(raw, limits=limits)
    return Body(raw, tree, exact_json.loads(raw) if b"ecimal" in raw else tree)
