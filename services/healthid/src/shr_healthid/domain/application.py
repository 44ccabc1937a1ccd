"""A registration with its evidence, as the rules of registration look at it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shr_healthid.domain.applicant import Applicant
from shr_healthid.domain.ledger import Intake
from shr_healthid.domain.person import Demographics, Number, Person, with_numbers

VERIFIED = "verified"
KNOWN = "known"
UNAVAILABLE = "unavailable"
CONTRADICTED = "contradicted"
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Proof:
    """What is known about one sent number. ``forms``: all forms that the national service names, itself included."""

    number: Number
    state: str
    forms: tuple[Number, ...] = ()
    citizen: Demographics | None = None

    @property
    def usable(self) -> bool:
        """Whether it ties the number to the applicant."""
        return self.state in (VERIFIED, KNOWN)


@dataclass(frozen=True, slots=True)
class Application:
    """A registration with its evidence. ``provisional_id``: the id to use if no Health ID can be given yet.

    ``offered``: a Health ID out of an offline block that nobody has yet.
    """

    applicant: Applicant
    intake: Intake
    proofs: tuple[Proof, ...] = ()
    provisional_id: str = ""
    recheck_at: datetime | None = None
    offered: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """The numbers that are one person's by proof, and those sent along that nothing ties to her."""

    numbers: tuple[Number, ...] = field(repr=False)
    unlinked: tuple[Number, ...] = field(default=(), repr=False)


def grouped(proofs: Sequence[Proof], owner: Person | None) -> Group:
    """Which numbers are one person's: the first proof's, and those whose answer meets them or the owner's."""
    first, *others = proofs
    numbers = with_numbers([first.number], first.forms)
    met = {number.hash for number in numbers} | {number.hash for number in (owner.numbers if owner else ())}
    unlinked: list[Number] = []
    for proof in others:
        forms = with_numbers([proof.number], proof.forms)
        if proof.usable and met & {number.hash for number in forms}:
            numbers = with_numbers(numbers, forms)
            met |= {number.hash for number in forms}
        else:
            unlinked.append(proof.number)
    return Group(numbers, tuple(unlinked))


def side(said: Demographics) -> dict[str, Any]:
    """One side of a question to a reviewer."""
    return {"names": list(said.names), "gender": said.gender, "birth_date": said.birth_date}
