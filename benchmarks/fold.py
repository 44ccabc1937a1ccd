"""Pure fold of ``encounter.recorded`` into rows and profiles: no broker, no database.

python benchmarks/fold.py [--visits 400] [--rounds 5] [--json]
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
import uuid
from typing import Any

import orjson
from profile_read import resources
from shr_gateway.projections.records import empty_profile, fold, fold_profile, recorded_of

AT = "2026-11-23T00:00:00.000Z"
PEOPLE = 100
BATCH = 200


def events(visits: int) -> list[bytes]:
    """Values of ``encounter.recorded``, eight resources each."""
    made = []
    for number in range(visits):
        person = f"98{number % PEOPLE:09d}"
        entries: list[dict[str, Any]] = []
        for resource in resources(person, number // PEOPLE):
            id_ = resource.get("id") or str(uuid.uuid4())
            served = {**resource, "id": id_, "meta": {"versionId": "1", "lastUpdated": AT}}
            entries.append({"type": resource["resourceType"], "id": id_, "version": 1, "resource": served})
        made.append(orjson.dumps({"source": "openmrs/10000001", "submission_id": str(number), "health_id": person,
                                  "resources": entries, "recorded_at": AT, "version": 1}))  # fmt: skip
    return made


def fold_all(values: list[bytes]) -> float:
    """Resources folded in one second."""
    profiles: dict[str, Any] = {}
    started = time.perf_counter()
    count = 0
    for start in range(0, len(values), BATCH):
        folded = fold({}, [recorded_of(value) for value in values[start : start + BATCH]])
        count += len(folded.current)
        for person, changes in folded.changes.items():
            profiles[person] = fold_profile(profiles.get(person) or empty_profile(person), changes)
    return count / (time.perf_counter() - started)


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--visits", type=int, default=400)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--json", action="store_true")
    given = options.parse_args()
    values = events(given.visits)
    fold_all(values)
    rate = statistics.median(fold_all(values) for _ in range(given.rounds))
    if given.json:
        print(json.dumps({"fold_resources_per_s": round(rate)}))
    else:
        print(f"pure fold  {rate:,.0f} resources/s on one core (aim: 5 times the intake)")


if __name__ == "__main__":
    main()
