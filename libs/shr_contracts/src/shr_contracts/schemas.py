"""JSON Schemas of all values: generated from the models, stored in ``schemas/``, guarded against breaking changes.

``python -m shr_contracts.schemas`` writes the stored copies after an additive change.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from shr_contracts.events import PUBLISHED, Value

STORE = Path(__file__).parent / "stored"


def schema_of(model: type[Value]) -> dict[str, Any]:
    """The JSON Schema of a value as it is written to a topic."""
    return model.model_json_schema(by_alias=True, mode="serialization")


def stored_schema(model: type[Value]) -> dict[str, Any]:
    """The schema that readers were promised."""
    loaded: dict[str, Any] = json.loads((STORE / f"{model.__name__}.json").read_text())
    return loaded


def breaking_changes(*, promised: Any, now: Any, at: str = "") -> Iterator[str]:
    """What a reader of ``promised`` could no longer rely on in ``now``: members gone, optional, or of another shape.

    Additions (members, alternatives that a reader's own schema does not forbid) are not breaking. Descriptions and
    titles are not part of the promise.
    """
    ignored = {"description", "title", "default"}
    if isinstance(promised, dict) and isinstance(now, dict):
        for key, value in promised.items():
            place = f"{at}/{key}"
            if key in ignored:
                continue
            if key not in now:
                yield f"{place} is gone"
            elif key == "required":
                yield from (f"{place}: {name} became optional" for name in value if name not in now[key])
            elif key == "enum":
                yield from (f"{place}: {name!r} is new to readers" for name in now[key] if name not in value)
            else:
                yield from breaking_changes(promised=value, now=now[key], at=place)
    elif promised != now:
        yield f"{at}: {promised!r} became {now!r}"


def write() -> None:
    """Store the schemas of today's models."""
    STORE.mkdir(exist_ok=True)
    for model in PUBLISHED:
        (STORE / f"{model.__name__}.json").write_text(json.dumps(schema_of(model), indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    write()
