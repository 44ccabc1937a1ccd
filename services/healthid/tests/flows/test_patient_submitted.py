"""``patient.submitted``: by the same rules as ``encounter.submitted``, on the real broker."""

from __future__ import annotations

import json
from typing import Any

import pytest
from shr_common.keys import Envelope
from shr_common.messages import KEY, seal_number
from shr_common.testing import Topics

NID = "http://dghs.gov.bd/identifier/nid"
SOURCE = "aalo/10000001"


class Sender:
    """A source that sends registrations by topic and reads its answers."""

    def __init__(self, topics: Topics, number: Any) -> None:
        self.topics, self.number = topics, number

    async def send(self, patient: Any, id_: str | None = None, **headers: str) -> str:
        id_ = id_ or f"s-{self.number(10)}"
        head = {"ce_source": SOURCE, "ce_id": id_, **headers}
        await self.topics.publish("patient.submitted", patient, key=f"k-{id_}", headers=head)
        return id_

    async def answers(self, id_: str, count: int = 1) -> list[dict[str, Any]]:
        found = await self.topics.read("submission.answered.aalo", where=lambda r: r.key == id_, count=count)
        return [json.loads(record.value) for record in found]


@pytest.fixture
def sender(registry: Any, topics: Topics, number: Any) -> Sender:
    return Sender(topics, number)


async def test_a_repeat_is_answered_again_with_the_first_answer(
    sender: Sender, registry: Any, citizen: Any, number: Any
) -> None:
    her, wrong = citizen(nid=number(17)), citizen(nid=number(12))
    good, bad = await sender.send(her), await sender.send(wrong)
    await sender.send({**her, "meta": {"lastUpdated": "2026-11-23T10:00:00Z"}}, good)
    await sender.send(wrong, bad)
    one, two = await sender.answers(good, 2)
    assert one["state"] == two["state"] == "registered"
    assert one["resources"] == two["resources"]
    first, second = await sender.answers(bad, 2)
    assert first["state"] == second["state"] == "rejected"
    assert first["outcome"] == second["outcome"]
    told = await sender.topics.read("patient.rejected", where=lambda r: bad in r.value.decode(), count=2)
    assert len({record.id for record in told}) == 1
    assert await registry.database.refusals.count_documents({"source": SOURCE}) >= 1


async def test_other_content_under_the_same_id_is_a_duplicate_and_the_first_stays(
    sender: Sender, registry: Any, citizen: Any, number: Any
) -> None:
    her, other, wrong = citizen(nid=number(17)), citizen(nid=number(17)), citizen(nid=number(12))
    good, bad, broken = await sender.send(her), await sender.send(wrong), await sender.send(b"{broken")
    await sender.answers(good)
    for id_ in (good, bad, broken):
        await sender.send(other, id_)
        first, second = await sender.answers(id_, 2)
        assert first["outcome"]["issue"][0]["code"] != "duplicate"
        assert (second["state"], second["outcome"]["issue"][0]["code"]) == ("rejected", "duplicate")
        refused = await sender.topics.read("patient.rejected", where=lambda r, id_=id_: id_ in r.value.decode())
        assert refused
    nid = other["identifier"][0]["value"]
    assert await registry.find(f"{NID}|{nid}", by=registry.issuer.as_("registrar")) == []
    await sender.send(her, good)
    assert (await sender.answers(good, 3))[2]["state"] == "registered"


async def test_without_headers_it_is_a_dead_letter(sender: Sender, citizen: Any, number: Any) -> None:
    mark = f"m-{number(10)}"
    for only in ({"ce_id": mark}, {"ce_source": SOURCE}):
        await sender.topics.publish("patient.submitted", citizen(nid=number(17)), headers={"mark": mark, **only})
    dead = await sender.topics.read("patient.submitted.dlq", where=lambda r: r.headers.get("mark") == mark, count=2)
    assert {record.headers["dlq_category"] for record in dead} == {"invalid"}
    after = await sender.send(citizen(nid=number(17)))
    assert (await sender.answers(after))[0]["state"] == "registered"


async def test_who_was_provisional_is_answered_when_she_is_verified(
    sender: Sender, registry: Any, citizen: Any, number: Any, national: Any
) -> None:
    national.mode = "503"
    id_ = await sender.send(citizen(nid=number(17)))
    [waiting] = await sender.answers(id_)
    assert waiting["state"] == "provisional"
    national.mode = "ok"
    _, later = await sender.answers(id_, 2)
    assert later["state"] == "registered"
    [reference] = later["resources"]
    assert (await registry.read(waiting["resources"][0].removeprefix("Patient/"))).json()["id"] in reference


async def test_numbers_that_records_sealed_are_opened(
    sender: Sender, registry: Any, citizen: Any, number: Any, issuer: Any
) -> None:
    nid, phone = number(17), "+8801711222333"
    envelope = Envelope.load(issuer.directory, KEY)

    def sealed() -> dict[str, Any]:
        patient: dict[str, Any] = citizen(nid=nid)
        patient["identifier"][0]["value"] = seal_number(envelope, NID, nid)
        patient["telecom"] = [{"system": "phone", "value": seal_number(envelope, "phone", phone)}]
        return patient

    id_ = f"f-{number(10)}"
    said = {"ce_forwardedby": "records", "ce_subject": f"visit-{id_}"}
    for _ in range(2):  # sealed anew, and the same content all the same
        await sender.send(sealed(), id_, **said)
    one, two = await sender.answers(f"visit-{id_}#{id_}", 2)
    assert one["state"] == two["state"] == "registered"
    [found] = await registry.find(f"{NID}|{nid}", by=registry.issuer.as_("registrar"))
    assert found["identifier"][1]["value"] == nid
    assert found["telecom"][0]["value"] == phone
    passed_off = sealed()
    passed_off["identifier"][0]["system"] = NID.replace("nid", "brn")
    refused = await sender.send(passed_off)
    [answer] = await sender.answers(refused)
    assert (answer["state"], answer["outcome"]["issue"][0]["code"]) == ("rejected", "security")
