"""Who may speak for a record: its citizen, and while she is a minor her guardians, as healthid's events tell."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shr_policy import majority_of, of_age


@dataclass(frozen=True, slots=True)
class Person:
    """``id``: her current one; ``ids``: all ids that lead to her; ``guardians``: as the events name them."""

    id: str
    ids: frozenset[str]
    guardians: frozenset[str] = frozenset()
    birth_date: str | None = None

    def guardians_at(self, now: datetime) -> frozenset[str]:
        """Her guardians: none any more from the day of majority on."""
        return frozenset() if of_age(self.birth_date, now) else self.guardians


def may_speak_for(caller: Person, patient: Person, now: datetime) -> bool:
    """Her own record, or that of a ward."""
    return caller.id == patient.id or not caller.ids.isdisjoint(patient.guardians_at(now))


def say_ends(caller: Person, patient: Person) -> datetime | None:
    """When what ``caller`` grants in this record ends: a guardian's with the ward's majority, her own never."""
    return None if caller.id == patient.id else majority_of(patient.birth_date)
