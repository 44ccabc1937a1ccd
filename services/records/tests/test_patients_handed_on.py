"""A Patient that nothing points to names its person and goes on to healthid, numbers sealed; here it changes nobody."""

from __future__ import annotations

import json
import secrets
import uuid
from typing import Any

import pytest
from shr_common.identifiers import BRN, NID
from shr_common.keys import Envelope
from shr_common.messages import with_numbers_opened
from shr_records.domain.people import local_keys, number_keys
from shr_records.domain.submission import submission_key

RAHIMA, STRANGER = "98000173958", "98001038192"
RAHIMAS_NID = "1990123456789"
HOSPITAL = "openmrs/10000001"


def fresh() -> str:
    return str(uuid.uuid4())


def patient(*identifiers: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "identifier": list(identifiers), "name": [{"text": "রহিমা খাতুন"}]} | more


def nid(value: str = RAHIMAS_NID) -> dict[str, Any]:
    return {"system": NID, "value": value}


def uhid(value: str = RAHIMA) -> dict[str, Any]:
    return {"system": "http://dghs.gov.bd/identifier/uhid", "value": value}


async def handed_on(service: Any, ref: str, count: int = 1) -> list[Any]:
    return await service.topics.read(
        "patient.submitted", where=lambda r: r.headers.get("ce_subject") == ref, count=count, within_s=60
    )


def opened(service: Any, record: Any) -> dict[str, Any]:
    """As healthid reads it."""
    return with_numbers_opened(Envelope.load(service.settings.keys_dir, "messages"), json.loads(record.value))


async def test_a_patient_alone_is_recorded_for_her_and_goes_to_healthid_under_her_health_id(service):
    ref, phone = fresh(), "+8801712345678"
    mrn = {"type": {"text": "OpenMRS ID"}, "value": f"L{fresh()[:8]}"}
    sent = patient(
        nid(), mrn, id=f"p-{fresh()[:8]}", birthDate="1990-05-01",
        telecom=[{"system": "phone", "value": phone}, {"system": "email", "value": "r@example.org"}],
        contact=[{"telecom": [{"system": "sms", "value": "01812345678"}]}],
        text={"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">NID {RAHIMAS_NID}</div>'},
        extension=[{"url": "http://example.org/weight", "valueDecimal": 61.5}],
    )  # fmt: skip
    raw = json.dumps(service.bundle(sent), ensure_ascii=False).replace("61.5", "61.50").encode()
    await service.publish(raw, id=ref)
    assert (await service.reaches("recorded", ref))["resources"] == [f"Patient/{RAHIMA}"]
    (record,) = await handed_on(service, ref)
    assert record.key == RAHIMA
    assert record.source == HOSPITAL and record.type == "bd.gov.dghs.patient.submitted.v1"
    assert record.headers["ce_forwardedby"] == "records"
    text = record.value.decode()
    for number in (RAHIMAS_NID, phone, "01812345678"):
        assert number not in text
    assert '"valueDecimal":61.50' in text
    value = json.loads(text)
    assert value["identifier"][0]["value"].startswith("enc:")
    assert value["telecom"][0]["value"].startswith("enc:")
    got = opened(service, record)
    assert got["text"]["div"].endswith("NID **********789</div>")
    assert {name: got[name] for name in got if name != "text"} == {name: sent[name] for name in sent if name != "text"}


async def test_it_changes_no_identity_here(service):
    """Neither her number nor her local id is anybody's before healthid says so."""
    ref, mrn, other = fresh(), f"L{fresh()[:8]}", f"1985{secrets.randbelow(10**9):09d}"
    before = await service.database["people"].find_one({"_id": RAHIMA})
    await service.publish(service.bundle(patient(uhid(), nid(other), {"value": mrn})), id=ref)
    await service.reaches("recorded", ref)
    await handed_on(service, ref)
    after = await service.database["people"].find_one({"_id": RAHIMA})
    assert {**before, "key": after["key"]} == after
    keys = [*number_keys("nid", other, service.lookup.hash), *local_keys(HOSPITAL, "", mrn, service.lookup.hash)]
    assert await service.database["lookups"].count_documents({"_id": {"$in": keys}}) == 0


async def test_her_local_id_leads_to_her_once_healthid_has_taken_it(service):
    ref, later, mrn, person = fresh(), fresh(), f"L{fresh()[:8]}", service.a_person()
    await service.register(person)
    await service.publish(service.bundle(patient(uhid(person), {"value": mrn})), id=ref)
    (record,) = await handed_on(service, ref)
    (local,) = [one["value"] for one in opened(service, record)["identifier"] if "system" not in one]
    subject = {"identifier": {"value": mrn}}
    await service.publish(service.bundle(service.observation(None, subject=subject)), id=later)
    await service.reaches("parked", later)
    await service.register(person, local=(HOSPITAL, "", local))
    assert (await service.reaches("recorded", later))["health_id"] == person


async def test_an_unknown_person_is_handed_on_under_her_local_key_and_once_only(service):
    ref, number, person = fresh(), f"1977{secrets.randbelow(10**9):09d}", service.a_person()
    await service.publish(service.bundle(patient(nid(number))), id=ref)
    assert (await service.reaches("parked", ref))["health_id"] is None
    (record,) = await handed_on(service, ref)
    assert record.key == number_keys("nid", number, service.lookup.hash)[0]
    assert number not in record.key and opened(service, record)["identifier"] == [nid(number)]
    await service.register(person, nid=number)
    assert (await service.reaches("recorded", ref))["health_id"] == person
    marker = fresh()
    await service.publish(service.bundle(patient(uhid())), id=marker)
    records = await service.topics.read(
        "patient.submitted", where=lambda r: r.headers.get("ce_subject") in (ref, marker), count=2, within_s=60
    )
    assert [one.headers["ce_subject"] for one in records if one.key != record.key] == [marker]


async def events_of(desk: Any, monkeypatch: Any) -> list[Any]:
    """Everything that is written to the outbox from now on."""
    told: list[Any] = []
    add = desk.records._outbox.add

    async def noted(events: Any, session: Any) -> None:
        told.extend(event for event in events if event.topic == "patient.submitted")
        await add(events, session)

    monkeypatch.setattr(desk.records._outbox, "add", noted)
    return told


async def test_a_patient_beside_what_does_not_point_to_her_is_handed_on(desk, service, monkeypatch):
    told = await events_of(desk, monkeypatch)
    await desk.registers(RAHIMA)
    answers = await desk.submits((fresh(), service.bundle(patient(uhid()), service.observation(RAHIMA))))
    assert [answer.receipt.state for answer in answers] == ["recorded"]
    assert [event.key for event in told] == [RAHIMA]


@pytest.mark.parametrize("how", ["subject", "performer", "link"])
async def test_a_patient_that_something_points_to_is_not(desk, service, monkeypatch, how):
    told = await events_of(desk, monkeypatch)
    await desk.registers(RAHIMA)
    sent = service.bundle(patient(uhid()), service.observation(None if how == "subject" else RAHIMA))
    address = {"reference": sent["entry"][0]["fullUrl"]}
    if how == "link":
        relative = {"resourceType": "RelatedPerson", "patient": {"reference": f"Patient/{RAHIMA}"}}
        sent["entry"].append({**service.bundle(relative)["entry"][0]})
        relative["extension"] = [{"url": "http://example.org/same-as", "valueReference": address}]
    else:
        sent["entry"][1]["resource"][how] = address if how == "subject" else [address]
    answers = await desk.submits((fresh(), sent))
    assert [answer.receipt.state for answer in answers] == ["recorded"]
    assert told == []


async def test_neither_a_repeat_nor_a_refusal_is_handed_on(desk, service, monkeypatch):
    told = await events_of(desk, monkeypatch)
    await desk.registers(RAHIMA)
    ref, sent = fresh(), service.bundle(patient(uhid()))
    await desk.submits((ref, sent), (ref, sent))
    await desk.submits((ref, sent))
    await desk.submits((ref, service.bundle(patient(uhid(), gender="female"))))  # other content under the same id
    await desk.submits((fresh(), service.bundle(patient(uhid()), service.observation(status="wrong"))))
    assert len(told) == 1
    await desk.submits((fresh(), service.bundle(patient(birthDate="1990-05-01"), service.observation())))
    assert len(told) == 1  # it names nobody


async def test_in_a_batch_of_two_people_each_goes_under_her_own(desk, service, monkeypatch):
    told = await events_of(desk, monkeypatch)
    await desk.registers(RAHIMA, STRANGER)
    both = service.bundle(patient(uhid()), patient(uhid(STRANGER)), type="batch")
    await desk.submits((fresh(), both))
    assert [event.key for event in told] == [RAHIMA, STRANGER]
    assert len({event.id for event in told}) == 2


async def test_an_amendment_is_another_message_and_a_second_delivery_the_same(desk, service, monkeypatch):
    told = await events_of(desk, monkeypatch)
    await desk.registers(RAHIMA)
    from shr_records.domain.submission import Submission

    ref = fresh()
    bodies = [json.dumps(service.bundle(patient(uhid(), gender=one), id=ref)).encode() for one in ("other", "female")]
    for body in (*bodies, bodies[0]):
        await desk.record([Submission(HOSPITAL, body, desk.now)], at=desk.now)
    assert len({event.id for event in told}) == len(told) == 2


async def test_state_and_message_commit_together(desk, service, monkeypatch):
    from shr_common.errors import ShrError

    await desk.registers(RAHIMA)
    ref = fresh()

    async def broken(events: Any, *_rest: Any) -> None:
        assert [event.topic for event in events].count("patient.submitted") == 1
        raise ValueError("the outbox fails")

    monkeypatch.setattr(desk.records._outbox, "add", broken)
    with pytest.raises((ShrError, ValueError)):
        await desk.submits((ref, service.bundle(patient(uhid()))))
    assert await desk.records.receipts([submission_key(HOSPITAL, ref)]) == {}


async def test_what_a_source_calls_an_nid_goes_as_one_and_what_might_be_one_goes_sealed(service):
    """healthid takes them as numbers and local ids; on the topic neither can be read."""
    ref, number, maybe = fresh(), "1978123456789", "1234567890"
    sent = patient(
        uhid(),
        {"type": {"text": "National ID"}, "value": "১৯৭৮ 1234 56789"},
        {"type": {"coding": [{"code": "BRN"}]}, "system": "http://hospital.example/brn", "value": "19781234567890123"},
        {"value": maybe},
        {"type": {"text": "MRN"}, "value": "9876543210"},
        {"type": {"text": "NID"}, "value": "unreadable"},
        id="19791234567890123",
    )
    await service.publish(service.bundle(sent), id=ref)
    (record,) = await handed_on(service, ref)
    text = record.value.decode()
    for hidden in (number, "১৯৭৮", "1234 56789", "19781234567890123", maybe, "19791234567890123", "unreadable"):
        assert hidden not in text
    got = opened(service, record)
    assert "id" not in got
    assert [(one.get("system"), one["value"]) for one in got["identifier"]] == [
        ("http://dghs.gov.bd/identifier/uhid", RAHIMA),
        (NID, number),
        (BRN, "19781234567890123"),
        (None, maybe),
        (None, "9876543210"),
        (None, "19791234567890123"),
    ]
