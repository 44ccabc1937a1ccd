"""Invariant 7: the bytes that came in are kept, sealed, and go back unchanged; what is served is what was sent."""

from __future__ import annotations

import json
import uuid
from typing import Any

from shr_records.domain.submission import Submission, submission_key

RAHIMA, KARIM = "98000173958", "98001046534"
STRANGER = "98001038192"
HOSPITAL = "openmrs/10000001"


def fresh() -> str:
    return str(uuid.uuid4())


def weight(person: str, more: str = "", id: str | None = None) -> bytes:
    """A bundle whose bytes no other writer would choose: spaces, escapes, zeros behind the point."""
    named = f'"id":"{id}", ' if id else ""
    resource = (
        f'{{ "resourceType":"Observation", {named}"status":"final","code":{{"text":"ওজন \\u09be{more}"}},'
        f'"subject":{{"reference":"Patient/{person}"}},"valueQuantity":{{"value":61.50,"unit":"kg"}}}}'
    )
    return f'{{"resourceType":"Bundle","type":"collection","entry":[{{"resource":{resource}}}]}}\n'.encode()


async def sent_back(service: Any, ref: str) -> bytes:
    params = {"source": HOSPITAL, "id": ref}
    answer = await service.client.get("/submissions/payload", params=params, headers=service.as_hospital())
    assert answer.status_code == 200, answer.text
    return answer.content


async def served(service: Any, ref: str) -> str:
    found = await service.state(ref)
    path = found["resources"][0].partition("/_history")[0]
    return (await service.client.get(f"/fhir/{path}", headers=service.as_hospital())).text


async def test_recorded_bytes_go_back_unchanged(service):
    ref = fresh()
    assert (await service.submit(weight(RAHIMA), idempotency_key=ref)).status_code == 200
    assert await sent_back(service, ref) == weight(RAHIMA)
    assert '"value":61.50,' in await served(service, ref)


async def test_bytes_that_waited_go_back_unchanged_and_are_served_as_sent(service):
    ref, person = fresh(), service.a_person()
    assert (await service.submit(weight(person), idempotency_key=ref)).status_code == 202
    assert await sent_back(service, ref) == weight(person)
    await service.register(person)
    await service.reaches("recorded", ref)
    assert await sent_back(service, ref) == weight(person)
    text = await served(service, ref)
    assert '"value":61.50,' in text and "ওজন \\u09be" in text


async def test_refused_bytes_are_kept_whatever_they_are(service):
    for body in (b"not json", weight(RAHIMA).replace(b"final", b"wrong"), b'{"a":' * 200 + b"1" + b"}" * 200):
        ref = fresh()
        assert (await service.submit(body, idempotency_key=ref)).status_code in (400, 422)
        assert await sent_back(service, ref) == body


async def test_refused_for_its_entries_a_bundle_is_kept_all_the_same(service):
    ref, body = fresh(), json.dumps(service.bundle(*[{"resourceType": "Basic"}] * 2001)).encode()
    assert (await service.submit(body, idempotency_key=ref)).status_code == 413
    assert await sent_back(service, ref) == body


async def test_decimals_keep_their_zeros_in_what_is_withdrawn(service):
    sent = fresh()
    body = json.loads(weight(RAHIMA, id=sent))["entry"][0]["resource"]
    raw = json.dumps(body).replace("61.5", "61.50")
    created = await service.client.put(f"/fhir/Observation/{sent}", content=raw, headers=service.as_hospital())
    path = created.headers["location"].partition("/_history")[0]
    await service.client.delete(path, headers=service.as_hospital())
    now = await service.client.get(path, headers=service.as_hospital())
    assert now.json()["status"] == "entered-in-error" and "61.50," in now.text


async def test_nothing_of_what_was_sent_lies_in_the_clear(desk, service):
    """Recorded, parked and refused; submissions, resources and events (which no relay takes away here)."""
    marks = {state: f"mark{uuid.uuid4().hex}" for state in ("recorded", "parked", "rejected")}
    await desk.registers(RAHIMA)
    bodies = {
        "recorded": weight(RAHIMA, marks["recorded"]),
        "parked": weight(STRANGER, marks["parked"]),
        "rejected": weight(RAHIMA, marks["rejected"]).replace(b'"final"', f'"{marks["rejected"]}"'.encode()),
    }
    sent = [Submission(HOSPITAL, body, desk.now, id=state, by_topic=True) for state, body in bodies.items()]
    assert [answer.receipt.state for answer in await desk.record(sent, at=desk.now)] == list(bodies)
    rows = 0
    for name in await desk.database.list_collection_names():
        async for row in desk.database[name].find():
            rows += 1
            for mark in marks.values():
                assert mark not in repr(row), name
    assert rows > 6
    for state, body in bodies.items():
        key = submission_key(HOSPITAL, state)
        receipt = (await desk.records.receipts([key]))[key]
        await desk.records.open([receipt])
        assert receipt.body == body


async def amended(desk: Any, ref: str, *bodies: bytes, apart: bool = True) -> None:
    """The same Bundle.id with other content each time."""
    named = [body.replace(b'"type":', f'"id":"{ref}","type":'.encode(), 1) for body in bodies]
    sent = [Submission(HOSPITAL, body, desk.now) for body in named]
    for batch in [[one] for one in sent] if apart else [sent]:
        await desk.record(batch, at=desk.now)
    for number, body in enumerate(named, 1):
        key = submission_key(HOSPITAL, ref)
        key = key if number == len(named) else key + number.to_bytes(4, "big")
        receipt = (await desk.records.receipts([key]))[key]
        await desk.records.open([receipt])
        assert receipt.body == body, number


async def test_an_amendment_leaves_the_former_bytes(desk):
    await desk.registers(RAHIMA)
    await amended(desk, fresh(), weight(RAHIMA), weight(RAHIMA, "2"), weight(RAHIMA, "3"))


async def test_an_amendment_within_one_batch_leaves_the_former_bytes(desk):
    await desk.registers(RAHIMA)
    await amended(desk, fresh(), weight(RAHIMA), weight(RAHIMA, "2"), weight(RAHIMA, "3"), apart=False)


async def test_an_amendment_that_names_another_person_leaves_the_former_bytes_under_the_first_ones_key(desk):
    await desk.registers(RAHIMA, KARIM)
    for apart in (True, False):
        await amended(desk, fresh(), weight(RAHIMA, id=fresh()), weight(KARIM, id=fresh()), apart=apart)
        await amended(desk, fresh(), weight(STRANGER, id=fresh()), weight(RAHIMA, id=fresh()), apart=apart)
