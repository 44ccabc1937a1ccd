"""``python -m shr_healthid.training pairs.ndjson > weights.json``: matching weights of one's own pairs.

Each line is a pair that a look-up brings up: ``{"one": Patient, "other": Patient, "same": true|false}``, FHIR as sent;
reviewers' decisions are such pairs. Without ``same`` in every line the shares are estimated (expectation-maximisation).
The service takes the file from ``SHR_MATCH_WEIGHTS``; ``python -m shr_healthid.rekey`` follows.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from shr_healthid.domain.comparison import compare
from shr_healthid.domain.names import words_of
from shr_healthid.domain.person import Demographics
from shr_healthid.domain.reading import demographics_of
from shr_healthid.domain.training import Pattern, estimated, trained
from shr_healthid.domain.weights import Weights

TERM_WEIGHT = 0.3
GRADES = {"certain": 12.0, "probable": 4.5, "possible": -4.0}


def weights_of(lines: Iterable[str], *, version: str) -> dict[str, Any]:
    """The content of a file of weights. Raises ValueError for a line that is no pair, BadWeights for too few."""
    patterns: list[Pattern] = []
    people: list[Demographics] = []
    truth: list[bool | None] = []
    for number, line in enumerate(filter(str.strip, lines), start=1):
        try:
            pair = json.loads(line)
            one, other = demographics_of(pair["one"]), demographics_of(pair["other"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"line {number} is no pair of Patients: {error}") from None
        patterns.append(compare(one, other))
        people += [one, other]
        truth.append(pair.get("same"))
    if any(same is None for same in truth):
        matched, _ = estimated(patterns)
    else:
        matched = [float(bool(same)) for same in truth]
    names = (tuple(word for name in said.names for word in words_of(name)) for said in people)
    found = trained(patterns, matched, names, version=version, term_weight=TERM_WEIGHT, grades=GRADES)
    Weights.of(found)
    return found


def main() -> None:
    """Read the pairs, write the weights to standard output."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("pairs", type=Path, help="NDJSON of pairs")
    options.add_argument("--version", default="own", help="name of these weights; a new name for each training")
    asked = options.parse_args()
    with asked.pairs.open() as opened:
        found = weights_of(opened, version=asked.version)
    sys.stdout.write(json.dumps(found, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    main()
