"""Health IDs out of offline blocks: kept, refused with a reason, or leading to the one that she has."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from shr_common.identifiers import health_id, is_health_id
from shr_common.testing import Topics, eventually
from shr_healthid.domain.blocks import next_issuable

UHID = "http://dghs.gov.bd/identifier/uhid"
NID = "http://dghs.gov.bd/identifier/nid"


class Field:
    """A field register (eMIS) that issues offline and uploads later."""

    def __init__(self, service: Any, facility: str = "10000005") -> None:
        self.service, self.facility = service, facility
        self.by = service.as_source("emis", facility)

    async def block(self, size: int = 20) -> dict[str, Any]:
        answer = await self.service.client.post("/id-blocks", json={"size": size}, headers=self.by)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def look(self, block: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = (await self.service.client.get(f"/id-blocks/{block['id']}", headers=self.by)).json()
        return found

    async def upload(self, patient: dict[str, Any], uhid: str) -> Any:
        return await self.service.register(carrying(patient, uhid), by=self.by)


def carrying(patient: dict[str, Any], uhid: str) -> dict[str, Any]:
    return {**patient, "identifier": [{"system": UHID, "value": uhid}, *patient.get("identifier", [])]}


def ids_of(block: dict[str, Any]) -> list[str]:
    base, found = int(block["id"]), []
    while len(found) < block["size"]:
        found.append(health_id(str(base)))
        base = next_issuable(base + 1)
    return found


def issue(answer: Any) -> dict[str, Any]:
    found: dict[str, Any] = answer.json()["issue"][0]
    return found


def bangla(found: dict[str, Any]) -> bool:
    return any("\u0980" <= letter <= "\u09ff" for letter in str(found["details"].get("_text", "")))


@pytest.fixture
def field(registry: Any) -> Field:
    return Field(registry)


async def test_a_health_id_issued_offline_is_kept_and_counted(
    field: Field, registry: Any, citizen: Any, number: Any, topics: Topics
) -> None:
    block = await field.block(3)
    first, second, third = ids_of(block)
    assert (block["first"], block["last"], block["used"], block["warning"]) == (first, third, 0, None)
    listed = await registry.client.get(f"/id-blocks/{block['id']}/health-ids", headers=field.by)
    assert listed.text.split() == [first, second, third]
    before = (await registry.client.get("/counters")).json()["by_source"]["emis"]
    her = citizen(nid=number(17))
    created = await field.upload(her, first)
    assert created.status_code == 201, created.text
    assert created.json()["id"] == first
    assert {"system": UHID, "value": first}.items() <= created.json()["identifier"][0].items()
    again = await field.upload(her, first)
    assert (again.status_code, again.json()["id"]) == (200, first)
    elsewhere = await registry.register(her)
    assert (elsewhere.status_code, elsewhere.json()["id"]) == (200, first)
    await field.upload(citizen(nid=number(17)), second)
    await field.upload(citizen(nid=number(17)), third)
    after = await field.look(block)
    assert (after["used"], after["left"], after["state"], after["warning"]["code"]) == (3, 0, "exhausted", "exhausted")
    assert (await registry.client.get("/counters")).json()["by_source"]["emis"] == before + 3
    [event] = await topics.read("patient.registered", where=lambda r: r.key == first)
    assert b'"status":"active"' in event.value


async def test_refusals_say_what_and_where(field: Field, registry: Any, citizen: Any, number: Any) -> None:
    block = await field.block(5)
    mine = ids_of(block)
    other = Field(registry, "10000006")
    theirs = ids_of(await other.block(5))
    outside = health_id(str(next_issuable(9_612_345_678)))
    wrong = mine[0][:-1] + str((int(mine[0][-1]) + 1) % 10)
    assert (await field.upload(citizen(nid=number(17)), mine[0])).status_code == 201
    cases = {
        "block-outside": (422, await field.upload(citizen(nid=number(17)), outside)),
        "block-of-another": (422, await field.upload(citizen(nid=number(17)), theirs[0])),
        "identity-uhid": (422, await field.upload(citizen(nid=number(17)), wrong)),
        "block-used-twice": (409, await field.upload(citizen(nid=number(17)), mine[0])),
    }
    for rule, (status, answer) in cases.items():
        assert answer.status_code == status, (rule, answer.text)
        found = issue(answer)
        assert found["details"]["coding"][0]["code"] == rule
        assert found["expression"] == ["Patient.identifier[0].value"]
        assert bangla(found), rule
    unnumbered = await field.upload(citizen(), mine[1])
    assert unnumbered.status_code == 422
    assert issue(unnumbered)["expression"] == ["Patient.identifier"]
    assert (await field.look(block))["used"] == 1


async def test_an_expired_block_is_refused_until_a_registrar_prolongs_it(
    field: Field, registry: Any, citizen: Any, number: Any
) -> None:
    block = await field.block(5)
    past = datetime.now(UTC) - timedelta(days=1)
    await registry.database.id_blocks.update_one({"_id": block["id"]}, {"$set": {"expires_at": past}})
    her, uhid = citizen(nid=number(17)), ids_of(block)[0]
    refused = await field.upload(her, uhid)
    assert refused.status_code == 422
    assert issue(refused)["details"]["coding"][0]["code"] == "block-expired"
    assert (await field.look(block))["warning"]["code"] == "expired"
    url, until = f"/id-blocks/{block['id']}/prolong", (datetime.now(UTC) + timedelta(days=60)).isoformat()
    assert (await registry.client.post(url, json={"expires_at": until}, headers=field.by)).status_code == 403
    by = registry.issuer.as_("registrar")
    assert (await registry.client.post(url, json={"expires_at": until}, headers=by)).status_code == 200
    assert (await registry.client.post(url, json={"expires_at": "2001-01-01"}, headers=by)).status_code == 422
    assert (await field.upload(her, uhid)).status_code == 201


async def test_for_a_number_that_has_a_health_id_it_leads_to_that(
    field: Field, registry: Any, citizen: Any, number: Any, topics: Topics
) -> None:
    her = citizen(nid=number(17))
    known = (await registry.register(her)).json()["id"]
    block = await field.block(5)
    alias = ids_of(block)[0]
    before = (await registry.client.get("/counters")).json()["total"]
    answer = await field.upload(her, alias)
    assert (answer.status_code, answer.json()["id"]) == (200, known)
    assert (await registry.read(alias)).json()["id"] == known
    told = await topics.read("patient.updated", where=lambda r: alias.encode() in r.value, count=2)
    assert {record.key for record in told} == {known, alias}
    assert len({record.id for record in told}) == 1
    assert (await registry.client.get("/counters")).json()["total"] == before
    assert (await field.look(block))["used"] == 1
    assert (await field.upload(her, alias)).json()["id"] == known
    twice = await field.upload(citizen(nid=number(17)), alias)
    assert (twice.status_code, issue(twice)["code"]) == (409, "duplicate")
    by_card = await registry.register(carrying({**citizen(), "identifier": []}, alias))
    assert by_card.json()["id"] == known


async def test_it_is_hers_while_verification_is_away_and_afterwards(
    field: Field, registry: Any, citizen: Any, number: Any, national: Any, topics: Topics
) -> None:
    her, stranger = citizen(nid=number(17)), citizen(nid=number(17), name="Kamal Uddin", name_bn="কামাল উদ্দিন")
    block = await field.block(5)
    uhid, other = ids_of(block)[:2]
    at_hospital = citizen(nid=number(17))
    national.mode = "503"
    waiting = await field.upload(her, uhid)
    assert (waiting.status_code, waiting.json()["id"]) == (202, uhid)
    assert waiting.json()["meta"]["tag"][0]["code"] == "provisional"
    twice = await field.upload(stranger, uhid)
    assert (twice.status_code, issue(twice)["code"]) == (409, "duplicate")
    former = (await registry.register(at_hospital)).json()["id"]
    taken = await field.upload(at_hospital, other)
    assert (taken.status_code, taken.json()["id"]) == (202, other)
    assert (await registry.read(former)).json()["id"] == other
    national.mode = "ok"
    for id_ in (uhid, other):
        await topics.read(
            "patient.registered", where=lambda r, id_=id_: r.key == id_ and b'"status":"active"' in r.value
        )
        assert "tag" not in (await registry.read(id_)).json()["meta"]
    assert (await registry.read(former)).json()["id"] == other
    assert (await field.look(block))["used"] == 2


async def test_a_newborn_keeps_it_when_her_birth_is_registered(
    field: Field, registry: Any, citizen: Any, number: Any
) -> None:
    block = await field.block(5)
    of_mother, of_child, of_old = ids_of(block)[:3]
    mother = (await field.upload(citizen(nid=number(17)), of_mother)).json()["id"]
    today = datetime.now(UTC).date().isoformat()
    child = citizen(birthDate=today, link=[{"other": {"reference": f"Patient/{mother}"}, "type": "seealso"}])
    born = await field.upload(child, of_child)
    assert (born.status_code, born.json()["id"]) == (202, of_child)
    too_old = await field.upload({**child, "birthDate": "2020-01-01"}, of_old)
    assert (too_old.status_code, issue(too_old)["expression"]) == (422, ["Patient.birthDate"])
    said = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "identifier", "valueIdentifier": {"system": NID.replace("nid", "brn"), "value": number(17)}}
        ],
    }
    url = f"/fhir/Patient/{of_child}/$link-birth-registration"
    linked = await registry.client.post(url, json=said, headers=registry.issuer.as_("registrar"))
    assert (linked.status_code, linked.json()["id"]) == (200, of_child), linked.text
    assert "tag" not in linked.json()["meta"]


async def test_who_may_ask_for_whom(field: Field, registry: Any) -> None:
    async def ask(by: dict[str, str], **body: Any) -> Any:
        return await registry.client.post("/id-blocks", json=body, headers=by)

    registrar = registry.issuer.as_("registrar")
    assert (await ask(field.by, source="opensrp", facility="10000005", size=5)).status_code == 403
    assert (await ask(field.by, source="emis", facility="10000006", size=5)).status_code == 403
    assert (await ask(registrar, size=5)).status_code == 422
    for size in (0, -1, 10_001, True, "5", None, 1.5):
        answer = await ask(field.by, size=size)
        assert answer.status_code == 422, size
        assert answer.json()["issues"][0]["expression"] == "size"
    given = await ask(registrar, source="emis", facility="10000005", size=5)
    assert given.status_code == 201
    assert given.headers["location"] == f"/id-blocks/{given.json()['id']}"
    assert (await registry.client.get(given.headers["location"], headers=field.by)).status_code == 200
    stranger = registry.as_source("opensrp", "1")
    assert (await registry.client.get(given.headers["location"], headers=stranger)).status_code == 404
    mine = (await registry.client.get("/id-blocks", headers=field.by)).json()["entries"]
    assert given.json()["id"] in {entry["id"] for entry in mine}
    assert (await registry.client.get("/id-blocks", headers=stranger)).json()["entries"] == []


async def test_blocks_given_out_at_once_by_two_servers_share_nothing(
    serve: Any, new_settings: Any, citizen: Any, number: Any
) -> None:
    settings = new_settings(role="both", block_open_limit=12, block_report_s=0.05)
    async with serve(settings) as one, serve(settings) as other:
        fields = [Field((one, other)[n % 2]) for n in range(12)]
        blocks = await asyncio.gather(*(field.block(25) for field in fields))
        every = [uhid for block in blocks for uhid in ids_of(block)]
        assert len(set(every)) == 12 * 25
        assert all(is_health_id(uhid) for uhid in every)
        hoarding = await one.client.post("/id-blocks", json={"size": 5}, headers=fields[0].by)
        assert hoarding.status_code == 409
        # one Health ID for two people, on two servers at once: one of them has it
        uhid = every[0]
        answers = await asyncio.gather(*(field.upload(citizen(nid=number(17)), uhid) for field in fields[:2]))
        assert sorted(answer.status_code for answer in answers) == [201, 409]
        assert (await fields[0].look(blocks[0]))["used"] == 1

        async def reported() -> bool:
            return 'shr_id_blocks{source_system="emis",state="open"} 12.0' in (await one.client.get("/metrics")).text

        await eventually(reported, what="the metric of open blocks")
