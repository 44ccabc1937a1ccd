"""The invariants of the system that healthid holds; each fails when its protection is taken out."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from bson import BSON
from shr_common.identifiers import is_health_id
from shr_common.testing import Topics
from shr_contracts.topics import ALL_TOPICS

NID = "http://dghs.gov.bd/identifier/nid"
SYSTEMS = ("openmrs", "opensrp", "aalo", "emis")


async def everything_published(bootstrap: str) -> bytes:
    """The bytes of every record of every topic but those that sources write: keys, headers, values."""
    names = [spec.name for spec in ALL_TOPICS if not spec.name.startswith(("patient.submitted", "encounter.sub"))]
    consumer = AIOKafkaConsumer(
        *names, bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    await consumer.start()  # without a group: every partition, from the beginning
    try:
        ends = await consumer.end_offsets(consumer.assignment())
        found = []
        while any([await consumer.position(place) < end for place, end in ends.items()]):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                for record in records:
                    headers = b"".join(name.encode() + value for name, value in record.headers)
                    found.append((record.key or b"") + headers + (record.value or b""))
        return b"\n".join(found)
    finally:
        await consumer.stop()


async def everything_stored(database: Any) -> bytes:
    """The raw BSON of every document of a database."""
    found = []
    for name in await database.list_collection_names():
        found += [BSON.encode(document) async for document in database[name].find()]
    return b"\n".join(found)


async def test_10_numbers_lie_nowhere_in_the_clear(
    serve: Any,
    new_settings: Any,
    national: Any,
    citizen: Any,
    number: Any,
    topics: Topics,
    kafka_bootstrap: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    thirteen, brn, unproven, refused, contradicted = (
        number(13), number(17), number(17), number(17, ending="000"), number(17, ending="998"),
    )  # fmt: skip
    async with serve(new_settings()) as service:
        hidden = citizen(nid=thirteen, brn=brn, local=thirteen[3:])  # one of her own forms as a local id
        hidden["contact"] = [{"name": {"text": f"NID {thirteen}"}}]
        created = await service.register(hidden, Idempotency_Key=f"key {thirteen}")
        assert created.status_code == 201
        await service.register(citizen(nid=thirteen, name="Kamal Uddin", name_bn="কামাল উদ্দিন"))
        changed = {**created.json(), "address": [{"text": f"again {thirteen}"}]}
        await service.client.put(f"/fhir/Patient/{created.json()['id']}", json=changed, headers=service.as_source())
        for nid in (refused, contradicted, "12" + unproven):
            await service.register(citizen(nid=nid))
        national.mode = "503"
        assert (await service.register(citizen(nid=unproven))).status_code == 202
        await service.find(f"{NID}|{thirteen}")
        await service.client.get("/fhir/Patient", params={"identifier": f"{NID}|{thirteen}"})
        national.mode = "ok"
        head = {"ce_source": "openmrs/10000001", "ce_id": f"i-{number(10)}"}
        await topics.publish("patient.submitted", citizen(nid=refused), key="k", headers=head)
        await topics.read("patient.rejected", where=lambda r: head["ce_id"] in r.value.decode())
        await service.client.get("/metrics")
        stored = await everything_stored(service.database)
        metrics = (await service.client.get("/metrics")).content
    logged = "".join(capfd.readouterr()).encode()
    published = await everything_published(kafka_bootstrap)
    assert len(stored) > 1000
    assert created.json()["id"].encode() in published
    for value in (thirteen, thirteen[3:], f"1985{thirteen}", brn, unproven, refused, contradicted):
        for where, content in {"store": stored, "topic": published, "log": logged, "metrics": metrics}.items():
            assert value.encode() not in content, where


async def test_5_state_and_event_commit_together(
    serve: Any, new_settings: Any, citizen: Any, number: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shr_common.outbox import Outbox

    async with serve(new_settings(role="api")) as service:
        nid, add = number(17), Outbox.add
        with monkeypatch.context() as broken:

            async def fail(*_args: Any, **_more: Any) -> None:
                raise RuntimeError("the outbox cannot be written")

            broken.setattr(Outbox, "add", fail)
            assert (await service.register(citizen(nid=nid))).status_code == 500
        assert Outbox.add is add
        for name in ("persons", "numbers", "intakes", "counters"):
            assert await service.database[name].count_documents({}) == 0, name
        assert (await service.register(citizen(nid=nid))).status_code == 201


async def test_1_and_3_what_was_acknowledged_is_one_live_person_with_her_event(
    serve: Any, new_settings: Any, citizen: Any, number: Any, topics: Topics
) -> None:
    """Concurrent repeats under all forms of a number, on two servers, one of which stops in the middle."""
    settings = new_settings(role="api")
    thirteens = [number(13) for _ in range(12)]
    forms = [form for nid in thirteens for form in (nid, f"1985{nid}", nid[3:])] * 3
    random.shuffle(forms)
    async with serve(settings) as staying:
        async with serve(settings) as leaving:
            answers = await asyncio.gather(
                *((staying, leaving)[n % 2].register(citizen(nid=nid)) for n, nid in enumerate(forms))
            )
        assert {a.status_code for a in answers} <= {200, 201}
        ids: dict[str, set[str]] = {}
        for form, answer in zip(forms, answers, strict=True):
            ids.setdefault(form[-10:], set()).add(answer.json()["id"])
        assert all(len(found) == 1 for found in ids.values()), ids
        live = {next(iter(found)) for found in ids.values()}
        assert len(live) == len(thirteens)
        for id_ in live:
            assert (await staying.read(id_)).status_code == 200
            assert is_health_id(id_)
        await topics.read("patient.registered", where=lambda r: r.key in live, count=len(live))


async def test_8_counters_equal_provenance_under_concurrency(
    serve: Any, new_settings: Any, citizen: Any, number: Any
) -> None:
    settings = new_settings(role="api")
    numbers = [number(17) for _ in range(40)]
    sent = [(nid, random.choice(SYSTEMS)) for nid in numbers * 2]
    random.shuffle(sent)
    async with serve(settings) as one, serve(settings) as other:
        watching = True

        async def watch() -> None:
            while watching:
                seen = (await one.client.get("/counters")).json()
                assert seen["total"] == sum(seen["by_source"].values())
                await asyncio.sleep(0.01)

        watcher = asyncio.create_task(watch())
        await asyncio.gather(
            *(
                (one, other)[n % 2].register(citizen(nid=nid), by=one.as_source(system, "1"))
                for n, (nid, system) in enumerate(sent)
            )
        )
        watching = False
        await watcher
        counted = (await one.client.get("/counters")).json()
        persons = await one.database.persons.find({"status": "active"}).to_list()
        first = Counter(person["first_source"].partition("/")[0] for person in persons)
        created = Counter([intake["system"] async for intake in one.database.intakes.find({"outcome": "created"})])
        assert counted["total"] == len(numbers)
        assert counted["by_source"] == {system: first[system] for system in sorted(SYSTEMS)}
        assert first == created


async def test_7_what_came_in_is_kept(serve: Any, new_settings: Any, citizen: Any, number: Any, issuer: Any) -> None:
    from shr_common.keys import Envelope

    raw = json.dumps(citizen(nid=number(17)), indent=3, ensure_ascii=False).encode()
    async with serve(new_settings(role="api")) as service:
        headers = {**service.as_source(), "content-type": "application/fhir+json"}
        assert (await service.client.post("/fhir/Patient", content=raw, headers=headers)).status_code == 201
        intake = await service.database.intakes.find_one()
        assert (intake["source"], intake["facility"], intake["channel"]) == ("openmrs/10000001", "10000001", "http")
        envelope = Envelope.load(issuer.directory, "master-healthid")
        assert envelope.open(intake["body"], intake["_id"].encode()) == raw


async def test_8_offline_blocks_are_used_once_and_counted_under_any_interleaving(
    serve: Any, new_settings: Any, citizen: Any, number: Any
) -> None:
    """Two servers; people with and without a Health ID of a block, some twice, some with the Health ID of another."""
    from shr_common.identifiers import health_id
    from shr_healthid.domain.blocks import next_issuable

    settings = new_settings(role="api")
    async with serve(settings) as one, serve(settings) as other:
        field = one.as_source("emis", "10000005")
        block = (await one.client.post("/id-blocks", json={"size": 30}, headers=field)).json()
        ids, base = [], int(block["id"])
        while len(ids) < 30:
            ids.append(health_id(str(base)))
            base = next_issuable(base + 1)
        people = [citizen(nid=number(17)) for _ in range(30)]
        sent = [(people[n], None) for n in range(0, 30, 3)]  # some are registered at a hospital at the same time
        sent += [(people[n], ids[random.choice((n, n, n, (n + 1) % 30))]) for n in range(30)] * 2
        random.shuffle(sent)

        async def register(n: int, person: dict[str, Any], uhid: str | None) -> Any:
            service = (one, other)[n % 2]
            if uhid is None:
                return await service.register(person)
            offered = {"system": NID.replace("nid", "uhid"), "value": uhid}
            return await service.register({**person, "identifier": [offered, *person["identifier"]]}, by=field)

        answers = await asyncio.gather(*(register(n, *one_sent) for n, one_sent in enumerate(sent)))
        assert {answer.status_code for answer in answers} <= {200, 201, 409}
        hers: dict[str, set[str]] = {}
        for (person, _), answer in zip(sent, answers, strict=True):
            if answer.status_code != 409:
                hers.setdefault(person["identifier"][0]["value"], set()).add(answer.json()["id"])
        assert all(len(found) == 1 for found in hers.values())
        persons = await one.database.persons.find({"status": "active"}).to_list()
        counted = (await one.client.get("/counters")).json()
        created = await one.database.intakes.count_documents({"outcome": "created"})
        assert counted["total"] == sum(counted["by_source"].values()) == len(persons) == created
        used = await one.database.persons.count_documents({"_id": {"$in": ids}})
        assert (await one.client.get(f"/id-blocks/{block['id']}", headers=field)).json()["used"] == used
