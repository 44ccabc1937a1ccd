"""Fellegi-Sunter weights: what each agreement says about whether two descriptions are of one person.

A level of a field weighs log2(m / u): ``m`` is how often it is seen when both are one person, ``u`` when they are two
who came up in the same look-up. A name that is shared by few weighs more than one that half a village bears: the weight
moves with the information of the words in common, -log2 of how often each is met (term frequency, as in Splink).

The file (``weights.json``; ``docs/guides/matching.md`` says how it is made)::

    {"version": "...", "prior": 0.01,
     "fields": {"name": {"exact": {"m": 0.6, "u": 0.001, "information": 12.1}, ...}, ...},
     "term_weight": 0.6, "words": {"rhm": 0.012, ...}, "rare": 0.0005,
     "grades": {"certain": 24.0, "probable": 5.0, "possible": -3.0}}
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shr_healthid.domain.comparison import FIELDS, NAMED, Agreement
from shr_healthid.domain.sounds import skeleton

GRADES = ("certain", "probable", "possible")


class BadWeights(ValueError):
    """A file of weights that cannot be used, and why."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Base weights, term frequencies and the least log2 odds of each grade."""

    version: str
    prior: float
    base: Mapping[str, Mapping[str, float]]
    information: Mapping[str, Mapping[str, float]]
    term_weight: float
    words: Mapping[str, float] = field(repr=False)
    rare: float
    grades: Mapping[str, float]

    @classmethod
    def of(cls, file: Mapping[str, Any]) -> Weights:
        """Read the file's content. Raises BadWeights for what is missing or no number.

        A better level never weighs less than a worse one of its field, and agreement never less than silence: where
        the training says otherwise (few pairs), the better level gets the worse one's weight.
        """
        try:
            term_weight = float(file["term_weight"])
            base, information = {}, {}
            for name, levels in FIELDS.items():
                read = {level: file["fields"][name][level] for level in levels}
                heard = {level: float(said.get("information", 0.0)) for level, said in read.items()}
                raw = {level: math.log2(float(said["m"]) / float(said["u"])) for level, said in read.items()}
                base[name] = _ordered(raw, heard, levels, term_weight)
                information[name] = heard
            weights = cls(
                version=str(file["version"]),
                prior=math.log2(float(file["prior"]) / (1 - float(file["prior"]))),
                base=base,
                information=information,
                term_weight=term_weight,
                words={str(word): float(often) for word, often in file["words"].items()},
                rare=float(file["rare"]),
                grades={grade: float(file["grades"][grade]) for grade in GRADES},
            )
        except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
            raise BadWeights(f"weights: {type(error).__name__} {error}") from None
        if not (0 < weights.rare < 1 and all(0 < often < 1 for often in weights.words.values())):
            raise BadWeights("weights: a word's frequency lies between 0 and 1")
        return weights

    def rarity(self, words: tuple[str, ...]) -> float:
        """The information of words in common, in bits: the rarer, the more."""
        return sum(-math.log2(self.words.get(skeleton(word), self.rare)) for word in words)

    def of_agreement(self, agreement: Agreement) -> float:
        """What an agreement adds to the log2 odds."""
        forms = ((agreement.level, agreement.words), *agreement.others)
        return max(self._of(agreement.field, level, words) for level, words in forms)

    def _of(self, field_: str, level: str, words: tuple[str, ...]) -> float:
        base = self.base[field_]
        weight = base[level]
        if field_ in NAMED and words:
            # ``base`` is what no word in common would weigh: see _ordered
            weight = max(weight + self.term_weight * self.rarity(words), base["differs"])
        return max(weight, 0.0) if level == "exact" else weight


def _ordered(
    raw: Mapping[str, float], heard: Mapping[str, float], levels: tuple[str, ...], term_weight: float
) -> dict[str, float]:
    """The weight of each level apart from its words, never less than that of a worse level."""
    ordered: dict[str, float] = {}
    least = -math.inf
    for level in reversed(levels):
        apart = raw[level] - term_weight * heard[level]
        if level in ("differs", "far"):
            apart = min(apart, 0.0)
        least = ordered[level] = max(apart, least)
    return ordered
