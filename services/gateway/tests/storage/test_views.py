"""Contracts of the stores on the real database."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import bson
import msgspec
import orjson
import pytest
from shr_common.kafka import Record
from shr_common.mongo import Database
from shr_contracts.cloudevents import rfc3339
from shr_gateway.domain.sections import SECTION_LIMIT
from shr_gateway.messaging.encounter_recorded import event_of
from shr_gateway.messaging.folding import Folding
from shr_gateway.messaging.patients import said_of
from shr_gateway.messaging.result_acknowledged import acknowledgement_of
from shr_gateway.storage.known import KnownReader
from shr_gateway.storage.people import PeopleView
from shr_gateway.storage.portal import PortalReads
from shr_gateway.storage.profiles import Profiles, profile_of
from shr_gateway.storage.records import RecordsView
from shr_gateway.storage.rows import Rows
from shr_gateway.storage.views import View

START = datetime(2026, 1, 1, tzinfo=UTC)


def record(topic: str, offset: int, value: Any, *, partition: int = 0) -> Record:
    """A consumed record."""
    raw = value if isinstance(value, bytes) else orjson.dumps(value)
    return Record(topic, partition, offset, b"k", raw, (), 0)


def recorded(offset: int, person: str, *entries: tuple[str, int, dict[str, Any]]) -> Record:
    """``encounter.recorded`` with (id, version, more) of results."""
    at = rfc3339(START + timedelta(minutes=offset))
    resources = [
        {"type": "Observation", "id": name, "version": version,
         "resource": {"resourceType": "Observation", "id": name, "status": "final", "code": {"text": "x"},
                      "meta": {"lastUpdated": at}, "effectiveDateTime": at, **more}}
        for name, version, more in entries
    ]  # fmt: skip
    value = {"source": "openmrs/1", "submission_id": str(uuid.uuid4()), "health_id": person, "resources": resources,
             "recorded_at": at}  # fmt: skip
    return record("encounter.recorded", offset, value)


def registered(offset: int, person: str, version: int = 1, topic: str = "patient.registered", **more: Any) -> Record:
    """A person."""
    value = {
        "health_id": person,
        "version": version,
        "status": "active",
        "via": "openmrs",
        "at": rfc3339(START),
        **more,
    }
    return record(topic, offset, value)


class Views:
    """All of them, folded by hand."""

    def __init__(self, database: Database) -> None:
        def view(name: str) -> View:
            return View(database.client, database, name=name, cluster=lambda: "c", timeout_s=10)

        self.database = database
        self.records = Folding(view("records"), event_of, RecordsView(database).apply)
        self.acknowledgements = Folding(
            view("acknowledgements"), acknowledgement_of, RecordsView(database).apply_acknowledgements
        )
        self.people = Folding(view("people"), said_of, PeopleView(database).apply)
        self.reader = KnownReader(database, cluster=lambda: "c", partitions=lambda: 8, timeout_s=10)
        self.portal = PortalReads(database, self.reader, timeout_s=10)
        self.rows = Rows(database, timeout_s=10)

    async def lines(self, person: str) -> list[str]:
        """The references of a profile."""
        document = await self.database["profiles"].find_one({"_id": person})
        return [] if document is None else [line.reference for line in profile_of(document)["lines"]]

    async def bytes(self) -> dict[str, list[bytes]]:
        """Everything that is stored, byte by byte."""
        names = sorted(await self.database.list_collection_names())
        return {name: [bson.encode(one) async for one in self.database[name].find().sort("_id", 1)] for name in names}


@pytest.fixture
def all_views(views: Database) -> Views:
    """Empty views."""
    return Views(views)


async def test_a_batch_and_its_position_commit_together(all_views: Views) -> None:
    batch = [recorded(0, "p", ("a", 1, {})), recorded(1, "p", ("b", 1, {}))]
    await all_views.records(batch)
    position = await all_views.database["positions"].find_one({"_id": "records|c|encounter.recorded|0"})
    assert position is not None and position["next"] == 2
    before = await all_views.bytes()
    await all_views.records(batch)  # the broker repeats them
    assert await all_views.bytes() == before
    flows = await all_views.portal.flows(day="2026-01-01")
    assert flows[0]["recorded"] == 2


async def test_a_failure_leaves_neither_view_nor_position(all_views: Views) -> None:
    broken = recorded(1, "p", ("b", 1, {}))
    folding = all_views.records
    original = folding._apply

    async def fails(events: Any, session: Any) -> None:
        await original(events, session)
        raise RuntimeError("in the middle")

    folding._apply = fails
    with pytest.raises(RuntimeError):
        await folding([broken])
    assert await all_views.lines("p") == []
    folding._apply = original
    await folding([broken])
    assert await all_views.lines("p") == ["Observation/b"]


async def test_a_dropped_view_is_folded_again_to_the_same_bytes(all_views: Views) -> None:
    batches = [
        [recorded(0, "p", ("a", 1, {}), ("b", 1, {})), recorded(1, "q", ("c", 1, {}))],
        [recorded(2, "p", ("a", 2, {"status": "amended"})), recorded(3, "p", ("b", 2, {"status": "entered-in-error"}))],
    ]
    people = [registered(0, "98000173958"), registered(1, "98000173958", 2, name="Rahima")]
    await all_views.people(people)
    for batch in batches:
        await all_views.records(batch)
    live = await all_views.bytes()
    for name in live:
        await all_views.database[name].delete_many({})
    await all_views.records([one for batch in batches for one in batch])
    await all_views.people(people)
    assert await all_views.bytes() == live


async def test_a_full_section_is_filled_up_when_one_leaves(all_views: Views) -> None:
    many = [(f"r{n:04d}", 1, {"effectiveDateTime": rfc3339(START + timedelta(minutes=n))}) for n in range(510)]
    await all_views.records([recorded(0, "p", *many)])
    assert (await all_views.lines("p"))[-1] == "Observation/r0010"
    await all_views.records([recorded(1, "p", ("r0500", 2, {"status": "entered-in-error"}))])
    lines = await all_views.lines("p")
    assert len(lines) == SECTION_LIMIT and lines[-1] == "Observation/r0009" and "Observation/r0500" not in lines
    older = await all_views.rows.older(["p"], before=("2026-01-01T00:05:00Z", "Observation/r0005"), limit=3)
    assert [line.reference[-4:] for line in older] == ["0004", "0003", "0002"]


async def packed_by_another_version(all_views: Views, person: str, *, format: Any) -> None:
    """As if an older gateway had packed her lines: other fields in another order."""
    other = msgspec.msgpack.encode([["Observation/a", 7, None]])
    said = (
        {"$set": {"lines": other, "format": format}} if format else {"$set": {"lines": other}, "$unset": {"format": 1}}
    )
    await all_views.database["profiles"].update_one({"_id": person}, said)


async def seen_and_many(all_views: Views) -> dict[str, list[bytes]]:
    """A profile with a full section, another section, and an acknowledgement; everything stored, byte by byte."""
    many = [(f"r{n:04d}", 1, {"effectiveDateTime": rfc3339(START + timedelta(minutes=n))}) for n in range(510)]
    await all_views.records([recorded(0, "p", *many), recorded(1, "q", ("z", 1, {}))])
    seen = {
        "patient": "p",
        "reference": "Observation/r0400",
        "practitioner": "2",
        "facility": "1",
        "at": rfc3339(START),
    }
    await all_views.acknowledgements([record("result.acknowledged", 0, seen)])
    return await all_views.bytes()


@pytest.mark.parametrize("format", [None, 1])
async def test_lines_that_another_version_packed_are_made_anew_when_folded(all_views: Views, format: Any) -> None:
    await seen_and_many(all_views)
    change = recorded(2, "p", ("r0400", 2, {"status": "amended"}), ("new", 1, {}))
    await all_views.records([change])
    live = await all_views.bytes()
    for name in await all_views.database.list_collection_names():
        await all_views.database[name].delete_many({})
    await seen_and_many(all_views)
    await packed_by_another_version(all_views, "p", format=format)
    await all_views.records([change])
    found = await all_views.bytes()
    assert {**found, "flows": live["flows"]} == live


async def test_lines_that_another_version_packed_are_made_anew_when_a_result_is_acknowledged(all_views: Views) -> None:
    await seen_and_many(all_views)
    await packed_by_another_version(all_views, "p", format=1)
    seen = {
        "patient": "p",
        "reference": "Observation/r0401",
        "practitioner": "2",
        "facility": "1",
        "at": rfc3339(START),
    }
    await all_views.acknowledgements([record("result.acknowledged", 1, seen)])
    document = await all_views.database["profiles"].find_one({"_id": "p"})
    assert document is not None and len(profile_of(document)["lines"]) == SECTION_LIMIT
    assert [one["reference"][-4:] for one in document["acknowledged"]] == ["0400", "0401"]


@pytest.mark.parametrize("format", [None, 1])
async def test_lines_that_another_version_packed_are_made_anew_when_read(all_views: Views, format: Any) -> None:
    live = await seen_and_many(all_views)
    await packed_by_another_version(all_views, "p", format=format)
    for _ in range(2):
        (known, other) = await all_views.reader.load(["p", "q"])
        assert [line.reference for line in known.profiles["p"]["lines"]][:1] == ["Observation/r0509"]
        assert len(known.profiles["p"]["lines"]) == SECTION_LIMIT and known.profiles["p"]["capped"] == ["results"]
        assert len(other.profiles["q"]["lines"]) == 1
    assert await all_views.bytes() == live


async def test_a_reader_never_writes_over_what_a_fold_wrote_meanwhile(all_views: Views) -> None:
    await all_views.records([recorded(0, "p", ("a", 1, {}))])
    await packed_by_another_version(all_views, "p", format=1)
    met = await all_views.database["profiles"].find_one({"_id": "p"})
    assert met is not None
    await all_views.records([recorded(1, "p", ("b", 1, {}))])
    live = await all_views.bytes()
    await all_views.database["resources"].delete_one({"_id": "Observation/b"})  # the reader's rows were older
    anew = await Profiles(all_views.database).renewed(met)
    assert [line.reference for line in profile_of(anew)["lines"]] == ["Observation/a"]
    assert (await all_views.bytes())["profiles"] == live["profiles"]


async def test_counters_add_up_and_count_each_health_id_once(all_views: Views) -> None:
    a, b = "98000173958", "98001046534"
    await all_views.people([
        registered(0, a), registered(1, a, 2), registered(2, "P-1", status="provisional", via="emis"),
        registered(3, b, via="opensrp"), record("patient.merged", 0, {
            "survivor": a, "retired": b, "version": 1, "undone": False, "at": rfc3339(START)}),
    ])  # fmt: skip
    assert await all_views.portal.counters() == {"total": 2, "by_source": {"openmrs": 1, "opensrp": 1}}


async def test_a_family_is_read_in_one_go_whoever_is_asked_for(all_views: Views) -> None:
    a, b = "98000173958", "98001046534"
    await all_views.people([registered(0, a, 2, replaces=["P-1"]), registered(1, b)])
    merged = {"survivor": b, "retired": a, "version": 1, "undone": False, "at": rfc3339(START)}
    await all_views.people([record("patient.merged", 0, merged)])
    await all_views.records([recorded(0, "P-1", ("x", 1, {})), recorded(1, b, ("y", 1, {}))])
    for asked in ("P-1", a, b):
        (known,) = await all_views.reader.load([asked])
        assert known.family.root == b and set(known.family.ids) == {a, b, "P-1"}
        assert set(known.profiles) == {"P-1", b}
    await all_views.people([record("patient.merged", 1, {**merged, "undone": True, "version": 2, "at": rfc3339(
        START + timedelta(minutes=1))})])  # fmt: skip
    assert set((await all_views.reader.load([a]))[0].family.ids) == {a, "P-1"}


async def test_an_erased_person_leaves_every_view_and_stays_away(all_views: Views) -> None:
    a = "98000173958"
    await all_views.people([registered(0, a, name="Rahima")])
    await all_views.records([recorded(0, a, ("x", 1, {})), recorded(1, a, ("x", 2, {}))])
    await all_views.people([record("patient.erased", 0, {"health_id": a, "at": rfc3339(START)})])
    await all_views.records([recorded(2, a, ("y", 1, {}))])
    await all_views.people([registered(1, a, 5, name="Rahima")])
    for name in ("resources", "versions", "profiles"):
        assert await all_views.database[name].count_documents({}) == 0
    stored = await all_views.bytes()
    assert not any(b"Rahima" in one for found in stored.values() for one in found)
    assert (await all_views.portal.counters())["total"] == 1


async def test_another_broker_cluster_folds_again_without_doubling(all_views: Views) -> None:
    batch = [recorded(0, "p", ("a", 1, {}))]
    await all_views.records(batch)
    restored = View(all_views.database.client, all_views.database, name="records", cluster=lambda: "d", timeout_s=10)
    await Folding(restored, event_of, RecordsView(all_views.database).apply)(batch)
    assert await all_views.lines("p") == ["Observation/a"]
    assert (await all_views.portal.flows(day="2026-01-01"))[0]["recorded"] == 1
