"""Invariant 9: everything has a limit, and whoever reaches it gets a clear answer (``small`` has them within reach)."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections import defaultdict
from typing import Any

import pytest
from shr_common.keys import Envelope
from shr_common.mongo import connect
from shr_records.domain.people import Person
from shr_records.domain.submission import resource_id
from shr_records.storage import knowledge, vault
from shr_records.storage.knowledge import Codes
from shr_records.storage.people import KnownPeople
from shr_records.storage.schema import KEYS
from shr_records.storage.vault import Vault
from shr_records.use_cases import follow_patients

RAHIMA = "98000173958"
HOSPITAL = "openmrs/10000001"
STRANGER = "98001079691"


def fresh() -> str:
    return str(uuid.uuid4())


def text_of(answer: Any) -> str:
    return answer.json()["issue"][0]["details"]["text"]


def padded(service: Any, size: int) -> bytes:
    """A bundle of exactly so many bytes."""
    bare = json.dumps(service.bundle(service.observation(valueQuantity=None, valueString="")), ensure_ascii=False)
    short = size - len(bare.encode())
    return bare.replace('"valueString": ""', f'"valueString": "{"x" * short}"').encode()


async def batches_of(service: Any, ids: list[str]) -> list[list[dict[str, Any]]]:
    """The submissions by the moment at which they were decided: those of one batch share it."""
    batches = defaultdict(list)
    async for row in service.database["submissions"].find({"id": {"$in": ids}}):
        batches[row["decided_at"]].append(row)
    return list(batches.values())


def within_the_limits(batch: list[dict[str, Any]]) -> bool:
    return len(batch) <= 3 and (len(batch) == 1 or sum(len(row["sealed"]) - 28 for row in batch) <= 3000)


async def test_bytes_of_a_submission(small):
    assert (await small.submit(padded(small, 4096))).status_code == 200
    refused = await small.submit(padded(small, 4097))
    assert refused.status_code == 413 and "at most 4096" in text_of(refused)
    far_over = await small.submit(padded(small, 100_000))
    assert far_over.status_code == 413


async def test_bytes_of_a_submission_by_topic(small):
    ref = fresh()
    await small.publish(padded(small, 4097), id=ref)
    found = await small.reaches("rejected", ref)
    assert "at most 4096" in found["outcome"]["issue"][0]["details"]["text"]


async def test_entries_of_a_bundle(small):
    assert (await small.submit(small.bundle(*[small.observation()] * 5))).status_code == 200
    refused = await small.submit(small.bundle(*[small.observation(effectiveDateTime=None)] * 6))
    assert refused.status_code == 413 and refused.json()["issue"][0]["expression"] == ["Bundle.entry"]


async def test_levels_of_json(small):
    def nested(levels: int) -> bytes:
        return b'{"resourceType":"Bundle","x":' + b'{"a":' * (levels - 1) + b"1" + b"}" * levels

    assert (await small.submit(nested(16))).status_code == 422
    refused = await small.submit(nested(17))
    assert refused.status_code == 400 and "line 1" in refused.json()["issue"][0]["diagnostics"]


@pytest.mark.parametrize(
    "wrong",
    [{"status": "wrong"}, {"subject": {"identifier": {"system": "http://dghs.gov.bd/identifier/nid", "value": "1"}}}],
    ids=["of R4", "of the national rules"],
)
async def test_issues_of_an_outcome(desk, service, wrong):
    (answer,) = await desk.submits((fresh(), service.bundle(*[service.observation(**wrong) for _ in range(1200)])))
    assert answer.receipt.state == "rejected"
    assert len(json.loads(answer.receipt.outcome)["issue"]) == 1000


async def test_entries_of_a_page_and_the_way_to_the_next(small):
    source, refs = f"aalo/{fresh()[:8]}", [fresh() for _ in range(5)]
    for ref in refs:
        await small.submit(small.bundle(small.observation(status="wrong")), source, idempotency_key=ref)

    async def page(**asked: Any) -> tuple[list[str], str | None]:
        answer = await small.client.get("/quarantine", params=asked, headers=small.as_hospital(source))
        assert answer.status_code == 200, answer.text
        return [one["submission_id"] for one in answer.json()["entries"]], answer.json()["next"]

    assert len((await page())[0]) == 2
    assert len((await page(count=1))[0]) == 1
    seen, cursor = await page(count=100)
    assert len(seen) == 3
    rest, cursor = await page(count=100, next=cursor)
    assert [*seen, *rest] == refs[::-1] and cursor is None
    senseless = await small.client.get("/quarantine?next=x", headers=small.as_hospital(source))
    assert senseless.status_code == 422


async def test_versions_of_a_history_and_the_way_to_the_next(small):
    sent = fresh()
    for n in range(5):
        body = json.dumps(small.observation(id=sent, valueQuantity=None, valueInteger=n))
        path = f"/fhir/Observation/{sent}"
        assert (await small.client.put(path, content=body, headers=small.as_hospital())).is_success
    history = f"/fhir/Observation/{resource_id(HOSPITAL, 'Observation', sent)}/_history"
    first = (await small.client.get(history, headers=small.as_hospital())).json()
    (link,) = [one["url"] for one in first["link"] if one["relation"] == "next"]
    second = (await small.client.get(link, headers=small.as_hospital())).json()
    versions = [one["resource"]["meta"]["versionId"] for one in (*first["entry"], *second["entry"])]
    assert versions == ["5", "4", "3", "2", "1"]
    assert first["total"] == second["total"] == 5 and len(first["entry"]) == 3 and not second.get("link")
    senseless = await small.client.get(f"{history}?before=x", headers=small.as_hospital())
    assert senseless.status_code == 422


async def test_requests_that_wait(small):
    answers = await asyncio.gather(*[small.submit(small.bundle(small.observation())) for _ in range(100)])
    refused = [answer for answer in answers if answer.status_code == 429]
    assert {answer.status_code for answer in answers} == {200, 429}
    assert all(int(answer.headers["retry-after"]) > 0 and text_of(answer) for answer in refused)


async def test_items_and_bytes_of_a_batch(small):
    refs = [fresh() for _ in range(24)]
    sizes = [700 if n < 12 else 1400 for n in range(24)]
    sent = zip(refs, sizes, strict=True)
    answers = await asyncio.gather(*[small.submit(padded(small, size), idempotency_key=ref) for ref, size in sent])
    assert {answer.status_code for answer in answers} == {200}
    batches = await batches_of(small, refs)
    assert all(within_the_limits(batch) for batch in batches)
    assert len(batches) < len(refs)  # and yet they went together


async def test_items_and_bytes_of_a_batch_by_topic(small):
    refs = [fresh() for _ in range(24)]
    await asyncio.gather(*[small.publish(padded(small, 1400), id=ref, key="one partition") for ref in refs])
    for ref in refs:
        await small.reaches("recorded", ref)
    batches = await batches_of(small, refs)
    assert all(within_the_limits(batch) for batch in batches)
    assert len(batches) < len(refs)


async def test_the_wait_for_the_store(small):
    """Somebody holds what this request must write: it is told to come again, instead of waiting with the other."""
    client, person = connect(small.settings.mongo_uri), small.a_person()
    lookups = client[small.settings.database_of("records")]["lookups"]
    async with client.start_session() as session, await session.start_transaction():
        await lookups.update_one({"_id": f"uhid:{person}"}, {"$set": {"held": True}}, upsert=True, session=session)
        answer = await small.submit(small.bundle(small.observation(person)))
        await session.abort_transaction()
    await client.close()
    assert answer.status_code == 429, answer.text
    assert int(answer.headers["retry-after"]) > 0


@pytest.mark.parametrize("length", [255, 256])
async def test_the_length_of_an_id(small, length):
    """A key, or the Bundle's own identifier, becomes the name of a submission."""
    status = 200 if length == 255 else 422
    by_key = await small.submit(small.bundle(small.observation()), idempotency_key=(fresh() * 8)[:length])
    assert by_key.status_code == status
    identifier = {"system": "http://hospital.example/visits", "value": (fresh() * 8)[:length]}
    by_body = await small.submit(small.bundle(small.observation(), identifier=identifier))
    assert by_body.status_code == status
    if status == 422:
        assert by_body.json()["issue"][0]["expression"] == ["Bundle.identifier.value"]


async def test_the_length_of_an_id_by_topic(small):
    ref = (fresh() * 20)[:513]
    await small.publish(small.bundle(small.observation()), id=ref)
    (dead, *_) = await small.topics.read("encounter.submitted.dlq", where=lambda r: r.headers.get("ce_id") == ref)
    assert "512" in dead.headers["dlq_reason"]


async def test_copies_of_what_several_persons_share(service):
    """A medicine stands in the record of everybody in the batch: 40 persons times 60 medicines are 2,400 copies."""
    known = [service.a_person() for _ in range(40)]
    for one in known:
        await service.register(one, wait=False)
    for one in known:
        await service.knows(one)
    medicines = [{"resourceType": "Medication", "id": f"m{n}"} for n in range(60)]
    key = fresh()
    answer = await service.submit(
        service.bundle(*[service.observation(one) for one in known], *medicines, type="batch"), idempotency_key=key
    )
    assert answer.status_code == 413, answer.text[:300]
    assert "2440" in text_of(answer)
    kept = await service.client.get(
        "/submissions/payload", params={"source": HOSPITAL, "id": key}, headers=service.as_hospital()
    )
    assert len(kept.json()["entry"]) == 100


async def test_the_canonical_bundle_that_an_adapter_makes(small):
    """What the adapter adds may be some, but not any amount: 16 concepts are more than 8,192 bytes of bundle."""
    concept = {"code": "5085AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}
    few = small.observation(code={"coding": [concept]})
    assert (await small.submit(small.bundle(few))).status_code == 200
    many = small.observation(code={"coding": [{"code": f"{n}" + "A" * (36 - len(str(n)))} for n in range(100, 160)]})
    refused = await small.submit(small.bundle(many))
    assert refused.status_code == 413, refused.text[:300]


async def test_parked_submissions_that_are_decided_again_at_once(desk, service, monkeypatch):
    sizes = []
    heal = desk.follow._heal

    async def counted(receipts: Any, **named: Any) -> Any:
        sizes.append(len(receipts))
        return await heal(receipts, **named)

    monkeypatch.setattr(desk.follow, "_heal", counted)
    monkeypatch.setattr(follow_patients, "AT_ONCE", 4)
    refs = [fresh() for _ in range(10)]
    await desk.submits(*[(ref, service.bundle(service.observation(STRANGER))) for ref in refs])
    await desk.registers(STRANGER)
    assert sizes == [4, 4, 2]
    assert {await desk.state(ref) for ref in refs} == {"recorded"}


async def test_bytes_of_parked_submissions_that_are_decided_again_at_once(desk, service):
    refs = [fresh() for _ in range(6)]
    await desk.submits(*[(ref, json.loads(padded(service, 2000).replace(RAHIMA.encode(), STRANGER.encode())))
                         for ref in refs])  # fmt: skip
    assert len(await desk.records.parked(None, after=0, items=100, weight=5000)) == 3
    assert len(await desk.records.parked(None, after=0, items=100, weight=1)) == 1  # a heavy one goes alone


def test_merges_that_go_round_in_a_circle_come_to_an_end():
    directory = KnownPeople(persons={"a": Person("a", to="b"), "b": Person("b", to="a")})
    assert directory.current("a") in ("a", "b")


async def test_keys_and_codes_that_are_remembered(desk, monkeypatch):
    monkeypatch.setattr(vault, "CACHE_LIMIT", 3)
    monkeypatch.setattr(knowledge, "CACHE_LIMIT", 3)
    keys = Vault(desk.keys[KEYS], Envelope(b"m" * 32))
    async with desk.client.start_session() as session:
        made = [key for key, _ in await keys.make(10, session)]
    codes = Codes(desk.database)
    for n, key in enumerate(made):
        assert set(await keys.open([key])) == {key}
        known = await codes.known([("http://loinc.org", f"{n}-1")])
        assert not known(("http://loinc.org", f"{n}-1"))
    assert len(keys._cache) <= 3 and len(codes._known._cache) <= 3
