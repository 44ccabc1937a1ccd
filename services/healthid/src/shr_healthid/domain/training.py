"""Estimates Fellegi-Sunter weights from compared pairs: with truth by counting, without it by expectation-maximisation.

Pairs are those that a look-up brings up, since these are what the weights judge. Sampling pairs at random would say
that a common village or birth date proves more than it does among people who were found by it.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from shr_healthid.domain.comparison import FIELDS, Agreement
from shr_healthid.domain.sounds import skeleton

Pattern = Sequence[Agreement]
SMOOTHING = 0.5
COMMON_WORDS = 400
ROUNDS = 50
SETTLED = 1e-6


def frequencies(names: Iterable[tuple[str, ...]]) -> tuple[dict[str, float], float]:
    """How often each common word is borne, by its skeleton, and what a word that is not listed counts as."""
    counted: Counter[str] = Counter()
    people = 0
    for words in names:
        people += 1
        counted.update({skeleton(word) for word in words})
    common = {bones: often / max(people, 1) for bones, often in counted.most_common(COMMON_WORDS) if often > 2}
    others = [often for bones, often in counted.items() if bones not in common]
    rare = (sum(others) / len(others) if others else 1.0) / max(people, 1)
    return {bones: round(min(often, 0.999), 6) for bones, often in common.items()}, max(round(rare, 8), 1e-8)


def counted(patterns: Sequence[Pattern], matched: Sequence[float]) -> dict[str, dict[str, dict[str, float]]]:
    """``m`` and ``u`` of every level. ``matched``: of each pair, the probability that it is one person (1 or 0)."""
    sums: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0.0, 0.0])
    for pattern, share in zip(patterns, matched, strict=True):
        for agreement in pattern:
            seen = sums[agreement.field, agreement.level]
            seen[0] += share
            seen[1] += 1 - share
    found: dict[str, dict[str, dict[str, float]]] = {}
    for field, levels in FIELDS.items():
        totals = [sum(sums[field, level][side] for level in levels) for side in (0, 1)]
        slack = SMOOTHING * len(levels)
        found[field] = {
            level: {
                "m": (sums[field, level][0] + SMOOTHING) / (totals[0] + slack),
                "u": (sums[field, level][1] + SMOOTHING) / (totals[1] + slack),
            }
            for level in levels
        }
    return found


def estimated(patterns: Sequence[Pattern], *, first_guess: float = 0.1) -> tuple[list[float], float]:
    """Without truth: of each pair the probability that it is one person, and their share (EM)."""
    grouped = Counter(tuple((a.field, a.level) for a in pattern) for pattern in patterns)
    shares = {key: 0.99 if _looks_same(key) else 0.01 for key in grouped}
    share = first_guess
    for _ in range(ROUNDS):
        rows = [([Agreement(field, level) for field, level in key], count) for key, count in grouped.items()]
        tables = _weighted(rows, [shares[key] for key in grouped])
        before = share
        for key in grouped:
            odds = math.log(share / (1 - share))
            odds += sum(math.log(tables[f][level]["m"] / tables[f][level]["u"]) for f, level in key)
            shares[key] = 1 / (1 + math.exp(-max(min(odds, 500.0), -500.0)))
        share = sum(shares[key] * count for key, count in grouped.items()) / len(patterns)
        share = min(max(share, 1e-6), 1 - 1e-6)
        if abs(share - before) < SETTLED:
            break
    return [shares[tuple((a.field, a.level) for a in pattern)] for pattern in patterns], share


def _looks_same(key: tuple[tuple[str, str], ...]) -> bool:
    agreeing = sum(level in ("exact", "close", "cross_script") for _, level in key)
    return agreeing >= 3 and ("name", "differs") not in key


def _weighted(rows: Sequence[tuple[Pattern, int]], shares: Sequence[float]) -> dict[str, dict[str, dict[str, float]]]:
    patterns: list[Pattern] = []
    matched: list[float] = []
    for (pattern, count), share in zip(rows, shares, strict=True):
        patterns += [pattern] * count
        matched += [share] * count
    return counted(patterns, matched)


def information(
    patterns: Sequence[Pattern], matched: Sequence[float], words: Mapping[str, float], rare: float
) -> dict[tuple[str, str], float]:
    """Of each level of a name, the mean information of the words that two different persons have in common."""
    sums: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0.0, 0.0])
    for pattern, share in zip(patterns, matched, strict=True):
        for agreement in pattern:
            if agreement.words:
                heard = sum(-math.log2(words.get(skeleton(word), rare)) for word in agreement.words)
                seen = sums[agreement.field, agreement.level]
                seen[0] += heard * (1 - share)
                seen[1] += 1 - share
    return {key: total / many for key, (total, many) in sums.items() if many > SMOOTHING}


def trained(
    patterns: Sequence[Pattern],
    matched: Sequence[float],
    names: Iterable[tuple[str, ...]],
    *,
    version: str,
    term_weight: float,
    grades: Mapping[str, float],
) -> dict[str, Any]:
    """The content of a file of weights (``domain/weights.py``)."""
    words, rare = frequencies(names)
    fields: dict[str, dict[str, dict[str, float]]] = counted(patterns, matched)
    for (field, level), heard in information(patterns, matched, words, rare).items():
        fields[field][level]["information"] = heard
    share = min(max(sum(matched) / max(len(matched), 1), 1e-6), 1 - 1e-6)
    return {
        "version": version,
        "prior": _rounded(share),
        "term_weight": term_weight,
        "grades": dict(grades),
        "fields": {f: {lv: {n: _rounded(v) for n, v in said.items()} for lv, said in levels.items()}
                   for f, levels in fields.items()},
        "rare": rare,
        "words": words,
    }  # fmt: skip


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")
