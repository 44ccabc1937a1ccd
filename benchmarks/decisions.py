"""Consent decisions on one core: 10,000 consents in play for 1,000 citizens, and a typical citizen with 5 grants.

    python benchmarks/decisions.py [--rounds 7] [--json]

The yardstick of the run is a bare function call with the same keyword arguments that returns a constant.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from shr_policy import Actor, Grant, Item, admits, decide

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
CALLS = 20_000
AIM_PER_S = 50_000


def grant(number: int, **said: Any) -> Grant:
    """One consent; most are for others than the one who asks."""
    value = {
        "consent_id": f"c{number}",
        "status": "granted",
        "recipient": {"type": "practitioner", "id": f"2{number % 1000:07d}"},
        "purpose": "CAREMGT",
        "record_types": ["Observation", "Condition", "MedicationRequest", "Encounter"],
        "record_period": {"start": "2020-01-01", "end": None},
        "expires_at": (NOW + timedelta(days=30)).isoformat(),
        "access_mode": "VIEW",
        "sensitive": [],
    }
    return Grant.of(value | said)


def typical() -> list[Grant]:
    """Five grants: two to the one who asks (one by her facility), one refusal, one restriction, one past its time."""
    return [
        grant(1, recipient={"type": "practitioner", "id": "20000002"}),
        grant(2, recipient={"type": "facility", "id": "10000002"}, sensitive=["HIV"]),
        grant(3, decision="deny", purpose=None, recipient={"type": "facility", "id": "10000009"}),
        grant(4, kind="restriction", decision="deny", recipient=None, reference="Encounter/9"),
        grant(5, expires_at=(NOW - timedelta(days=1)).isoformat()),
    ]


def question(grants: Sequence[Grant]) -> dict[str, Any]:
    """The same question each time."""
    return {
        "actor": Actor("practitioner", "20000002", "10000002"),
        "patient": "98000173958",
        "purpose": "CAREMGT",
        "resource_type": "*",
        "action": "read",
        "grants": grants,
        "guardians": frozenset({"98001046534"}),
        "wrote_here": True,
        "now": NOW,
    }


def bare(**_question: Any) -> bool:
    """The yardstick."""
    return False


def median_rate(work: Callable[[], object], calls: int, rounds: int) -> float:
    """Calls a second of processor time (one core, whatever else runs beside), the median of some rounds."""
    rates = []
    for _ in range(rounds):
        started = time.process_time()
        work()
        rates.append(calls / (time.process_time() - started))
    return statistics.median(rates)


def measure(rounds: int) -> dict[str, float]:
    """Rates a second."""
    one = question(typical())
    many = [question([grant(person * 10 + n) for n in range(10)]) for person in range(1000)]
    decision = decide(**one)
    assert decision.permit
    item = Item("Observation", "Observation/1", "2026-03-10", "10000001", frozenset(), "N", "Encounter/1")
    assert admits(decision, item).shown

    def all_citizens() -> None:
        for asked in many:
            decide(**asked)

    return {
        "decisions_per_s": median_rate(lambda: [decide(**one) for _ in range(CALLS)], CALLS, rounds),
        "decisions_10k_consents_per_s": median_rate(all_citizens, len(many), rounds),
        "items_admitted_per_s": median_rate(lambda: [admits(decision, item) for _ in range(CALLS)], CALLS, rounds),
        "bare_calls_per_s": median_rate(lambda: [bare(**one) for _ in range(CALLS)], CALLS, rounds),
    }


def main() -> None:
    """Print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = measure(arguments.rounds)
    if arguments.json:
        print(json.dumps({name: round(value) for name, value in found.items()}))
        return
    print(f"decision, 5 grants       {found['decisions_per_s']:>12,.0f}/s  (aim {AIM_PER_S:,}/s)")
    print(f"decision, 10,000 in play {found['decisions_10k_consents_per_s']:>12,.0f}/s")
    print(f"item admitted            {found['items_admitted_per_s']:>12,.0f}/s")
    print(f"bare call                {found['bare_calls_per_s']:>12,.0f}/s")
    print(f"ratio to the bare call   {found['decisions_per_s'] / found['bare_calls_per_s']:>12.3f}")


if __name__ == "__main__":
    main()
