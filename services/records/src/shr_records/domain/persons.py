"""What the registry says about a person, as look-up keys: numbers only ever come as keyed hashes."""

from __future__ import annotations

from dataclasses import dataclass

from shr_contracts.events import PatientMerged, PatientRegistered

from shr_records.domain.people import Hash, registered_local_keys, uhid_key


@dataclass(frozen=True, slots=True)
class PersonState:
    """A person as she is now; ``replaces`` are former (provisional) ids of hers."""

    person: str
    version: int
    status: str
    keys: set[str]
    replaces: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Linked:
    """One id now stands for the other, or (``undone``) no longer."""

    retired: str
    survivor: str
    undone: bool
    version: int


@dataclass(frozen=True, slots=True)
class Erased:
    """Everything of this person goes."""

    person: str


def state_of(event: PatientRegistered, hash_of: Hash) -> PersonState:
    """From ``patient.registered`` or ``patient.updated``."""
    # a former id may never have been a person here: a Health ID issued offline, that turned out to be hers
    keys = {uhid_key(one) for one in (event.health_id, *event.replaces)}
    keys.update(f"nid:{one}" for one in event.lookup.nid)
    keys.update(f"brn:{one}" for one in event.lookup.brn)
    for local in event.local_ids:
        keys.update(registered_local_keys(local.source, local.system, local.value, hash_of))
    replaces = tuple(one for one in event.replaces if one != event.health_id)
    return PersonState(event.health_id, event.version, event.status, keys, replaces)


def link_of(event: PatientMerged) -> Linked:
    """From ``patient.merged``."""
    return Linked(event.retired, event.survivor, event.undone, event.version)
