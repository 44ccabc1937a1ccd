"""Invariant 2: whatever is delivered, however often, in whatever order, together or apart: one record."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shr_records.domain.people import uhid_key
from shr_records.domain.persons import Erased, Linked, PersonState
from shr_records.domain.submission import Submission, resource_id

PERSON = "98000173958"
STATES = ("registered", "preliminary", "final", "amended", "corrected")


def submissions_of(source: str, plan: list[tuple[int, int]]) -> list[tuple[str, bytes]]:
    """One submission for each (resource, minute of its last change); later minutes are later states."""
    made = []
    for number, (resource, minute) in enumerate(plan):
        observation = {
            "resourceType": "Observation", "id": f"o{resource}", "status": STATES[minute % 5], "code": {"text": "x"},
            "meta": {"lastUpdated": f"2026-11-23T10:{minute:02d}:00+06:00"},
            "subject": {"reference": f"Patient/{PERSON}"}, "valueString": str(number),
        }  # fmt: skip
        bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": observation}]}
        made.append((f"{source}-{number}", json.dumps(bundle).encode()))
    return made


async def record_of(desk: Any, source: str) -> dict[str, Any]:
    """The current state of every resource, without what only tells when we wrote it."""
    found = {}
    for resource in range(4):
        held = resource_id(source, "Observation", f"o{resource}")
        head = await desk.records.head(held)
        if head is None:
            continue
        version = await desk.records.version(held, head.version)
        body = json.loads(version.body)
        for name in ("versionId", "lastUpdated"):
            body["meta"].pop(name)
        body["meta"]["extension"][0]["valueIdentifier"].pop("system")  # names the source
        body.pop("id")
        body["meta"].pop("source")
        found[f"o{resource}"] = body
    return found


async def deliver(desk: Any, source: str, deliveries: list[tuple[str, bytes]], cuts: list[int], known_at: int) -> None:
    """Deliver in batches; the person is registered on the way."""
    start = 0
    for end in sorted({*cuts, len(deliveries)}):
        if start <= known_at < end or (known_at >= len(deliveries) and end == len(deliveries)):
            await desk.registers(PERSON)
        batch = [Submission(source, body, desk.now, id=ref, by_topic=True) for ref, body in deliveries[start:end]]
        if batch:
            await desk.record(batch, at=desk.now)
        start = end
    await desk.registers(PERSON)
    await desk.follow.sweep()


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_any_order_and_any_repetition_give_the_same_record(desk, data):
    minutes = data.draw(st.lists(st.integers(0, 59), min_size=2, max_size=6, unique=True))
    plan = [(data.draw(st.integers(0, 3)), minute) for minute in minutes]
    calm, wild = f"calm/{uuid.uuid4().hex}", f"wild/{uuid.uuid4().hex}"
    ordered = submissions_of(calm, plan)
    await desk.registers(PERSON)
    await deliver(desk, calm, ordered, [], 0)
    once = submissions_of(wild, plan)
    repeated = once + data.draw(st.lists(st.sampled_from(once), max_size=6))
    shuffled = data.draw(st.permutations(repeated))
    cuts = data.draw(st.lists(st.integers(1, len(shuffled)), max_size=3))
    await deliver(desk, wild, shuffled, cuts, data.draw(st.integers(0, len(shuffled))))
    assert await record_of(desk, calm) == await record_of(desk, wild)
    stored = await desk.database["submissions"].count_documents({"source": wild})
    assert stored == len(once)
    versions = await desk.database["resources"].count_documents({"source": wild})
    assert versions == len(once)
    assert await desk.database["submissions"].count_documents({"source": wild, "state": {"$ne": "recorded"}}) == 0


async def test_two_replicas_that_get_the_same_batch_at_once_record_it_once(desk, service):
    await desk.registers(PERSON)
    bundles = [(f"r-{uuid.uuid4()}", service.bundle(service.observation())) for _ in range(20)]
    answers = await asyncio.gather(*[desk.submits(*bundles) for _ in range(3)])
    for one, two, three in zip(*answers, strict=True):
        assert one.receipt.references == two.receipt.references == three.receipt.references
    assert await desk.database["resources"].count_documents({}) == 20


async def test_a_failure_in_the_middle_leaves_nothing_half_written(desk, service, monkeypatch):
    """Invariant 5: state and event commit together."""
    import pytest
    from shr_common.errors import ShrError

    await desk.registers(PERSON)

    async def broken(*_arguments: Any, **_named: Any) -> None:
        raise ValueError("the outbox fails")

    monkeypatch.setattr(desk.records._outbox, "add", broken)
    with pytest.raises((ShrError, ValueError)):
        await desk.submits(("half", service.bundle(service.observation())))
    for name in ("submissions", "resources", "outbox"):
        assert await desk.database[name].count_documents({}) == 0, name


async def test_two_replicas_that_refuse_the_same_batch_at_once_answer_it_once(desk, service):
    """Nothing but the submission itself is written here, so its key alone keeps it single."""
    bundles = [(f"w-{uuid.uuid4()}", service.bundle(service.observation(status="wrong"))) for _ in range(20)]
    await asyncio.gather(*[desk.submits(*bundles) for _ in range(3)])
    assert await desk.database["submissions"].count_documents({}) == 20


async def test_changes_of_one_resource_on_several_replicas_at_once_are_all_kept(desk, service):
    await desk.registers(PERSON)
    sent = str(uuid.uuid4())
    states = [service.observation(id=sent, valueQuantity=None, valueInteger=n) for n in range(8)]
    await asyncio.gather(*[desk.submits((f"v-{uuid.uuid4()}", service.bundle(one))) for one in states])
    held = resource_id("openmrs/10000001", "Observation", sent)
    versions = await desk.records.history(held, limit=20)
    assert [one.version for one in versions] == list(range(8, 0, -1))
    assert {json.loads(one.body)["valueInteger"] for one in versions} == set(range(8))


async def test_what_was_amended_since_is_no_amendment_when_it_is_delivered_again(desk, service):
    await desk.registers(PERSON)
    ref, sent = str(uuid.uuid4()), str(uuid.uuid4())

    async def deliver_again(body: dict[str, Any]) -> Any:
        (answer,) = await desk.record(
            [Submission("openmrs/10000001", json.dumps(body).encode(), desk.now)], at=desk.now
        )
        return answer

    first = service.bundle(service.observation(id=sent), id=ref)
    second = service.bundle(service.observation(id=sent, status="amended"), id=ref)
    assert [(await deliver_again(one)).receipt.version for one in (first, second)] == [1, 2]
    for one in (first, second, first):
        assert (await deliver_again(one)).repeated
    assert await desk.database["resources"].count_documents({}) == 2


async def test_two_workers_that_heal_the_same_submission_record_it_once(desk, service):
    ref = str(uuid.uuid4())
    await desk.submits((ref, service.bundle(service.observation(PERSON))))
    waiting = await desk.records.parked(None, after=0, items=9, weight=1 << 20)
    await desk.replica.apply([state_of_a_person(PERSON, 1)])
    answers = await asyncio.gather(*[desk.record.heal(waiting, at=desk.now) for _ in range(3)])
    assert sorted(answer.repeated for (answer,) in answers) == [False, True, True]
    assert await desk.database["resources"].count_documents({}) == 1


def state_of_a_person(person: str, version: int, *keys: str) -> PersonState:
    return PersonState(person, version, "active", {uhid_key(person), *keys}, ())


async def test_an_older_state_of_a_person_that_comes_late_changes_nothing(desk):
    await desk.follow([state_of_a_person(PERSON, 2, "local:new")])
    await desk.follow([state_of_a_person(PERSON, 1, "local:old"), state_of_a_person(PERSON, 2, "local:other")])
    known = await desk.records._people.directory(["local:new", "local:old", "local:other"])
    assert [known.claimants(f"local:{one}") for one in ("new", "old", "other")] == [(PERSON,), (), ()]


async def test_an_older_merge_that_comes_late_does_not_undo_the_unmerge(desk):
    survivor = "98001046534"
    await desk.registers(PERSON, survivor)
    for undone, version in ((False, 1), (True, 2), (False, 1)):
        await desk.follow([Linked(PERSON, survivor, undone, version)])
    known = await desk.records._people.directory([uhid_key(PERSON)])
    assert known.current(PERSON) == PERSON


async def test_a_state_that_comes_after_the_erasure_brings_nobody_back(desk):
    await desk.registers(PERSON)
    await desk.follow([Erased(PERSON)])
    await desk.follow([state_of_a_person(PERSON, 9), Linked(PERSON, "98001046534", False, 9)])
    known = await desk.records._people.directory([uhid_key(PERSON)])
    assert known.claimants(uhid_key(PERSON)) == ()
    held = await desk.database["people"].find_one({"_id": PERSON})
    assert held["erased"] and "keys" not in held and "to" not in held
