"""NID, BRN and phone are in the clear in memory only: not stored, told, logged, counted, nor answered to others."""

from __future__ import annotations

from typing import Any

import pytest
from bson import BSON
from shr_common.testing.topics import everything_published
from shr_contracts.topics import ALL_TOPICS

AS_SENT = ("patient.submitted", "encounter.submitted")


async def stored(database: Any) -> dict[str, bytes]:
    """The raw BSON of every collection."""
    return {
        f"collection {name}": b"\n".join([BSON.encode(document) async for document in database[name].find()])
        for name in await database.list_collection_names()
    }


async def test_10_after_a_busy_day_no_number_and_no_phone_is_found_anywhere(
    serve: Any, new_settings: Any, busy_day: Any, kafka_bootstrap: str, capfd: pytest.CaptureFixture[str]
) -> None:
    async with serve(new_settings(log_level="DEBUG")) as service:
        day = busy_day(service)
        await day.all_of_it()
        places = await stored(service.database)
        places["metrics"] = (await service.client.get("/metrics")).content
    places["log"] = "".join(capfd.readouterr()).encode()
    places |= await everything_published(kafka_bootstrap, [one.name for one in ALL_TOPICS if one.name not in AS_SENT])
    for answer in day.answers:
        headers = "".join(f"{name}: {value}\n" for name, value in answer.headers.items()).encode()
        places[f"answer {answer.status_code} to {answer.request.method} {answer.request.url}"] = (
            headers + answer.content
        )
    for filled in ("persons", "versions", "intakes", "reviews", "approvals", "cards", "refusals", "messages"):
        assert len(places[f"collection {filled}"]) > 50, f"the day left nothing in {filled}"
    for told in (
        "patient.registered",
        "patient.merged",
        "patient.rejected",
        "patient.submitted.dlq",
        "record.accessed",
    ):
        assert places[f"topic {told}"], told
    assert len(day.numbers) > 15 and len(day.phones) > 15
    found = sorted(
        (where, secret)
        for where, content in places.items()
        # a person's phone is part of what whoever may read her is shown; her numbers are not
        for secret in (day.numbers if where.startswith("answer 200 to GET") else day.numbers | day.phones)
        if secret.encode() in content
    )
    assert not found, "\n".join(f"{where}: {secret}" for where, secret in found)
