"""Changes of persons as registries that poll learn them: which person changed, where she lives, and nothing more.

No names or numbers: who may know more reads the person, which is in the access log.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shr_healthid.domain.ledger import Ledger, Said
from shr_healthid.domain.person import Person

Entry = dict[str, Any]


def entries_of(ledger: Ledger) -> list[Entry]:
    """One entry for each state that a unit of work made. ``districts``: whose feed it belongs to, the one left too."""
    before = {(person.key, person.version): person for person in ledger.superseded}
    return [_entry(said, before.get((said.person.key, said.person.version - 1))) for said in ledger.said]


def _entry(said: Said, before: Person | None) -> Entry:
    person = said.person
    places = [person.demographics.district, before.demographics.district if before else None]
    return {
        "key": person.key,
        "health_id": person.id,
        "version": person.version,
        "change": "registered" if said.registered else "updated",
        "status": "retired" if person.is_retired else person.status,
        "survivor": person.survivor,
        "replaces": list(person.replaces),
        "district": person.demographics.district,
        "upazila": person.demographics.upazila,
        "districts": sorted({place for place in places if place}),
        "at": person.updated_at,
    }


def in_order(entries: Sequence[Entry]) -> list[Entry]:
    """The same entries, each person's in the order of her versions, whichever process's clock was ahead."""
    places: dict[str, list[int]] = {}
    for place, entry in enumerate(entries):
        places.setdefault(entry["key"], []).append(place)
    ordered = list(entries)
    for hers in places.values():
        for place, entry in zip(hers, sorted((entries[p] for p in hers), key=lambda e: e["version"]), strict=True):
            ordered[place] = entry
    return ordered
