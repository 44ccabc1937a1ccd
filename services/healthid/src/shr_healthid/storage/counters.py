"""Health IDs issued, by first source, day and district: added in the transaction that issues, summed when read.

Each count is spread over a few documents, so that processes which register at the same time rarely meet in one.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from pymongo import UpdateOne
from shr_common.mongo import Database, Session, categorised

from shr_healthid.domain.person import Person, day_in_dhaka
from shr_healthid.storage.collections import COUNTERS

SPREAD = 16
SHOWN = ("openmrs", "opensrp", "aalo", "emis")
UNKNOWN_DISTRICT = "unknown"


async def increments(database: Database, issued: Sequence[Person], session: Session) -> None:
    """Count these Health IDs, in the unit of work that issues them."""
    counts: Counter[tuple[str, str, str]] = Counter()
    for person in issued:
        system = person.first_source.partition("/")[0]
        counts["source", "", system] += 1
        counts["day", day_in_dhaka(person.updated_at), system] += 1
        counts["district", _district(person), system] += 1
    part = random.randrange(SPREAD)  # noqa: S311 (spreads writers)
    writes = [
        UpdateOne(
            {"_id": f"{by}|{value}|{system}|{part}"},
            {"$inc": {"n": n}, "$setOnInsert": {"by": by, "value": value, "system": system}},
            upsert=True,
        )
        for (by, value, system), n in sorted(counts.items())
    ]
    await database[COUNTERS].bulk_write(writes, session=session, ordered=False)


class CounterStore:
    """Reads the counts. The total is the sum over sources by construction."""

    def __init__(self, database: Database) -> None:
        self._counters = database[COUNTERS]

    async def totals(self) -> dict[str, Any]:
        """``{"total", "by_source"}``; the systems that the public page names are there from the first day."""
        return _summed(await self._counts("source"), always=SHOWN)

    async def totals_by(self, by: str) -> dict[str, Any]:
        """The same, with ``by_day`` or ``by_district``: value → ``{"total", "by_source"}``. One read, so it adds up."""
        counts = await self._counts(by)
        values: dict[str, list[tuple[str, str, int]]] = {}
        for value, system, n in counts:
            values.setdefault(value, []).append((value, system, n))
        return {
            **_summed(counts, always=SHOWN),
            f"by_{by}": {value: _summed(values[value]) for value in sorted(values)},
        }

    async def _counts(self, by: str) -> list[tuple[str, str, int]]:
        with categorised():
            found = self._counters.find({"_id": {"$gte": f"{by}|", "$lt": f"{by}}}"}})
            return [(document["value"], document["system"], document["n"]) async for document in found]


def _district(person: Person) -> str:
    """Its BBS geocode; what a sender wrote otherwise is not a district to count by."""
    district = person.demographics.district or ""
    return district if re.fullmatch(r"\d{2,10}", district, re.ASCII) else UNKNOWN_DISTRICT


def _summed(counts: Sequence[tuple[str, str, int]], *, always: Sequence[str] = ()) -> dict[str, Any]:
    by_source: Counter[str] = Counter(dict.fromkeys(always, 0))
    for _, system, n in counts:
        by_source[system] += n
    return {"total": sum(by_source.values()), "by_source": dict(sorted(by_source.items()))}
