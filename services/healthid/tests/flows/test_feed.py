"""The feed: whoever follows its markers sees every change once, also what commits late."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shr_healthid.domain.feed import in_order
from shr_healthid.storage.feed import add_waiting


async def follow(service: Any, since: str = "0", **more: Any) -> tuple[list[dict[str, Any]], str]:
    """All pages from a marker on."""
    found: list[dict[str, Any]] = []
    by = service.issuer.as_("registrar")
    while True:
        answer = await service.client.get("/feed", params={"since": since, **more}, headers=by)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += page["entries"]
        if not page["entries"]:
            return found, page["next"]
        since = page["next"]


@pytest.fixture(scope="module")
async def feeding(serve: Any, new_settings: Any) -> Any:
    async with serve(new_settings(role="api")) as service:
        yield service


async def test_changes_come_in_order_and_name_nobody(feeding: Any, citizen: Any, number: Any) -> None:
    _, start = await follow(feeding)
    her = citizen(nid=number(17))
    health_id = (await feeding.register(her)).json()["id"]
    await feeding.register(her, by=feeding.as_source("opensrp", "1"))
    found, end = await follow(feeding, start)
    assert [(e["health_id"], e["version"], e["change"]) for e in found] == [
        (health_id, 1, "registered"), (health_id, 2, "updated"),
    ]  # fmt: skip
    assert found[0]["district"] == "3026"
    assert not {"name", "names", "birth_date", "key"} & set(found[0])
    assert await follow(feeding, end) == ([], end)
    ones = []
    since = start
    for _ in range(2):
        page = (
            await feeding.client.get("/feed", params={"since": since, "count": 1}, headers=feeding.as_source())
        ).json()
        ones += page["entries"]
        since = page["next"]
    assert ones == found


async def test_a_catchment_area_sees_who_leaves_it(feeding: Any, citizen: Any, number: Any) -> None:
    _, start = await follow(feeding)
    her = citizen(nid=number(17), address=[{"use": "home", "district": "2015"}])
    health_id = (await feeding.register(her)).json()["id"]
    await feeding.register(citizen(nid=number(17)))
    moved = {**{k: v for k, v in her.items() if k != "identifier"}, "address": [{"use": "home", "district": "5081"}]}
    put = await feeding.client.put(f"/fhir/Patient/{health_id}", json=moved, headers=feeding.issuer.as_("registrar"))
    assert put.status_code == 200, put.text
    left, _ = await follow(feeding, start, district="2015")
    assert [(e["version"], e["district"]) for e in left] == [(1, "2015"), (2, "5081")]
    joined, _ = await follow(feeding, start, district="Rajshahi")
    assert [e["version"] for e in joined] == [2]


async def test_what_commits_late_is_not_passed_by(feeding: Any) -> None:
    """With numbers (or times) given inside the transaction of a change, the early one here would never be read."""
    _, start = await follow(feeding)

    def entry(key: str) -> dict[str, Any]:
        return {
            "key": key, "health_id": key, "version": 1, "change": "registered", "status": "active", "survivor": None,
            "replaces": [], "district": None, "upazila": None, "districts": [],
            "at": datetime.now(UTC),
        }  # fmt: skip

    client = feeding.database.client
    async with client.start_session() as early, client.start_session() as late:
        await early.start_transaction()
        await add_waiting(feeding.database, [entry("early")], early)
        await late.start_transaction()
        await add_waiting(feeding.database, [entry("late")], late)
        await late.commit_transaction()
        first, marker = await follow(feeding, start)
        assert [e["health_id"] for e in first] == ["late"]
        await early.commit_transaction()
    rest, _ = await follow(feeding, marker)
    assert [e["health_id"] for e in rest] == ["early"]
    rows = await feeding.database.feed.find({"health_id": {"$in": ["early", "late"]}}).sort("_id", 1).to_list()
    assert [row["health_id"] for row in rows] == ["late", "early"]


async def test_nothing_is_skipped_or_repeated_while_two_servers_register(
    serve: Any, new_settings: Any, citizen: Any, number: Any
) -> None:
    settings = new_settings(role="api")
    async with serve(settings) as one, serve(settings) as other:
        working = True
        seen: dict[str, list[dict[str, Any]]] = {"one": [], "other": []}

        async def reader(name: str, service: Any) -> None:
            since = "0"
            while True:
                last = not working
                found, since = await follow(service, since)
                seen[name] += found
                if last:
                    return
                await asyncio.sleep(random.uniform(0, 0.01))

        readers = [asyncio.create_task(reader("one", one)), asyncio.create_task(reader("other", other))]
        people = [citizen(nid=number(17)) for _ in range(60)]
        await asyncio.gather(
            *((one, other)[n % 2].register(p, by=one.as_source(("emis", "aalo")[n % 2], "1"))
              for n, p in enumerate(people * 2))
        )  # fmt: skip
        working = False
        await asyncio.gather(*readers)
        persons = await one.database.persons.find({}, {"version": 1}).to_list()
        wanted = sorted((p["_id"], v) for p in persons for v in range(1, p["version"] + 1))
        for found in seen.values():
            assert sorted((e["health_id"], e["version"]) for e in found) == wanted
            markers = [int(e["marker"]) for e in found]
            assert markers == list(range(1, len(markers) + 1))
            hers: dict[str, int] = {}
            for e in found:
                assert e["version"] == hers.get(e["health_id"], 0) + 1
                hers[e["health_id"]] = e["version"]


@pytest.mark.parametrize(
    ("params", "place"),
    [
        ({"since": "x"}, "since"), ({"since": "-1"}, "since"), ({"since": "9" * 30}, "since"),
        ({"count": "0"}, "count"),
        ({"district": "9999"}, "district"), ({"$where": "1"}, "$where"),
    ],
)  # fmt: skip
async def test_wrong_parameters_are_named(feeding: Any, params: dict[str, str], place: str) -> None:
    answer = await feeding.client.get("/feed", params=params, headers=feeding.issuer.as_("registrar"))
    assert answer.status_code == 422
    assert answer.json()["issues"][0]["expression"] == place
    assert "text_bn" in answer.json()["issues"][0]


async def test_a_marker_of_another_feed_is_gone(feeding: Any) -> None:
    answer = await feeding.client.get("/feed", params={"since": "999999999"}, headers=feeding.issuer.as_("registrar"))
    assert answer.status_code == 410


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 9)), unique=True))
def test_each_persons_entries_are_in_the_order_of_versions(pairs: list[tuple[str, int]]) -> None:
    entries = [{"key": key, "version": version} for key, version in pairs]
    ordered = in_order(entries)
    assert sorted(map(str, ordered)) == sorted(map(str, entries))
    assert [e["key"] for e in ordered] == [e["key"] for e in entries]
    for key in "abc":
        hers = [e["version"] for e in ordered if e["key"] == key]
        assert hers == sorted(hers)
