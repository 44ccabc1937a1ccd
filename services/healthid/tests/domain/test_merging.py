"""Merge, then undo: whatever was registered before, meanwhile and after, each side is what it would be without."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from shr_healthid.domain.applicant import Applicant
from shr_healthid.domain.application import KNOWN, UNAVAILABLE, VERIFIED, Application, Proof
from shr_healthid.domain.claimed import Claimed
from shr_healthid.domain.confirmation import confirm
from shr_healthid.domain.ledger import Intake, Ledger
from shr_healthid.domain.merging import DEPTH_LIMIT, Pair, merge, unmerge
from shr_healthid.domain.person import Change, Demographics, LocalId, Number, Person
from shr_healthid.domain.registration import register

START = datetime(2026, 1, 1, tzinfo=UTC)
BY = Change("merge", "reg-1", "registrar")
PEOPLE = 5


def hash_of(who: int, kind: str, length: int) -> str:
    return f"{kind}-{length}-{who}"


def number(who: int, kind: str, length: int, *, verified: bool = True) -> Number:
    digits = f"{who}{length:02d}".rjust(length, "1")
    return Number(kind, digits, hash_of(who, kind, length), verified=verified, senders=frozenset({f"s/{who}"}))


class World:
    """A registry in memory, in which persons 0 … n-1 register again and again."""

    def __init__(self) -> None:
        self.ledger = Ledger(fresh=iter(f"98{n:09d}" for n in range(10_000)))
        self.ids: dict[int, str] = {}
        self.tick = 0

    def at(self) -> datetime:
        self.tick += 1
        return START + timedelta(seconds=self.tick)

    def intake(self, source: str) -> Intake:
        at = self.at()
        return Intake(f"i{self.tick}", f"d{self.tick}", source, None, "http", at)

    def registers(self, who: int, *, kind: str, local: str, source: str, proven: bool) -> None:
        sent = number(who, kind, 17, verified=proven)
        known = self.ledger.owners.get(sent.hash)
        state = KNOWN if known and known.verified else (VERIFIED if proven else UNAVAILABLE)
        sent = replace(sent, verified=state != UNAVAILABLE, senders=frozenset({source}))
        forms = ()
        if state == VERIFIED:  # every number of hers is named with the others: they meet in one record
            forms = tuple(number(who, *form) for form in (("nid", 17), ("nid", 13), ("brn", 17)))
            forms = tuple(replace(form, senders=frozenset()) for form in forms)
        said = Demographics(names=(f"Rahima {'ABCDE'[who] * 4}",), gender="female", birth_date=f"19{50 + who}-01-01")
        applicant = Applicant(
            patient={"resourceType": "Patient", "gender": "female"},
            demographics=said,
            numbers=(Claimed(kind, sent.value, "Patient.identifier[0].value"),),
            local_ids=(LocalId(source, "", local),),
        )
        proof = Proof(sent, state, forms=forms)
        outcome = register(
            self.ledger,
            Application(applicant, self.intake(source), (proof,), provisional_id=f"P-{self.tick}"),
        )
        assert outcome.person is not None, outcome.issue
        assert outcome.person.survivor is None, "whoever answers is not retired"

    def id_of(self, who: int) -> str | None:
        owners = [self.ledger.owners.get(hash_of(who, kind, 17)) for kind in ("nid", "brn")]
        return next((o.persons[0] for o in owners if o), None)

    def merges(self, survivor: int, retired: int, *, undo: bool) -> bool:
        ids = self.id_of(survivor), self.id_of(retired)
        if ids[0] is None or ids[1] is None:
            return False
        pair, intake = Pair(ids[0], ids[1]), self.intake("registrar/unknown")
        if undo:
            return unmerge(self.ledger, pair, intake, BY)[0].issue is None
        return merge(self.ledger, pair, intake, BY).issue is None

    def undoes_all(self) -> None:
        while True:
            merged = [p for p in self.ledger.persons.values() if p.survivor is not None]
            if not merged:
                return
            into = self.ledger.current(merged[-1].survivor or "")
            assert into is not None
            outcome, _ = unmerge(self.ledger, Pair(into.id, merged[-1].id), self.intake("registrar/unknown"), BY)
            assert outcome.issue is None

    def state(self) -> dict[str, Any]:
        """Everything but versions and when and by whom they were made."""
        persons = {id_: comparable(person) for id_, person in self.ledger.persons.items()}
        claims = {key: sorted(ids) for key, ids in self.ledger.claims.items()}
        return {"persons": persons, "owners": dict(self.ledger.owners), "claims": claims,
                "forwarded": dict(self.ledger.forwarded), "issued": [p.id for p in self.ledger.issued]}  # fmt: skip


def comparable(person: Person) -> Person:
    return replace(
        person, version=0, updated_at=START, registered_at=START, updated_by="", change=None, pending=None,
        local_ids=tuple(sorted(person.local_ids, key=repr)),
    )  # fmt: skip


registrations = st.builds(
    lambda **said: ("register", said),
    who=st.integers(0, PEOPLE - 1),
    kind=st.sampled_from(["nid", "brn"]),
    local=st.sampled_from(["a", "b", "c", "d"]),
    source=st.sampled_from(["openmrs/1", "opensrp/2"]),
    proven=st.just(True),
)
merges = st.builds(
    lambda **said: ("merge", said),
    survivor=st.integers(0, PEOPLE - 1),
    retired=st.integers(0, PEOPLE - 1),
    undo=st.booleans(),
)


@given(st.lists(st.one_of(registrations, merges), max_size=25))
@settings(max_examples=300, deadline=None)
def test_merges_that_were_undone_leave_no_trace(steps: list[tuple[str, dict[str, Any]]]) -> None:
    merged, plain = World(), World()
    for kind, said in steps:
        if kind == "register":
            merged.registers(**said)
            plain.registers(**said)
            merged.tick = plain.tick = max(merged.tick, plain.tick)
        else:
            merged.merges(**said)
    merged.undoes_all()
    assert merged.state() == plain.state()


@given(st.lists(registrations, min_size=1, max_size=12), st.lists(merges, max_size=6), merges)
@settings(max_examples=200, deadline=None)
def test_one_merge_and_its_undoing_is_the_identity_also_amid_others(
    registered: list[tuple[str, dict[str, Any]]], others: list[tuple[str, Any]], last: tuple[str, dict[str, Any]]
) -> None:
    world = World()
    for _, said in registered:
        world.registers(**said)
    for _, said in others:
        world.merges(**said)
    before, issued = world.state(), len(world.ledger.issued)
    two = {name: last[1][name] for name in ("survivor", "retired")}
    already = world.merges(**two, undo=True)
    if already:
        if not world.merges(**two, undo=False):
            return  # a link in the middle of a chain: who was the survivor is retired herself
    elif world.merges(**two, undo=False):
        assert world.merges(**two, undo=True)
    after = world.state()
    for state in (before, after):
        for person in state["persons"].values():
            assert len(person.absorbed) == len(set(person.absorbed))
    if already:  # undone and made again: the same links, in another order at most
        before, after = (_unordered(state) for state in (before, after))
    assert after == before
    assert len(world.ledger.issued) == issued


def _unordered(state: dict[str, Any]) -> dict[str, Any]:
    persons = {id_: replace(p, absorbed=tuple(sorted(p.absorbed))) for id_, p in state["persons"].items()}
    return {**state, "persons": persons}


@given(st.lists(merges, max_size=30))
@settings(max_examples=200, deadline=None)
def test_every_family_is_a_tree_of_bounded_depth(steps: list[tuple[str, dict[str, Any]]]) -> None:
    world = World()
    for who in range(PEOPLE):
        world.registers(who, kind="nid", local=str(who), source="openmrs/1", proven=True)
    for _, said in steps:
        world.merges(**said)
    for person in world.ledger.persons.values():
        depth, at = 0, person
        while at.survivor is not None:
            above = world.ledger.current(at.survivor)
            assert above is not None and at.id in above.absorbed
            at, depth = above, depth + 1
            assert depth <= DEPTH_LIMIT
        family = world.ledger.family(person)
        assert family[0] is at and person in family
        assert sum(one.survivor is None for one in family) == 1


def test_versions_only_rise_and_what_is_told_never_goes_back_in_time() -> None:
    world = World()
    for who in (0, 1):
        world.registers(who, kind="nid", local=str(who), source="openmrs/1", proven=True)
    for undo in (False, True, False, True):
        world.tick -= 60  # a server whose clock is behind
        assert world.merges(0, 1, undo=undo)
    told = world.ledger.merges
    assert [m.version for m in told] == [2, 3, 4, 5]
    assert [m.at for m in told] == sorted(m.at for m in told)
    assert [m.undone for m in told] == [False, True, False, True]


def test_a_number_proven_while_she_was_merged_is_hers_and_gives_her_a_health_id_afterwards() -> None:
    world = World()
    world.registers(0, kind="nid", local="a", source="openmrs/1", proven=False)
    world.registers(1, kind="nid", local="b", source="openmrs/1", proven=True)
    provisional, survivor = world.id_of(0), world.id_of(1)
    assert provisional and survivor and provisional.startswith("P-")
    assert world.merges(1, 0, undo=False)
    world.registers(0, kind="nid", local="a", source="openmrs/1", proven=True)
    assert [p.id for p in world.ledger.issued] == [survivor], "her survivor has a Health ID: no second one"
    assert world.merges(1, 0, undo=True)
    left = world.ledger.persons[provisional]
    assert left.pending is not None and not left.is_active
    proofs = [Proof(n, KNOWN) for n in left.numbers if n.senders]
    person = confirm(world.ledger, provisional, proofs, world.intake("healthid"))
    assert person is not None and person.is_active and person.replaces == (provisional,)
    assert world.ledger.owners_of([hash_of(0, "nid", 17)]) == [person]
    assert person.change is None, "who merged her did not verify her"
