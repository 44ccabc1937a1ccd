"""encounter.submitted: answered on the topics under the sender's ref, or dead-lettered with its bytes."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

import pytest
from shr_common.keys import Envelope
from shr_records.domain.submission import submission_key

RAHIMA, KARIM = "98000173958", "98001046534"
HOSPITAL = "openmrs/10000001"


def fresh() -> str:
    return str(uuid.uuid4())


def about(ref: str):
    return lambda record: record.headers.get("ce_subject") == ref


async def value_of(service: Any, topic: str, ref: str, count: int = 1) -> Any:
    records = await service.topics.read(topic, where=about(ref), count=count, within_s=60)
    return json.loads(records[-1].value), records[-1]


async def test_a_published_visit_is_recorded_and_told_to_both_topics(service):
    ref = fresh()
    await service.publish(service.bundle(service.observation()), id=ref, key=RAHIMA)
    value, record = await value_of(service, "encounter.recorded", ref)
    assert record.key == RAHIMA
    assert record.headers["ce_facility"] == "10000001" and record.headers["ce_sourcesystem"] == "openmrs"
    assert value["health_id"] == RAHIMA and value["version"] == 1
    (resource,) = value["resources"]
    assert resource["resource"]["subject"]["reference"] == f"Patient/{RAHIMA}"
    assert resource["resource"]["id"] == resource["id"]
    assert value["unverified_codes"] == [{"system": "http://loinc.org", "code": "8480-6"}]
    answer, _ = await value_of(service, "submission.answered.openmrs", ref)
    assert answer["state"] == "recorded" and len(answer["resources"]) == 1
    assert "রক্তচাপ" not in json.dumps(answer, ensure_ascii=False)


async def test_the_trace_of_the_sender_travels_with_the_event(service):
    ref, trace = fresh(), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    await service.publish(service.bundle(service.observation()), id=ref, traceparent=trace)
    _, record = await value_of(service, "encounter.recorded", ref)
    assert record.headers["traceparent"].split("-")[1] == trace.split("-")[1]


async def test_a_repeat_is_answered_again_under_the_same_event_id_and_records_once(service):
    ref, bundle = fresh(), service.bundle(service.observation())
    for _ in range(3):
        await service.publish(bundle, id=ref)
    records = await service.topics.read("encounter.recorded", where=about(ref), count=3)
    assert len({record.id for record in records}) == 1
    assert len({record.value for record in records}) == 1
    receipt = await service.database["submissions"].find_one({"_id": submission_key(HOSPITAL, ref)})
    assert len(receipt["references"]) == 1


async def test_other_content_under_a_used_id_is_rejected_as_duplicate_and_the_first_stays(service):
    ref = fresh()
    await service.publish(service.bundle(service.observation()), id=ref)
    await service.reaches("recorded", ref)
    await service.publish(service.bundle(service.observation(status="amended")), id=ref)
    value, _ = await value_of(service, "encounter.rejected", ref)
    assert value["outcome"]["issue"][0]["code"] == "duplicate"
    assert (await service.state(ref))["state"] == "recorded"


async def test_a_key_that_names_another_known_person_rejects(service):
    ref = fresh()
    await service.publish(service.bundle(service.observation(RAHIMA)), id=ref, key=KARIM)
    value, _ = await value_of(service, "encounter.rejected", ref)
    assert value["outcome"]["issue"][0]["details"]["coding"][0]["code"] == "other-person"


async def test_parked_is_said_to_its_source_only(service):
    ref, stranger = fresh(), "98001079691"
    await service.publish(service.bundle(service.observation(stranger)), id=ref)
    answer, _ = await value_of(service, "submission.answered.openmrs", ref)
    assert answer["state"] == "parked"
    with pytest.raises(AssertionError):
        await service.topics.read("encounter.recorded", where=about(ref), within_s=0.5)
    await service.register(stranger)
    value, _ = await value_of(service, "encounter.recorded", ref)
    assert value["health_id"] == stranger
    records = await service.topics.read("submission.answered.openmrs", where=about(ref), count=2)
    assert [json.loads(record.value)["state"] for record in records] == ["parked", "recorded"]
    assert len({record.id for record in records}) == 2


async def test_without_id_or_source_it_goes_to_the_dead_letters_and_its_neighbours_are_recorded(service):
    before, after, poison = fresh(), fresh(), b"poison " + fresh().encode()
    await service.publish(service.bundle(service.observation()), id=before, key="k")
    await service.topics.publish("encounter.submitted", poison, key="k", headers={"x": b"\xff\xfe"})
    await service.publish(service.bundle(service.observation()), id=after, key="k")
    await service.reaches("recorded", before)
    await service.reaches("recorded", after)
    envelope = Envelope.load(service.settings.keys_dir, "dlq")

    def ours(record: Any) -> bool:
        try:
            return envelope.open(record.value, b"encounter.submitted") == poison
        except ValueError:
            return False

    (dead,) = await service.topics.read("encounter.submitted.dlq", where=ours)
    assert dead.headers["dlq_category"] == "invalid" and dead.headers["dlq_topic"] == "encounter.submitted"
    assert dead.headers["dlq_reason"] and dead.headers["dlq_offset"]


@pytest.mark.parametrize(
    "payload",
    [b"", b"\x00\x01", b"NaN", b'{"a":1,"a":2}', b'{"resourceType":"Patient"}', b'{"$where":"1"}', b"[" * 3000],
)
async def test_whatever_has_an_id_gets_an_answer(service, payload):
    ref = fresh()
    await service.publish(payload, id=ref)
    found = await service.reaches("rejected", ref)
    assert found["outcome"]["issue"][0]["details"]["text"]
    await value_of(service, "encounter.rejected", ref)


async def test_an_unknown_format_is_rejected_with_the_known_ones(service):
    ref = fresh()
    await service.publish(b"MSH|^~", id=ref, ce_type="bd.gov.dghs.abacus.v1")
    found = await service.reaches("rejected", ref)
    assert "openmrs.bundle" in found["outcome"]["issue"][0]["details"]["text"]


async def test_numbers_do_not_leave_on_topics_of_ours(service):
    ref, number = fresh(), "19901234567890123"
    subject = {"identifier": {"system": "http://dghs.gov.bd/identifier/brn", "value": number + "9"}}
    await service.publish(service.bundle(service.observation(None, subject=subject)), id=ref)
    found = await service.reaches("rejected", ref)
    assert number not in json.dumps(found)
    for topic in ("encounter.rejected", "submission.answered.openmrs"):
        _, record = await value_of(service, topic, ref)
        assert number not in record.value.decode()


async def test_many_visits_of_many_sources_end_in_exactly_one_state_each(service):
    ids = [fresh() for _ in range(60)]
    people = [RAHIMA, KARIM, "98001038192"]
    payloads = {ref: service.bundle(service.observation(people[n % 3])) for n, ref in enumerate(ids)}
    payloads[ids[7]] = service.bundle(service.observation(status="wrong"))
    await asyncio.gather(
        *[service.publish(payloads[ref], id=ref, source=f"aalo/{n % 4}") for n, ref in enumerate(ids * 2)]
    )
    states = []
    for n, ref in enumerate(ids):
        expected = "rejected" if n == 7 else "parked" if n % 3 == 2 else "recorded"
        states.append((await service.reaches(expected, ref, f"aalo/{n % 4}"))["state"])
    assert len(states) == 60
    stored = await service.database["submissions"].count_documents({"source": {"$regex": "^aalo/"}})
    assert stored == len(ids)


async def test_a_recorded_number_is_in_no_event_and_no_answer(service):
    """Invariant 10, on the way out."""
    ref, number = fresh(), "1990123456789"
    subject = {"identifier": {"system": "http://dghs.gov.bd/identifier/nid", "value": number}, "display": f"({number})"}
    await service.publish(service.bundle(service.observation(None, subject=subject)), id=ref)
    value, record = await value_of(service, "encounter.recorded", ref)
    assert value["health_id"] == RAHIMA
    assert number not in record.value.decode()
    _, answer = await value_of(service, "submission.answered.openmrs", ref)
    assert number not in answer.value.decode()


async def test_the_visit_of_an_openmrs_hospital_becomes_part_of_her_record(service):
    from datetime import UTC, datetime

    from shr_local.demo.visit import openmrs_visit

    ref = fresh()
    visit = openmrs_visit(local_id="100GEJ", at=datetime(2026, 11, 22, tzinfo=UTC))
    await service.publish(visit, id=ref, ce_type="bd.gov.dghs.openmrs.bundle.v1")
    value, _ = await value_of(service, "encounter.recorded", ref)
    assert value["health_id"] == RAHIMA
    kinds = [one["type"] for one in value["resources"]]
    assert "Patient" not in kinds and len(kinds) == 9
    encounter = next(one for one in value["resources"] if one["type"] == "Encounter")
    for one in value["resources"]:
        assert one["resource"]["subject"]["reference"] == f"Patient/{RAHIMA}"
        if one["type"] != "Encounter":
            assert one["resource"]["encounter"]["reference"] == f"Encounter/{encounter['id']}"
    found = await service.state(ref)
    assert found["resources"][0] == f"Patient/{RAHIMA}"
    warnings = [issue for issue in found["outcome"]["issue"] if issue["severity"] == "warning"]
    assert any("hospital's own" in issue["details"]["text"] for issue in warnings)
