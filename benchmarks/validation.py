"""How long validation takes: this project's compiled schemas beside fhir.resources, on the same resources.

    .venv/bin/python benchmarks/validation.py [FOLDER_WITH_FHIR_R4_JSON] [--json]

Without a folder the project's own examples are used, and the official ones beside the project where they exist. Both
sides get the same parsed resource; each figure is the median of repeated runs, and the ratio is taken resource by
resource. Resources on which the verdicts differ are counted, not timed. The strict reading of JSON is timed apart.
"""

from __future__ import annotations

import contextlib
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
from fhir.resources.R4B import get_fhir_model_class
from pydantic import ValidationError
from shr_common.fhir.bundle import split_bundle
from shr_common.fhir.json import parse
from shr_common.fhir.splice import splice
from shr_common.fhir.validate import validate

ROOT = Path(__file__).resolve().parents[1]
OWN = ROOT / "libs/shr_common/tests/fhir/examples"
OFFICIAL = ROOT.parent / "shared/samples/fhir-r4"
ROUNDS = 7
GOAL = 25


def microseconds(call: Callable[[], Any], budget_s: float = 0.004) -> float:
    """Median time of one call, over rounds that each last about ``budget_s``."""
    started = time.perf_counter()
    call()
    once = max(time.perf_counter() - started, 1e-7)
    number = max(1, int(budget_s / once))
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        for _ in range(number):
            call()
        times.append((time.perf_counter() - started) / number)
    return statistics.median(times) * 1e6


def resources(folders: list[Path]) -> Iterator[tuple[str, bytes, dict[str, Any]]]:
    """Every resource that is not a bundle: name, bytes, parsed."""
    for folder in folders:
        for path in sorted(folder.glob("*.json")):
            raw = path.read_bytes()
            resource = orjson.loads(raw)
            if resource["resourceType"] != "Bundle":
                yield path.name, raw, resource


def compare(folders: list[Path], *, narratives: bool) -> dict[str, Any]:
    """Both validators on each resource on which they agree; fhir.resources never looks into narratives, ours does."""
    rows: list[tuple[float, float, str]] = []
    differing = 0
    for name, _, parsed in resources(folders):
        resource = {member: value for member, value in parsed.items() if narratives or member != "text"}
        model: Any = get_fhir_model_class(resource["resourceType"])

        def theirs(model: Any = model, resource: Any = resource) -> bool:
            with contextlib.suppress(ValidationError):
                model.model_validate(resource)
                return True
            return False

        def ours(resource: Any = resource) -> bool:
            return not validate(resource)

        if ours() != theirs():
            differing += 1
            continue
        rows.append((microseconds(ours), microseconds(theirs), name))
    ratios = sorted((their / our, name) for our, their, name in rows)
    return {
        "resources": len(rows),
        "verdicts_differ": differing,
        "ours_us": round(statistics.median(row[0] for row in rows), 2),
        "fhir_resources_us": round(statistics.median(row[1] for row in rows), 1),
        "ratio_median": round(statistics.median(ratio for ratio, _ in ratios), 1),
        "ratio_worst": [round(ratios[0][0], 1), ratios[0][1]],
        "share_at_goal": round(sum(ratio >= GOAL for ratio, _ in ratios) / len(ratios), 3),
    }


def reading() -> dict[str, Any]:
    """The own eight-resource bundle: parsing, its strict scan, splitting, validating, serving one resource."""
    pretty = (OWN / "bundle-visit.json").read_bytes()
    raw = orjson.dumps(orjson.loads(pretty))
    tree = parse(raw)
    parts = split_bundle(raw)
    entry = parts.entries[2]
    assert entry.raw is not None and entry.resource is not None
    sent, resource = entry.raw, entry.resource
    meta = {"versionId": "1", "lastUpdated": "2026-11-23T04:00:00Z", "source": "openmrs/10000001"}
    references = {"Patient/98000000003": "Patient/98000000011"}
    plain, strict = microseconds(lambda: orjson.loads(raw)), microseconds(lambda: parse(raw))
    return {
        "bundle_bytes": len(raw),
        "entries": len(parts.entries),
        "orjson_us": round(plain, 1),
        "parse_us": round(strict, 1),
        "scan_us": round(strict - plain, 1),
        "parse_indented_us": round(microseconds(lambda: parse(pretty)), 1),
        "split_us": round(microseconds(lambda: split_bundle(raw)), 1),
        "validate_bundle_us": round(microseconds(lambda: validate(tree)), 1),
        "splice_observation_us": round(
            microseconds(lambda: splice(sent, resource, id="x", meta=meta, references=references)), 1
        ),
    }


def main(arguments: list[str]) -> None:
    """Print both tables, as text or with ``--json`` as one line."""
    named = [Path(argument) for argument in arguments if not argument.startswith("--")]
    folders = named or [OWN, *([OFFICIAL] if OFFICIAL.is_dir() else [])]
    result = {
        "validation": compare(folders, narratives=True),
        "validation_without_narratives": compare(folders, narratives=False),
        "reading": reading(),
    }
    if "--json" in arguments:
        print(json.dumps(result))
        return
    for table, figures in result.items():
        print(table)
        for name, value in figures.items():
            print(f"  {name:24} {value}")
    reached = result["validation"]["ratio_median"] >= GOAL
    print(f"goal: at least {GOAL} times faster than fhir.resources: {'reached' if reached else 'missed'}")


if __name__ == "__main__":
    main(sys.argv[1:])
