"""Reads the unpacked npm package: only what the generator needs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Json = dict[str, Any]


class Package:
    """The definitions of FHIR R4 4.0.1 by kind.

    Profiles (``derivation: constraint``) are left out: they narrow R4 and are not R4 itself.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        bases = [
            definition
            for definition in self.read("StructureDefinition")
            if definition.get("derivation") != "constraint" and definition["kind"] != "logical"
        ]
        self.resources = {d["id"]: d for d in bases if d["kind"] == "resource" and not d["abstract"]}
        self.datatypes = {d["id"]: d for d in bases if d["kind"] == "complex-type"}

    def read(self, resource_type: str) -> Iterator[Json]:
        """Every resource of one type, in the order of the file names."""
        for path in sorted(self.folder.glob(f"{resource_type}-*.json")):
            content = json.loads(path.read_bytes())
            if content.get("resourceType") == resource_type:
                yield content
