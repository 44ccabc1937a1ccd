"""No byte of a record leaves before the entry about it is durable."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client import REGISTRY
from pymongo.monitoring import CommandListener
from shr_common import audit
from shr_common.audit import AuditTrail
from shr_common.errors import Category, ShrError
from shr_common.kafka import Producer
from shr_common.keys import Envelope, new_key
from shr_common.mongo import Client, connect
from shr_common.outbox import Outbox, Relay
from shr_common.security import Caller
from shr_common.testing import Topics, eventually
from shr_contracts.events import RecordAccessed
from shr_local.testing import Infrastructure

ENVELOPE = Envelope(new_key())
DOCTOR = Caller("practitioner", "u", practitioner="20000002", facility="10000002", name="Dr. Nazmul Karim")
AT = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)


async def look(trail: AuditTrail, **changed: Any) -> str:
    said: dict[str, Any] = {
        "patient": "98000173958", "caller": DOCTOR, "purpose": "CAREMGT", "decision": "permit",
        "what": [("Observation", 3), ("Condition", 1)], "at": AT, "consent_id": "c1",
    }  # fmt: skip
    return await trail.record(**(said | changed))


async def test_the_entry_is_stored_before_record_returns(client: Client, database: str) -> None:
    trail = AuditTrail(Outbox(client[database], ENVELOPE), service="gateway")
    await look(trail)
    assert await client[database]["outbox"].count_documents({}) == 1


async def test_the_write_is_acknowledged_by_a_majority_and_journaled(mongo_uri: str, database: str) -> None:
    written: list[Any] = []

    class Listener(CommandListener):
        def started(self, event: Any) -> None:
            if event.command_name == "insert":
                written.append(event.command["writeConcern"])

        def succeeded(self, event: Any) -> None: ...

        def failed(self, event: Any) -> None: ...

    async with connect(mongo_uri) as plain:
        options = plain.options
        concern = options.write_concern.document
    assert concern == {"w": "majority", "j": True}
    async with type(plain)(mongo_uri, w="majority", journal=True, event_listeners=[Listener()]) as watched:
        await look(AuditTrail(Outbox(watched[database], ENVELOPE), service="gateway"))
    assert written == [{"w": "majority", "j": True}]


async def test_entries_of_one_moment_share_a_write_and_each_becomes_an_event(
    client: Client, database: str, producer: Producer, topics: Topics, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "RECORD_ACCESSED", topic)
    outbox = Outbox(client[database], ENVELOPE)
    relay = Relay(client[database], producer, ENVELOPE, service="gateway")
    trail = AuditTrail(outbox, service="gateway")
    entries = await asyncio.gather(*(look(trail) for _ in range(30)))
    assert len(set(entries)) == 30
    assert await client[database]["outbox"].count_documents({}) == 1
    outbox.wake = relay.wake
    await relay.start()
    denied = await look(trail, decision="deny", what=[], consent_id=None, purpose="HRESCH")
    published = await topics.read(topic, count=31)
    await relay.stop()
    assert {record.id for record in published} == {*entries, denied}
    assert {record.key for record in published} == {"98000173958"}
    value = json.loads(published[0].value)
    RecordAccessed.model_validate(value)
    assert value["actor"] == {
        "role": "practitioner", "id": "20000002", "facility": "10000002", "name": "Dr. Nazmul Karim",
    }  # fmt: skip
    assert value["what"] == [{"type": "Observation", "count": 3}, {"type": "Condition", "count": 1}]
    assert (value["purpose"], value["decision"], value["at"]) == ("CAREMGT", "permit", "2026-11-20T04:00:00.000Z")
    assert json.loads(next(r for r in published if r.id == denied).value)["decision"] == "deny"


async def test_while_the_store_is_away_nothing_may_be_shown(
    infrastructure: Infrastructure, client: Client, database: str
) -> None:
    trail = AuditTrail(Outbox(client[database], ENVELOPE), service="gateway")
    await look(trail)
    infrastructure.mongo.kill()
    try:
        with pytest.raises(ShrError) as refused:
            await look(trail)
        assert refused.value.category is Category.UNAVAILABLE
    finally:
        await asyncio.to_thread(infrastructure.mongo.start_again)
    await eventually(lambda: look(trail))


async def test_when_too_many_wait_the_answer_is_busy_and_not_a_look_without_an_entry(
    client: Client, database: str
) -> None:
    trail = AuditTrail(Outbox(client[database], ENVELOPE), service="gateway", queue_limit=3)
    answers = await asyncio.gather(*(look(trail) for _ in range(10)), return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, ShrError)]
    assert {error.category for error in refused} == {Category.BUSY}
    assert len(answers) - len(refused) >= 3


async def test_stopping_finishes_the_entries_under_way(client: Client, database: str) -> None:
    trail = AuditTrail(Outbox(client[database], ENVELOPE), service="gateway")
    await trail.start()
    looks = [asyncio.create_task(look(trail)) for _ in range(5)]
    await asyncio.sleep(0)
    await trail.stop()
    assert all(task.done() for task in looks)
    with pytest.raises(ShrError):
        await look(trail)


async def test_a_purpose_of_a_callers_own_making_makes_no_metric_of_its_own(client: Client, database: str) -> None:
    trail = AuditTrail(Outbox(client[database], ENVELOPE), service="gateway")
    await look(trail, purpose="98000173958")
    assert REGISTRY.get_sample_value("shr_decisions_total", {"decision": "permit", "purpose": "98000173958"}) is None
    assert REGISTRY.get_sample_value("shr_decisions_total", {"decision": "permit", "purpose": "other"})
