"""May this actor see anything of this person's record now? By the same function as the gateway's, on own state."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from shr_policy import ACTIONS, Actor, Decision, Grant, decide

from shr_consent.domain import members
from shr_consent.domain.members import Findings, WrongError
from shr_consent.domain.persons import Person
from shr_consent.domain.statement import Party
from shr_consent.domain.terms import one, person_in

ROLES = frozenset(
    {"source_system", "registrar", "reviewer", "practitioner", "facility", "citizen", "administrator", "analyst"}
)


class Statements(Protocol):
    """Where statements are kept."""

    async def in_force(self, patients: Iterable[str]) -> Sequence[Grant]:
        """What has been granted, refused, closed or declared for these ids; majority-committed, from the primary."""


class People(Protocol):
    """The replica of persons."""

    async def person(self, id: str) -> Person:
        """A person by any of her ids."""


class Registry(Protocol):
    """What the registry has told."""

    async def in_good_standing(self, *, practitioner: str | None, facility: str | None, now: datetime) -> bool:
        """Whether posting, licence and facility are in force."""


class Authorship(Protocol):
    """Which facility wrote in which record."""

    async def wrote(self, facility: str, patients: Iterable[str]) -> bool:
        """Whether a facility wrote anything in the record of these ids."""


@dataclass(frozen=True, slots=True)
class Question:
    """Who asks for what. ``actor`` as said in the body."""

    actor: Party
    patient: str
    purpose: str
    resource_type: str
    action: str


def question_of(body: Mapping[str, Any], *, caller: Party) -> Question:
    """Read a body; without an actor the caller asks about itself. Raises invalid."""
    Findings(body, ("actor", "patient", "purpose", "resource_type", "action")).refuse()
    actor = one(body, "actor", _actor) if body.get("actor") is not None else caller
    if is_about(caller, actor):
        actor = caller  # with the facility of its token, named or not
    return Question(
        actor=actor,
        patient=person_in(body),
        purpose=one(body, "purpose", members.purpose),
        resource_type=one(body, "resource_type", members.resource_type) if "resource_type" in body else "*",
        action=one(body, "action", _action) if "action" in body else "read",
    )


def may_ask(caller: Party, asked: Question) -> bool:
    """Anyone about itself, administrators about anyone."""
    return caller.role == "administrator" or is_about(caller, asked.actor)


def is_about(caller: Party, actor: Party) -> bool:
    """Whether a caller asks about itself."""
    same_place = actor.facility is None or actor.facility == caller.facility
    return caller.role == actor.role and caller.id == actor.id and same_place


class DecideAccess:
    """``POST /decisions``."""

    def __init__(self, statements: Statements, people: People, registry: Registry, authorship: Authorship) -> None:
        self._statements = statements
        self._people = people
        self._registry = registry
        self._authorship = authorship

    async def __call__(self, asked: Question, *, now: datetime) -> Decision:
        """Raises unavailable when the store cannot say: no answer is not a yes."""
        actor = asked.actor
        practitioner = actor.id if actor.role == "practitioner" else None
        facility = actor.id if actor.role == "facility" else actor.facility
        patient, standing = await asyncio.gather(
            self._people.person(asked.patient),
            self._registry.in_good_standing(practitioner=practitioner, facility=facility, now=now),
        )
        own = await self._people.person(actor.id) if actor.role == "citizen" else None
        grants, wrote_here = await asyncio.gather(
            self._statements.in_force(patient.ids),
            self._authorship.wrote(facility, patient.ids) if facility else _no(),
        )
        guardians = patient.guardians_at(now)
        if own is not None and not own.ids.isdisjoint(guardians):
            guardians |= {own.id}
        return decide(
            actor=Actor(actor.role, actor.id, facility, own.id if own else None, standing),
            patient=patient.id,
            purpose=asked.purpose,
            resource_type=asked.resource_type,
            action=asked.action,
            grants=grants,
            guardians=guardians,
            wrote_here=wrote_here,
            now=now,
        )


async def _no() -> bool:
    return False


def _action(value: Any, at: str) -> str:
    if not isinstance(value, str) or value not in ACTIONS:
        raise WrongError(f"The action is one of {', '.join(ACTIONS)}.", at)
    return value


def _actor(value: Any, at: str) -> Party:
    if not isinstance(value, dict):
        raise WrongError('An actor is {"role", "id", "facility"}.', at)
    for name in value:
        if name not in ("role", "id", "facility", "guardian_of", "name"):
            raise WrongError("An actor has role, id, facility and guardian_of, nothing else.", f"{at}.{name[:64]}")
    if value.get("role") not in ROLES:
        raise WrongError("This is not a role.", f"{at}.role")
    return Party(
        role=value["role"],
        id=members.text(value.get("id"), f"{at}.id", limit=128),
        facility=None if value.get("facility") is None else members.text(value["facility"], f"{at}.facility", limit=64),
        health_id=value["id"] if value["role"] == "citizen" else None,
    )
