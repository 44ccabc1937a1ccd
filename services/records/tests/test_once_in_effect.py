"""Invariant 2: whatever is delivered, however often, in whatever order, together or apart: one record."""

from __future__ import annotations

import json
import uuid
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
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
    import asyncio

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
