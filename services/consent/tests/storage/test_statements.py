"""The statement store on the real database: state and event together, one winner, bounded pages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from shr_common.errors import Category, ShrError, conflict
from shr_common.keys import Envelope, new_key
from shr_common.mongo import connect
from shr_common.outbox import Outbox
from shr_consent.domain import statement
from shr_consent.domain.statement import Party, Statement
from shr_consent.domain.terms import Terms
from shr_consent.http.request import new_id
from shr_consent.storage import indexes
from shr_consent.storage.confirmations import ConfirmationStore
from shr_consent.storage.statements import StatementStore

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
DOCTOR = Party("practitioner", "20000002", "10000002", name="ডা. নাজমুল করিম")


class Store:
    """A store of its own."""

    def __init__(self, client: Any, name: str) -> None:
        self.database = client[name]
        envelope = Envelope(new_key())
        self.statements = StatementStore(
            client,
            self.database,
            Outbox(self.database, envelope),
            ConfirmationStore(self.database, envelope, timeout_s=10),
            timeout_s=10,
        )

    async def events(self) -> int:
        return sum([row["count"] async for row in self.database["outbox"].find()])


@pytest.fixture
async def store(mongo_uri: str, database: str) -> AsyncIterator[Store]:
    client = connect(mongo_uri)
    made = Store(client, database)
    await indexes.prepare(made.database)
    yield made
    await client.close()


def requested(patient: str, **terms: Any) -> Statement:
    asked = Terms(
        recipient=("practitioner", "20000002"),
        purpose="CAREMGT",
        record_types=frozenset({"Observation"}),
        expires_at=NOW + timedelta(days=1),
    )
    return statement.request(id=new_id(), patient=patient, terms=replace(asked, **terms), by=DOCTOR, at=NOW)


def granted(stood: Statement) -> Statement:
    return statement.grant(stood, {}, by=Party("citizen", "x", health_id="x"), at=NOW)


async def test_what_is_added_is_found_as_it_was(store: Store, person: str) -> None:
    stated = requested(person, sensitive=frozenset({"HIV"}), record_start="2020-01-01")
    await store.statements.add(stated)
    assert await store.statements.find(stated.id) == stated
    assert await store.statements.find("none") is None
    assert await store.events() == 1


async def test_a_change_that_fails_leaves_neither_state_nor_event(store: Store, person: str) -> None:
    stated = requested(person)
    await store.statements.add(stated)

    def refuses(_stood: Statement) -> Statement:
        raise conflict("no")

    with pytest.raises(ShrError):
        await store.statements.change(stated.id, refuses)
    assert await store.statements.find(stated.id) == stated
    assert await store.events() == 1


async def test_no_event_without_its_state(store: Store, person: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stated = requested(person)
    await store.statements.add(stated)

    async def fails(*_arguments: Any) -> None:
        raise conflict("the outbox is away")

    monkeypatch.setattr(store.statements._outbox, "add", fails)
    with pytest.raises(ShrError):
        await store.statements.change(stated.id, granted)
    assert await store.statements.find(stated.id) == stated


async def test_of_many_changes_at_once_one_wins(store: Store, person: str) -> None:
    stated = requested(person)
    await store.statements.add(stated)
    steps = [granted, lambda stood: statement.deny(stood, reason=None, at=NOW)] * 4
    results = await asyncio.gather(
        *(store.statements.change(stated.id, step) for step in steps), return_exceptions=True
    )
    won = [one for one in results if isinstance(one, Statement)]
    lost = [one for one in results if isinstance(one, ShrError)]
    assert (len(won), len(lost)) == (1, 7)
    assert {one.category for one in lost} == {Category.CONFLICT}
    assert await store.events() == 2


async def test_only_what_is_granted_is_in_force(store: Store, person: str) -> None:
    stated = requested(person)
    await store.statements.add(stated)
    assert list(await store.statements.in_force([person])) == []
    stands = await store.statements.change(stated.id, granted)
    assert list(await store.statements.in_force([person])) == [stands.grant()]
    await store.statements.change(stated.id, lambda stood: statement.revoke(stood, None, at=NOW))
    assert list(await store.statements.in_force([person])) == []


async def test_what_is_past_its_time_is_found(store: Store, person: str) -> None:
    late, early = requested(person), requested(person, expires_at=None)
    for one in (late, early):
        await store.statements.add(one)
    far = NOW + timedelta(days=2)
    find = store.statements.past_their_time
    assert await find(now=NOW, unanswered_since=NOW - timedelta(days=1), limit=10) == []
    assert await find(now=far, unanswered_since=NOW - timedelta(days=1), limit=10) == [late.id]
    assert set(await find(now=far, unanswered_since=NOW, limit=10)) == {late.id, early.id}


async def test_pages_show_what_is_the_callers(store: Store, person: str, persons: Any) -> None:
    mine = [requested(person) for _ in range(3)]
    theirs = replace(requested(person), made_by=Party("practitioner", "20000001", "10000001"))
    theirs = replace(theirs, terms=replace(theirs.terms, recipient=("practitioner", "20000001")))
    for one in (*mine, theirs):
        await store.statements.add(one)
    page = store.statements.page
    seen = await page(patients=[person], visible_to=DOCTOR, query={}, after=None, limit=2)
    assert [one.id for one in seen] == [mine[2].id, mine[1].id]
    rest = await page(patients=[person], visible_to=DOCTOR, query={}, after=seen[-1].id, limit=9)
    assert [one.id for one in rest] == [mine[0].id]
    assert await page(patients=[persons()], visible_to=DOCTOR, query={}, after=None, limit=9) == []
    nobody = Party("practitioner", "29999999")
    assert await page(patients=None, visible_to=nobody, query={}, after=None, limit=9) == []
