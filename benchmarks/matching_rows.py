"""The records of the matching benchmark as the columns that Splink compares."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from matching_people import Record
from shr_healthid.domain.comparison import area_of, phone_of, place_words
from shr_healthid.domain.names import words_of
from shr_healthid.domain.sounds import skeleton


def columns_of(
    registry: Sequence[Record],
    sought: Sequence[Record],
    places: Sequence[tuple[int, int]],
    truth: Sequence[bool],
    without: Sequence[str],
) -> dict[str, Any]:
    """Both sides with the numbers of the pairs that each record is in; ``without``: fields that the data lack."""
    numbers: tuple[dict[int, list[int]], dict[int, list[int]]] = defaultdict(list), defaultdict(list)
    for number, (i, j) in enumerate(places):
        numbers[0][i].append(number)
        numbers[1][j].append(number)
    left = [_row(f"a{place}", record, numbers[0][place], without) for place, record in enumerate(registry)]
    right = [_row(f"b{place}", record, numbers[1][place], without) for place, record in enumerate(sought)]
    return {"left": left, "right": right, "pairs": list(places), "truth": list(truth)}


def _row(id_: str, record: Record, pairs: list[int], without: Sequence[str]) -> dict[str, Any]:
    said = record.said
    row: dict[str, Any] = {"unique_id": id_, "cluster": str(record.of), "pairs": pairs}
    for field, names in (("name", said.names), ("father", (said.father,)), ("mother", (said.mother,))):
        if field not in without:
            written = [words for name in names if name and (words := words_of(name))]
            row[f"{field}_forms"] = [" ".join(words) for words in written] or None
            row[f"{field}_key"] = " ".join(sorted(map(skeleton, written[0]))) if written else None
    born = said.birth_date
    row |= {
        "dob": None if not born else born if len(born) == 10 else f"{born[:4]}-01-01",
        "area": area_of(said.upazila) or None,
        "district": said.district,
        "place": " ".join(place_words(said.place or "")) or None,
    }
    row |= {field: value for field, value in (("gender", said.gender), ("phone", phone_of(said.mobile) or None))
            if field not in without}  # fmt: skip
    return row
