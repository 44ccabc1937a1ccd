"""The ten invariants of ARCHITECTURE.md on the running system, one story each. Deeper tests lie with their owners."""

from __future__ import annotations

import asyncio
import json
import uuid

from pymongo import AsyncMongoClient
from shr_common.testing import Topics, eventually
from shr_local.testing.people import People, a_bundle, a_number, a_person, an_observation, until


async def _state(people: People, submission_id: str) -> dict:
    answer = await until(
        lambda: people.client.get(
            people.stack.url("records", f"/submissions/openmrs%2F10000001/{submission_id}"), headers=people.hospital()
        ),
        lambda a: a.status_code == 200,
    )
    return answer.json()


async def test_1_nothing_acknowledged_is_lost(people: People) -> None:
    topics = Topics(people.stack.kafka_bootstrap)
    health_id = await people.registers()
    fates = {
        "recorded": a_bundle(an_observation(health_id)),
        "parked": a_bundle(an_observation("98000173958")),
        "rejected": a_bundle(an_observation(health_id) | {"status": "no-such-status"}),
    }
    for state, bundle in fates.items():
        sent = str(uuid.uuid4())
        await topics.publish("encounter.submitted", bundle, headers={"ce_id": sent, "ce_source": "openmrs/10000001"})
        await eventually_state(people, sent, state)
    await topics.stop()


async def eventually_state(people: People, submission_id: str, state: str) -> None:
    async def is_so() -> bool:
        return (await _state(people, submission_id))["state"] == state

    await eventually(is_so, within_s=20, what=f"{submission_id} {state}")


async def test_2_the_same_submission_any_number_of_times_is_one_record(people: People) -> None:
    health_id = await people.registers()
    bundle, key = a_bundle(an_observation(health_id)), str(uuid.uuid4())
    first = await people.records(bundle, key=key)

    again = await asyncio.gather(*[people.submits(bundle, key=key) for _ in range(10)])

    assert {answer.status_code for answer in again} == {200}
    assert all(answer.json() == first.json() for answer in again)
    await until(
        lambda: people.client.get(
            people.stack.url("gateway", f"/fhir/Observation?patient={health_id}"), headers=people.citizen(health_id)
        ),
        lambda a: a.status_code == 200 and a.json()["total"] == 1,
    )


async def test_3_one_person_has_one_health_id_under_concurrent_registration(people: People) -> None:
    number = a_number()

    given = await asyncio.gather(*[people.registers(a_person(number)) for _ in range(20)])

    assert len(set(given)) == 1


async def test_4_no_disclosure_without_a_permit_and_none_without_an_audit_entry(people: People) -> None:
    health_id = await people.registers()
    await people.records(a_bundle(an_observation(health_id)))
    await until(lambda: people.reads(health_id, people.citizen(health_id)), lambda a: "8480-6" in a.text)

    refused = await people.reads(health_id, people.doctor())
    unknown = await people.reads("98001046534", people.doctor())
    assert refused.status_code == unknown.status_code == 403
    assert "8480-6" not in refused.text

    consent = await people.allows(health_id)
    allowed = await until(lambda: people.reads(health_id, people.doctor()), lambda a: a.status_code == 200)
    assert "8480-6" in allowed.text

    await people.withdraws(health_id, consent)
    await until(lambda: people.reads(health_id, people.doctor()), lambda a: a.status_code == 403, within_s=2)

    async def looks() -> list[str]:
        log = await people.client.get(
            people.stack.url("consent", f"/access-log?patient={health_id}"), headers=people.citizen(health_id)
        )
        return [e["decision"] for e in log.json()["entries"] if e["actor"]["role"] == "practitioner"]

    await eventually(lambda: _both(looks), within_s=15, what="a permit and a denial in the access log")


async def _both(looks) -> bool:
    return {"permit", "deny"} <= set(await looks())


async def test_5_and_6_state_event_and_view_agree(people: People) -> None:
    health_id = await people.registers()
    await asyncio.gather(*[people.records(a_bundle(an_observation(health_id))) for _ in range(5)])

    shown = await until(
        lambda: people.client.get(
            people.stack.url("gateway", f"/fhir/Observation?patient={health_id}"), headers=people.citizen(health_id)
        ),
        lambda a: a.status_code == 200 and a.json()["total"] == 5,
    )

    assert len({entry["resource"]["id"] for entry in shown.json()["entry"]}) == 5


async def test_7_what_came_in_is_kept_and_decimals_keep_their_zeros(people: People) -> None:
    health_id = await people.registers()
    raw = json.dumps(a_bundle(an_observation(health_id))).replace("120.5", "120.50").encode()
    await people.records(raw)

    shown = await until(
        lambda: people.client.get(
            people.stack.url("gateway", f"/fhir/Observation?patient={health_id}"), headers=people.citizen(health_id)
        ),
        lambda a: a.status_code == 200 and a.json()["total"] == 1,
    )

    assert '"value":120.50' in shown.text.replace(" ", "")


async def test_8_totals_add_up(people: People) -> None:
    await asyncio.gather(*[people.registers(source=source) for source in ("openmrs", "opensrp", "emis")])

    for service in ("healthid", "gateway"):
        counted = (await people.client.get(people.stack.url(service, "/counters"))).json()
        assert counted["total"] == sum(counted["by_source"].values())


async def test_9_every_limit_gives_a_clear_answer(people: People) -> None:
    health_id = await people.registers()

    too_many = await people.submits(a_bundle(*[an_observation(health_id)] * 2001))
    too_big = await people.submits(b'{"resourceType":"Bundle","x":"' + b"a" * (6 << 20) + b'"}')
    too_deep = await people.submits(b'{"a":' * 200 + b"1" + b"}" * 200)

    assert (too_many.status_code, too_big.status_code, too_deep.status_code) == (413, 413, 400)
    for refused in (too_many, too_big, too_deep):
        assert refused.json()["resourceType"] == "OperationOutcome"
        assert refused.json()["issue"][0]["details"]["text"]


async def test_10_identity_numbers_are_never_in_the_clear(people: People) -> None:
    number = a_number()
    await people.registers(a_person(number))
    client: AsyncMongoClient = AsyncMongoClient(people.stack.mongo_uri)
    try:
        for name in await client.list_database_names():
            if not name.startswith("shr_"):
                continue
            for collection in await client[name].list_collection_names():
                async for document in client[name][collection].find():
                    assert number not in repr(document), f"{name}.{collection} holds a number"
    finally:
        await client.close()
    for log in people.stack.home.logs.iterdir():
        assert number not in log.read_text(errors="replace"), f"{log.name} holds a number"
