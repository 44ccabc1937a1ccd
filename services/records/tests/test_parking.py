"""Parked until she is known: healed by itself, in order, and neither lost between parking and registering."""

from __future__ import annotations

import asyncio
import json
import uuid
from datetime import timedelta
from typing import Any

from shr_common.identifiers import health_id, is_issuable_base
from shr_common.testing import eventually
from shr_contracts.events import PatientRegistered
from shr_records.domain.people import uhid_key
from shr_records.domain.persons import Linked, PersonState, state_of
from shr_records.domain.submission import submission_key
from shr_records.storage.schema import KEYS

HOSPITAL = "openmrs/10000001"
RAHIMA = "98000173958"
PERSONS = [health_id(base) for n in range(12_345_000, 12_346_000) if is_issuable_base(base := f"98{n:08d}")]


def fresh() -> str:
    return str(uuid.uuid4())


async def test_parking_and_registering_at_the_same_moment_never_strands_a_submission(desk, service):
    """Whichever commits first, the other sees it: 60 races, none left parked."""
    for person in PERSONS[:60]:
        ref = fresh()
        payload = service.bundle(service.observation(person))
        await asyncio.gather(desk.submits((ref, payload)), desk.registers(person))
        assert await desk.state(ref) == "recorded", person


async def test_without_the_touch_of_the_look_up_the_race_is_lost(desk, service, monkeypatch):
    """The protection taken out: a park that does not write the look-up can pass a registration by."""

    async def no_touch(*_arguments: Any) -> None:
        return None

    monkeypatch.setattr(desk.records._people, "touch", no_touch)
    ref, person = fresh(), PERSONS[100]
    seen, registered = asyncio.Event(), asyncio.Event()
    inner = desk.records.write

    async def slow_write(*arguments: Any) -> None:
        seen.set()
        await registered.wait()
        await inner(*arguments)

    monkeypatch.setattr(desk.records, "write", slow_write)
    parking = asyncio.create_task(desk.submits((ref, service.bundle(service.observation(person)))))
    await seen.wait()
    await desk.registers(person)
    registered.set()
    await parking
    assert await desk.state(ref) == "parked"


async def test_what_waited_is_recorded_in_arrival_order(desk, service):
    person, sent, refs = PERSONS[101], fresh(), [fresh() for _ in range(5)]
    for n, ref in enumerate(refs):
        status = "final" if n == 4 else "preliminary"
        await desk.submits((ref, service.bundle(service.observation(person, id=sent, status=status))))
    await desk.registers(person)
    assert [await desk.state(ref) for ref in refs] == ["recorded"] * 5
    last = (await desk.records.receipts([submission_key(HOSPITAL, refs[-1])])).popitem()[1]
    assert last.references[0].endswith("/_history/5")


async def test_later_ones_queue_behind_a_parked_one_of_the_same_source_and_key(desk, service):
    person, first, second = PERSONS[102], fresh(), fresh()
    await desk.submits((first, service.bundle(service.observation(person))))
    await desk.replica.apply([PersonState(person, 1, "active", {uhid_key(person)}, ())])  # registered, not healed yet
    (answer,) = await desk.submits((second, service.bundle(service.observation(person))))
    assert answer.receipt.state == "parked" and answer.receipt.cause == "queued"
    other = fresh()
    await desk.submits((other, service.bundle(service.observation(person))), source="aalo/7")
    assert await desk.state(other, "aalo/7") == "recorded"
    await desk.follow.sweep()
    assert await desk.state(first) == "recorded" and await desk.state(second) == "recorded"
    third = fresh()
    await desk.submits((third, service.bundle(service.observation(person))))
    assert await desk.state(third) == "recorded"


async def test_a_local_id_that_two_persons_claim_resolves_to_nobody_until_it_is_told_apart(desk, service):
    one, other, ref = PERSONS[103], PERSONS[104], fresh()
    await desk.registers(one, local="L-7")
    await desk.registers(other, local="L-7")
    subject = {"identifier": {"value": "L-7"}}
    (answer,) = await desk.submits((ref, service.bundle(service.observation(None, subject=subject))))
    assert answer.receipt.state == "parked" and answer.receipt.cause == "ambiguous"
    await desk.registers(other)  # her next version claims it no longer
    assert await desk.person(ref) == one


async def test_two_claimants_that_are_one_person_are_no_ambiguity(desk, service):
    survivor, retired, ref = PERSONS[105], PERSONS[106], fresh()
    await desk.registers(survivor, local="L-8")
    await desk.registers(retired, local="L-8")
    await desk.follow([Linked(retired, survivor, False, 1)])
    subject = {"identifier": {"value": "L-8"}}
    await desk.submits((ref, service.bundle(service.observation(None, subject=subject))))
    assert await desk.person(ref) == survivor
    direct = fresh()
    await desk.submits((direct, service.bundle(service.observation(retired))))
    assert await desk.person(direct) == retired  # recorded for the id that it came in under


async def test_after_thirty_days_it_is_rejected_and_says_so(desk, service):
    ref = fresh()
    await desk.submits((ref, service.bundle(service.observation(PERSONS[107]))))
    desk.now += timedelta(days=29)
    await desk.follow.sweep()
    assert await desk.state(ref) == "parked"
    desk.now += timedelta(days=2)
    await desk.follow.sweep()
    key = submission_key(HOSPITAL, ref)
    receipt = (await desk.records.receipts([key]))[key]
    assert receipt.state == "rejected" and receipt.cause == "patient-unknown"


async def test_a_parked_body_moves_under_the_persons_key_when_she_is_known(desk, service):
    ref, person = fresh(), PERSONS[108]
    payload = service.bundle(service.observation(person))
    await desk.submits((ref, payload))
    key = submission_key(HOSPITAL, ref)
    before = (await desk.records.receipts([key]))[key].vault_key
    await desk.registers(person)
    receipt = (await desk.records.receipts([key]))[key]
    assert receipt.vault_key != before
    assert await desk.keys[KEYS].find_one({"_id": before}) is None
    await desk.records.open([receipt])
    assert json.loads(receipt.body or b"") == payload


async def test_what_queued_is_recorded_and_everything_else_of_hers_can_still_be_read(desk, service):
    """She was known when it queued, so it lies under her own key: that one must not go with the wait."""
    person, first, second, other = PERSONS[111], fresh(), fresh(), fresh()
    await desk.submits((first, service.bundle(service.observation(person))))
    await desk.replica.apply([PersonState(person, 1, "active", {uhid_key(person)}, ())])  # registered, not healed yet
    await desk.submits((other, service.bundle(service.observation(person))), source="aalo/7")
    (queued,) = await desk.submits((second, service.bundle(service.observation(person))))
    assert queued.receipt.cause == "queued"
    await desk.follow.sweep()
    desk.records._vault._cache.clear()  # as on another replica, or after a restart
    for ref, source in ((first, HOSPITAL), (second, HOSPITAL), (other, "aalo/7")):
        key = submission_key(source, ref)
        receipt = (await desk.records.receipts([key]))[key]
        await desk.records.open([receipt])
        assert receipt.state == "recorded" and receipt.body is not None, ref
        held, _, number = receipt.references[0].partition("/_history/")
        assert await desk.records.version(held.partition("/")[2], int(number)) is not None, ref


async def test_a_provisional_person_who_gets_her_health_id_keeps_her_record(desk, service):
    ref, provisional, final = fresh(), "P-7f3a", PERSONS[109]
    await desk.registers(provisional)
    await desk.submits((ref, service.bundle(service.observation(f"Patient/{provisional}"))))
    await desk.registers(final, replaces=(provisional,))
    later = fresh()
    await desk.submits((later, service.bundle(service.observation(f"Patient/{provisional}"))))
    assert await desk.person(ref) == provisional == await desk.person(later)


async def test_erasure_takes_key_bodies_and_look_ups(service):
    person = PERSONS[110]
    await service.register(person)
    key = fresh()
    answer = await service.submit(service.bundle(service.observation(person)), idempotency_key=key)
    path = answer.json()["entry"][0]["response"]["location"].partition("/_history")[0]
    await service.topics.event("patient.erased", {"health_id": person, "at": "2026-11-23T00:00:00Z"}, key=person)

    async def gone() -> bool:
        read = await service.client.get(f"/fhir/{path}", headers=service.as_hospital())
        return read.status_code == 404

    await eventually(gone)

    async def bytes_gone() -> bool:
        stored = await service.database["submissions"].find_one({"_id": submission_key(HOSPITAL, key)})
        return "sealed" not in stored

    await eventually(bytes_gone)
    again = await service.submit(service.bundle(service.observation(person)))
    assert again.status_code in (202, 422)


async def test_what_waited_under_a_health_id_issued_offline_is_hers_when_that_leads_to_her(desk, service):
    """A field worker gave a Health ID to somebody who had one: the registry says so when it is uploaded."""
    await desk.registers(RAHIMA)
    offline, ref = health_id("9100010012"), fresh()
    await desk.submits((ref, service.bundle(service.observation(offline))))
    assert await desk.state(ref) == "parked"
    said = {
        "health_id": RAHIMA, "version": 9, "status": "active", "lookup": {"nid": [], "brn": []}, "local_ids": [],
        "replaces": [offline], "guardians": [], "gender": None, "birth_date": None, "name": None, "name_bn": None,
        "district": None, "upazila": None, "via": "emis/1", "at": "2026-11-23T06:00:00Z",
    }  # fmt: skip
    await desk.follow([state_of(PatientRegistered.model_validate(said), desk.lookup.hash)])
    assert await desk.state(ref) == "recorded"
    later = fresh()
    await desk.submits((later, service.bundle(service.observation(offline))))
    assert await desk.state(later) == "recorded"
