"""One transaction, retried when that helps, bounded in time; the driver's errors become categories."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any

import pytest
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    DocumentTooLarge,
    DuplicateKeyError,
    NotPrimaryError,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WTimeoutError,
)
from shr_common.errors import Category, ShrError
from shr_common.mongo import (
    Client,
    Session,
    categorised,
    category_of,
    check_weight,
    connect,
    ensure_indexes,
    unit_of_work,
)
from shr_local.testing import Infrastructure


async def test_all_or_nothing(client: Client, database: str) -> None:
    things = client[database]["things"]

    async def half(session: Session) -> None:
        await things.insert_one({"_id": 1}, session=session)
        raise ValueError("after half of it")

    with pytest.raises(ValueError, match="half"):
        await unit_of_work(client, half)
    assert await things.count_documents({}) == 0


@pytest.mark.parametrize("categorising", [False, True])
async def test_a_write_conflict_is_tried_again(client: Client, database: str, categorising: bool) -> None:
    """Also where a store turned the driver's error into a category on the way: the retry must not get lost by that."""
    things = client[database]["things"]
    await things.insert_one({"_id": 1, "n": 0})

    async def add(session: Session) -> None:
        found = await things.find_one({"_id": 1}, session=session)
        assert found is not None
        await asyncio.sleep(0.005)
        if categorising:
            with categorised():
                await things.update_one({"_id": 1}, {"$set": {"n": found["n"] + 1}}, session=session)
        else:
            await things.update_one({"_id": 1}, {"$set": {"n": found["n"] + 1}}, session=session)

    await asyncio.gather(*(unit_of_work(client, add) for _ in range(8)))
    assert (await things.find_one({"_id": 1}) or {})["n"] == 8


async def test_concurrent_upserts_of_one_new_document_are_tried_again(client: Client, database: str) -> None:
    await ensure_indexes(client[database], {"things": ()})
    things = client[database]["things"]

    async def add(session: Session) -> None:
        await things.find_one({"_id": "new"}, session=session)
        await asyncio.sleep(0.01)
        await things.update_one({"_id": "new"}, {"$inc": {"n": 1}}, upsert=True, session=session)

    await asyncio.gather(*(unit_of_work(client, add) for _ in range(6)))
    assert (await things.find_one({"_id": "new"}) or {})["n"] == 6


async def test_a_conflict_that_does_not_pass_ends_in_time_and_says_busy(client: Client, database: str) -> None:
    things = client[database]["things"]
    await things.insert_one({"_id": 1, "n": 0})
    held, release = asyncio.Event(), asyncio.Event()

    async def hold(session: Session) -> None:
        await things.update_one({"_id": 1}, {"$inc": {"n": 1}}, session=session)
        held.set()
        await release.wait()

    holder = asyncio.create_task(unit_of_work(client, hold))
    await held.wait()

    async def want(session: Session) -> None:
        await things.update_one({"_id": 1}, {"$inc": {"n": 1}}, session=session)

    began = time.monotonic()
    try:
        with pytest.raises(ShrError) as refused:
            await unit_of_work(client, want, timeout_s=0.5)
        assert time.monotonic() - began < 2
        assert refused.value.category is Category.BUSY
    finally:
        release.set()
        await holder


async def test_a_call_that_takes_too_long_ends_in_time_and_says_unavailable(client: Client, database: str) -> None:
    things = client[database]["things"]
    await things.insert_one({"_id": 1})

    async def slow(session: Session) -> None:
        await things.find_one({"$where": "sleep(3000) || true"}, session=session)

    began = time.monotonic()
    with pytest.raises(ShrError) as refused:
        await unit_of_work(client, slow, timeout_s=0.4)
    assert time.monotonic() - began < 2
    assert refused.value.category is Category.UNAVAILABLE


async def test_a_duplicate_key_is_a_conflict_and_is_not_tried_again(client: Client, database: str) -> None:
    things = client[database]["things"]
    await things.insert_one({"_id": 1})
    tries = 0

    async def again(session: Session) -> None:
        nonlocal tries
        tries += 1
        await things.insert_many([{"_id": 2}, {"_id": 1}], session=session, ordered=False)

    with pytest.raises(ShrError) as refused:
        await unit_of_work(client, again)
    assert (refused.value.category, refused.value.issues[0].code, tries) == (Category.CONFLICT, "duplicate", 1)
    assert await things.count_documents({}) == 1


async def test_a_refusal_of_our_own_passes_through_untouched(client: Client) -> None:
    mine = ShrError(Category.INVALID, "no")

    async def refuse(_session: Session) -> None:
        raise mine

    with pytest.raises(ShrError) as refused:
        await unit_of_work(client, refuse)
    assert refused.value is mine


async def test_a_step_down_of_the_primary_passes_by_itself(client: Client, database: str) -> None:
    """A stepped-down single node comes back as primary; meanwhile a unit of work waits, and nothing is done twice."""
    things = client[database]["things"]
    await things.insert_one({"_id": 1, "n": 0})

    async def step_down() -> None:
        with contextlib.suppress(PyMongoError):
            await client.admin.command({"replSetStepDown": 1, "secondaryCatchUpPeriodSecs": 0, "force": True})

    async def add(session: Session) -> None:
        await things.update_one({"_id": 1}, {"$inc": {"n": 1}}, session=session)

    await step_down()
    async with asyncio.timeout(20):
        done = 0
        while done < 5:
            try:
                await unit_of_work(client, add, timeout_s=10)
                done += 1
            except ShrError as error:
                assert error.category is Category.UNAVAILABLE, error
    assert (await things.find_one({"_id": 1}) or {})["n"] == 5


async def test_a_dead_store_is_unavailable_and_a_living_one_serves_again(
    infrastructure: Infrastructure, client: Client, database: str
) -> None:
    things = client[database]["things"]
    await things.insert_one({"_id": 1})

    async def add(session: Session) -> None:
        await things.update_one({"_id": 1}, {"$inc": {"n": 1}}, session=session)

    infrastructure.mongo.kill()
    try:
        with pytest.raises(ShrError) as refused:
            await unit_of_work(client, add, timeout_s=0.5)
        assert refused.value.category is Category.UNAVAILABLE
    finally:
        await asyncio.to_thread(infrastructure.mongo.start_again)
    await unit_of_work(client, add)
    assert (await things.find_one({"_id": 1}) or {})["n"] == 1


def coded(code: int, *labels: str) -> OperationFailure:
    error = OperationFailure("said", code)
    for label in labels:
        error._add_error_label(label)
    return error


@pytest.mark.parametrize(
    ("error", "category"),
    [
        (DuplicateKeyError("said", 11000), Category.CONFLICT),
        (BulkWriteError({"writeErrors": [{"code": 11000}, {"code": 11000}]}), Category.CONFLICT),
        (BulkWriteError({"writeErrors": [{"code": 11000}, {"code": 121}]}), Category.FAULT),
        (BulkWriteError({"writeErrors": [], "writeConcernErrors": [{"code": 91}]}), Category.UNAVAILABLE),
        (BulkWriteError({"writeErrors": [{"code": 112}]}), Category.BUSY),
        (coded(112, "TransientTransactionError"), Category.BUSY),
        (coded(24, "TransientTransactionError"), Category.BUSY),
        (NotPrimaryError("not primary"), Category.UNAVAILABLE),
        (AutoReconnect("closed"), Category.UNAVAILABLE),
        (ServerSelectionTimeoutError("nobody"), Category.UNAVAILABLE),
        (WTimeoutError("waited", 64), Category.UNAVAILABLE),
        *((coded(code), Category.UNAVAILABLE) for code in (91, 189, 10107, 11600, 11602, 13435)),
        (DocumentTooLarge("large"), Category.TOO_LARGE),
        (coded(10334), Category.TOO_LARGE),
        (coded(121), Category.FAULT),
        (PyMongoError("anything"), Category.FAULT),
    ],
)
def test_every_error_of_the_driver_has_its_category(error: PyMongoError, category: Category) -> None:
    assert category_of(error).category is category


def test_no_error_tells_what_the_driver_said() -> None:
    told = category_of(DuplicateKeyError("E11000 dup key: { nid: 1234567890 }", 11000))
    assert "1234567890" not in str(told)


async def test_a_document_above_the_limit_is_refused_before_the_transaction(client: Client, database: str) -> None:
    check_weight({"_id": 1, "raw": b"x" * (12 * 1024 * 1024 - 1024)})
    with pytest.raises(ShrError) as refused:
        check_weight({"_id": 1, "raw": b"x" * (12 * 1024 * 1024 + 1)})
    assert refused.value.category is Category.TOO_LARGE

    async def too_heavy(session: Session) -> None:
        await client[database]["things"].insert_one({"raw": b"x" * (17 << 20)}, session=session)

    with pytest.raises(ShrError) as refused:
        await unit_of_work(client, too_heavy)
    assert refused.value.category is Category.TOO_LARGE


async def test_indexes_are_made_once_by_whoever_comes_first(client: Client, database: str) -> None:
    from pymongo import ASCENDING, IndexModel

    wanted: dict[str, Any] = {"a": [IndexModel([("x", ASCENDING)], unique=True)], "b": ()}
    await asyncio.gather(*(ensure_indexes(client[database], wanted) for _ in range(4)))
    assert set(await client[database].list_collection_names()) == {"a", "b"}
    assert "x_1" in await client[database]["a"].index_information()


def test_writes_are_majority_and_journaled(mongo_uri: str) -> None:
    concern = connect(mongo_uri).write_concern.document
    assert concern == {"w": "majority", "j": True}
