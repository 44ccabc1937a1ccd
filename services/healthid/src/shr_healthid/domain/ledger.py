"""The registry as one unit of work sees it: what was loaded, and what it changes. The store writes the changes."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from shr_common.errors import busy

from shr_healthid.domain.blocks import Block
from shr_healthid.domain.cases import CERTAINTY, PENDING, UNLIKELY, Approval, Case
from shr_healthid.domain.person import LocalId, Number, Person

HOPS_LIMIT = 24
"""Longest way over former ids and merges that is followed (see ``merging.DEPTH_LIMIT``)."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a number is. Two persons: a short form that both have, which names neither.

    Not ``verified``: a provisional person's claim, that gives way to proof.
    """

    kind: str
    persons: tuple[str, ...]
    verified: bool


@dataclass(frozen=True, slots=True)
class Intake:
    """Provenance of one registration, kept for ever. ``body``: the bytes as sent. ``digest``: a keyed hash of them.

    ``keyed``: the sender named it (Idempotency-Key, ce_id), so that its repeat is answered with the first answer.
    ``answer_as``: the submission id to which answers go, if they go by topic.
    """

    id: str
    digest: str
    source: str
    facility: str | None
    channel: str
    at: datetime
    keyed: bool = False
    body: bytes = field(default=b"", repr=False)
    traceparent: str | None = None
    answer_as: str | None = None

    @property
    def system(self) -> str:
        """The source's system, which counters go by."""
        return self.source.partition("/")[0]


@dataclass(frozen=True, slots=True)
class Settled:
    """How an intake ended: ``created``, ``existing`` or ``provisional``, and whose it is."""

    intake: Intake
    outcome: str
    person: str


@dataclass(frozen=True, slots=True)
class Review:
    """Something that a reviewer decides. ``about`` holds both sides and is sealed at rest.

    ``certainty``: 0 to 1, how likely "same" is; the queue is ordered by it.
    """

    id: str
    kind: str
    persons: tuple[str, ...]
    source: str
    at: datetime
    about: Mapping[str, Any] = field(default_factory=dict, repr=False)
    certainty: float = UNLIKELY


@dataclass(frozen=True, slots=True)
class Said:
    """An event to publish: this state, under the person's id and under each id that she had before."""

    person: Person
    registered: bool
    also_under: tuple[str, ...] = ()
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Merged:
    """A merge to publish, or (``undone``) its end. ``version`` and ``key`` are the retired person's."""

    survivor: str
    retired: str
    undone: bool
    version: int
    key: str
    at: datetime
    by: str
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a unit of work needs to see. ``newborns``: (mother's id, birth date); ``offline``: Health IDs of blocks.

    ``waiting_of``: persons whose changes that wait for approval are needed, beside the ``approvals`` named by id.
    """

    intakes: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()
    persons: frozenset[str] = frozenset()
    local_ids: frozenset[LocalId] = frozenset()
    newborns: frozenset[tuple[str, str]] = frozenset()
    offline: frozenset[str] = frozenset()
    cases: frozenset[str] = frozenset()
    approvals: frozenset[str] = frozenset()
    waiting_of: frozenset[str] = frozenset()


def local_key(local_id: LocalId) -> str:
    """The document id of a local id's claims."""
    return hashlib.sha256(f"{local_id.source}\n{local_id.system}\n{local_id.value}".encode()).hexdigest()


def newborn_key(mother: Person, birth_date: str) -> str:
    """Under which a mother's newborns of one day are found, whatever becomes of the mother's id."""
    return f"{mother.key}|{birth_date}"


@dataclass
class Ledger:
    """The working set. Everything loaded goes in by constructor; ``changed_*`` and the lists are what to write."""

    persons: dict[str, Person] = field(default_factory=dict)
    forwarded: dict[str, str] = field(default_factory=dict)
    owners: dict[str, Owner] = field(default_factory=dict)
    claims: dict[str, tuple[str, ...]] = field(default_factory=dict)
    newborns: dict[str, tuple[str, ...]] = field(default_factory=dict)
    settled: dict[str, Settled] = field(default_factory=dict)
    blocks: dict[str, Block] = field(default_factory=dict)
    cases: dict[str, Case] = field(default_factory=dict)
    approvals: dict[str, Approval] = field(default_factory=dict)
    fresh: Iterator[str] = field(default_factory=lambda: iter(()))

    loaded: dict[str, int] = field(default_factory=dict)
    changed_owners: set[str] = field(default_factory=set)
    changed_claims: set[str] = field(default_factory=set)
    changed_newborns: set[str] = field(default_factory=set)
    changed_persons: set[str] = field(default_factory=set)
    moved: dict[str, str] = field(default_factory=dict)
    superseded: list[Person] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    reviews: dict[str, Review] = field(default_factory=dict)
    new_settled: list[Settled] = field(default_factory=list)
    issued: list[Person] = field(default_factory=list)
    merges: list[Merged] = field(default_factory=list)
    changed_cases: set[str] = field(default_factory=set)
    changed_approvals: set[str] = field(default_factory=set)
    told_apart: set[tuple[str, str]] = field(default_factory=set)
    used: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.loaded = {id_: person.version for id_, person in self.persons.items()}

    def current(self, id_: str) -> Person | None:
        """The person of an id, former ids included."""
        for _ in range(HOPS_LIMIT):
            if id_ in self.persons:
                return self.persons[id_]
            if id_ not in self.forwarded:
                return None
            id_ = self.forwarded[id_]
        return None

    def root(self, person: Person) -> Person:
        """Who answers for a person: herself, or in the end whom she was merged into."""
        for _ in range(HOPS_LIMIT):
            above = self.current(person.survivor) if person.survivor else None
            if above is None:
                break
            person = above
        return person

    def family(self, person: Person) -> list[Person]:
        """Everybody who is one person with her by merges, the root first. Alone: only she."""
        found = [self.root(person)]
        for one in found:
            below = (self.current(id_) for id_ in one.absorbed)
            found += [p for p in below if p is not None and p.id not in {f.id for f in found}]
        return found

    def distinct(self, persons: Iterable[Person]) -> list[Person]:
        """One of each who is somebody else, in order: sides of a merge count once."""
        found: dict[str, Person] = {}
        for person in persons:
            found.setdefault(self.root(person).id, person)
        return list(found.values())

    def known_ids(self) -> set[str]:
        """Every id that was loaded, former ones too."""
        return self.persons.keys() | self.forwarded.keys()

    def _current_of(self, ids: Iterable[str]) -> list[Person]:
        found = {person.id: person for id_ in ids if (person := self.current(id_))}
        return list(found.values())

    def owners_of(self, hashes: Iterable[str]) -> list[Person]:
        """The persons whose verified numbers these are, each once; numbers that name nobody are left out."""
        owners = [self.owners[h] for h in hashes if h in self.owners]
        return self._current_of(id_ for o in owners if o.verified and not self._is_shared(o) for id_ in o.persons)

    def claimants_of(self, hashes: Iterable[str]) -> list[Person]:
        """Provisional persons who claim these numbers without proof yet."""
        owners = [self.owners[h] for h in hashes if h in self.owners]
        return [p for p in self._current_of(id_ for o in owners if not o.verified for id_ in o.persons)
                if not p.is_active]  # fmt: skip

    def is_shared(self, hash_: str) -> bool:
        """Whether two persons have this form of a number."""
        return hash_ in self.owners and self._is_shared(self.owners[hash_])

    def _is_shared(self, owner: Owner) -> bool:
        return len(self.distinct(self._current_of(owner.persons))) > 1

    def is_free_for(self, number: Number, person: Person | None) -> bool:
        """Whether a form may become this person's (None: a new one's): nobody else has it by proof."""
        if self.is_shared(number.hash):
            return False
        return all(person is not None and owner.id == person.id for owner in self.owners_of([number.hash]))

    def sharing(self, hash_: str) -> list[Person]:
        """Who has this form of a number."""
        return self._current_of(self.owners[hash_].persons) if hash_ in self.owners else []

    def mint(self) -> str:
        """A Health ID that nobody has."""
        found = next(self.fresh, None)
        if found is None:
            raise busy("No Health ID is at hand at the moment.")
        return found

    def use(self, offered: str) -> str:
        """Count a Health ID of a block as used; answers it."""
        self.used[self.blocks[offered].id] += 1
        return offered

    def alias(self, id_: str, to: Person) -> None:
        """An id that nobody has had answers as ``to`` from now on."""
        self.forwarded[id_] = to.id
        self.moved[id_] = to.id

    def put(
        self, person: Person, *, registered: bool = False, also_under: tuple[str, ...] = (), trace: str | None = None
    ) -> Person:
        """The next state of a person, to be stored and told."""
        before = self.persons.get(person.id)
        if before is not None:
            self.superseded.append(before)
        former = before or next((one for one in reversed(self.superseded) if one.key == person.key), None)
        if former is not None and person.change is former.change:
            person = replace(person, change=None)  # who made the version before did not make this one
        self.persons[person.id] = person
        self.changed_persons.add(person.id)
        self.said.append(Said(person, registered, also_under, trace))
        return person

    def reschedule(self, person: Person) -> None:
        """Store a person whose only change is when her verification is due; nobody is told."""
        self.persons[person.id] = person
        self.changed_persons.add(person.id)

    def move(self, former: Person, to: Person) -> None:
        """From now on the former id answers as ``to``."""
        self.superseded.append(former)
        self.persons.pop(former.id, None)
        self.changed_persons.discard(former.id)
        self.forwarded[former.id] = to.id
        self.moved[former.id] = to.id

    def no_longer_provisional(self) -> dict[str, Person]:
        """Ids under which somebody was provisional before this unit of work → who she is now."""
        before = {*self.moved, *(person.id for person in self.issued if person.version > 1)}
        now = {id_: person for id_ in before if (person := self.current(id_)) is not None}
        return {id_: person for id_, person in now.items() if person.is_active}

    def own(self, number: Number, person: Person) -> None:
        """This number is this person's."""
        self.owners[number.hash] = Owner(number.kind, (person.id,), number.verified)
        self.changed_owners.add(number.hash)

    def share(self, number: Number, person: Person) -> None:
        """This form of a number is another person's as well."""
        owner = self.owners[number.hash]
        self.owners[number.hash] = replace(owner, persons=(*owner.persons, person.id))
        self.changed_owners.add(number.hash)

    def claim(self, local_id: LocalId, person: Person) -> list[Person]:
        """Note a local id; answers who else claims it (then it resolves to nobody)."""
        key = local_key(local_id)
        holders = self._current_of(self.claims.get(key, ()))
        if person.id not in {holder.id for holder in holders}:
            self.claims[key] = (*self.claims.get(key, ()), person.id)
            self.changed_claims.add(key)
        return [holder for holder in holders if self.root(holder).id != self.root(person).id]

    def settle(self, intake: Intake, outcome: str, person: Person) -> None:
        """Keep the provenance of an intake and how it ended; the first answer stays."""
        if intake.id not in self.settled:
            settled = Settled(intake, outcome, person.id)
            self.settled[intake.id] = settled
            self.new_settled.append(settled)

    def put_case(self, case: Case) -> Case:
        """The next state of a case."""
        self.cases[case.id] = case
        self.changed_cases.add(case.id)
        return case

    def put_approval(self, approval: Approval) -> Approval:
        """A change that waits for a second person, or what became of it."""
        self.approvals[approval.id] = approval
        self.changed_approvals.add(approval.id)
        return approval

    def waiting(self, person: Person) -> list[Approval]:
        """Changes of a person that wait for a second person."""
        ids = {person.id, *person.replaces}
        return [one for one in self.approvals.values() if one.status == PENDING and one.person in ids]

    def tell_apart(self, persons: Iterable[Person]) -> None:
        """These are different persons: no pair of them is asked about again."""
        keys = sorted({person.key for person in persons})
        self.told_apart |= {(one, other) for place, one in enumerate(keys) for other in keys[place + 1 :]}

    def review(
        self, kind: str, persons: Iterable[Person], intake: Intake, *, certainty: float | None = None, **about: Any
    ) -> Review:
        """Ask a reviewer; the same question is asked once, and nothing about two who are one person by merge."""
        persons = list(persons)
        ids = tuple(sorted({person.id for person in persons}))
        named = f"{kind}\n{','.join(ids)}\n{intake.digest if len(ids) < 2 else ''}"
        review = Review(
            id=hashlib.sha256(named.encode()).hexdigest()[:24], kind=kind, persons=ids, source=intake.source,
            at=intake.at, about=about, certainty=CERTAINTY.get(kind, UNLIKELY) if certainty is None else certainty,
        )  # fmt: skip
        if len(ids) > 1 and len(self.distinct(persons)) == 1:
            return review
        return self.reviews.setdefault(review.id, review)
