"""Who may act for whom: a citizen for herself and her wards, a facility and its practitioners for what is theirs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from shr_common.errors import forbidden

from shr_appointments.domain.schedules import Standing


@dataclass(frozen=True, slots=True)
class Actor:
    """The caller, as far as these rules go."""

    role: str
    id: str
    facility: str | None = None
    health_id: str | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """A person by all her ids, and her guardians' current ids. ``known``: the person registry has told of her."""

    current: str
    ids: frozenset[str]
    guardians: frozenset[str] = field(default_factory=frozenset)
    known: bool = False


def acts_for(actor: Actor, person: Person, *, own: Person | None) -> bool:
    """Whether a citizen is this person or her guardian. ``own`` is the citizen by all of her own ids."""
    if actor.role != "citizen" or own is None:
        return False
    return own.current == person.current or bool(own.ids & person.guardians)


def require_standing(standing: Standing, today: date) -> None:
    """Raises forbidden for a practitioner or facility that the registry says may not act today."""
    if not standing.good_on(today):
        raise forbidden("The registry says that this posting, licence or facility is not in force today.")
