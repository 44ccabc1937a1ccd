"""Look-ups cost the same in a crowd, a common key starves nobody, and older documents get the keys of today."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from shr_common.keys import Envelope, LookupKey
from shr_common.mongo import connect, ensure_indexes
from shr_healthid import rekey
from shr_healthid.domain.person import ACTIVE, Demographics, Person
from shr_healthid.storage.candidates import COMPARED_LIMIT, EACH_LIMIT, SPARE, CandidateStore
from shr_healthid.storage.collections import INDEXES, PERSONS
from shr_healthid.storage.persons import PersonStore
from shr_healthid.storage.sealing import Sealing
from shr_healthid.storage.tokens import Tokens
from shr_healthid.weights_file import load_weights

SHARED_PHONE = "01700000000"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Crowd:
    """A store with persons put there directly."""

    def __init__(self, settings: Any) -> None:
        self.client = connect(settings.mongo_uri)
        self.database = self.client[settings.database_of("healthid")]
        weights = load_weights()
        self.tokens = Tokens(LookupKey.load(settings.keys_dir).hash, weights.words, weights_version=weights.version)
        self.sealing = Sealing(Envelope.load(settings.keys_dir, "master-healthid"), self.tokens)
        persons = PersonStore(self.database, self.sealing)
        self.candidates = CandidateStore(self.database, self.sealing, self.tokens, persons)

    async def put(self, *described: Demographics) -> list[str]:
        ids = [f"P-{uuid.uuid4()}" for _ in described]
        persons = [
            Person(id=id_, key=id_, version=1, status=ACTIVE, demographics=said, patient={}, first_source="test/1",
                   registered_at=NOW, updated_at=NOW, updated_by="test/1")
            for id_, said in zip(ids, described, strict=True)
        ]  # fmt: skip
        await self.database[PERSONS].insert_many([self.sealing.document_of(person) for person in persons])
        return ids


@pytest.fixture
async def crowd(new_settings: Any) -> Any:
    made = Crowd(new_settings())
    await ensure_indexes(made.database, INDEXES)
    yield made
    await made.client.drop_database(made.database.name)
    await made.client.close()


def somebody(number: int, **changes: Any) -> Demographics:
    said: dict[str, Any] = {
        "names": (f"Jahanara {'bcdfgjklmnprst'[number % 14]}a{'bcdfgjklmnprst'[number // 14 % 14]}ina Khatun",),
        "birth_date": f"{1940 + number % 70}-{1 + number // 70 % 12:02d}-{1 + number // 840 % 28:02d}",
        "gender": "female",
        "upazila": f"3026{number % 90:04d}",
        "mobile": f"017{number:08d}",
    }
    return Demographics(**{**said, **changes})


async def test_a_look_up_examines_a_few_documents_of_many(crowd: Crowd) -> None:
    ids = await crowd.put(*(somebody(number) for number in range(3000)))
    found = await crowd.candidates.near(somebody(1234))
    assert ids[1234] in [one.id for one in found]
    query = {"keys": {"$in": crowd.tokens.sought(somebody(1234))}}
    plan = await crowd.database[PERSONS].find(query).explain()
    assert plan["executionStats"]["totalDocsExamined"] < 60
    assert plan["executionStats"]["totalKeysExamined"] < 90


async def test_a_key_that_hundreds_share_does_not_hide_the_right_one(crowd: Crowd) -> None:
    await crowd.put(*(somebody(number, mobile=SHARED_PHONE) for number in range(400)))
    [right] = await crowd.put(somebody(777, mobile=None))
    found = await crowd.candidates.near_each([somebody(777, mobile=SHARED_PHONE), somebody(5)])
    assert right in [one.id for one in found[0]]
    assert all(len(one) <= COMPARED_LIMIT for one in found)
    assert EACH_LIMIT * 2 + SPARE < 400, "the test is about more than one query takes"


async def test_the_rekeying_brings_older_documents_up_to_date(crowd: Crowd, new_settings: Any) -> None:
    [id_] = await crowd.put(somebody(1))
    document = await crowd.database[PERSONS].find_one({"_id": id_})
    await crowd.database[PERSONS].update_one({"_id": id_}, {"$unset": {"keys": 1, "traits": 1, "keys_version": 1}})
    assert await crowd.candidates.near(somebody(1)) == []
    settings = new_settings(namespace=crowd.database.name.removesuffix("_healthid"))
    assert await rekey.run(settings) == 1
    assert await rekey.run(settings) == 0
    again = await crowd.database[PERSONS].find_one({"_id": id_})
    assert sorted(again["keys"]) == sorted(document["keys"])
    [found] = await crowd.candidates.near(somebody(1))
    assert found.demographics.names == somebody(1).names


async def test_many_look_ups_at_once_get_their_own(crowd: Crowd) -> None:
    ids = await crowd.put(*(somebody(number) for number in range(200)))
    described = [somebody(number) for number in range(0, 200, 5)]
    together, alone = await asyncio.gather(
        crowd.candidates.near_each(described), asyncio.gather(*map(crowd.candidates.near, described))
    )
    assert [{one.id for one in found} for found in together] == [{one.id for one in found} for found in alone]
    assert all(ids[number * 5] in [one.id for one in found] for number, found in enumerate(together))
