"""At the bedside: the citizen tells a code or her PIN, and who asked may look for a day."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from shr_common.keys import Envelope
from shr_contracts.topics import NOTIFICATION_REQUESTED


async def messages_about(service: Any, id: str, count: int = 1) -> list[dict[str, Any]]:
    records = await service.topics.read(
        NOTIFICATION_REQUESTED, where=lambda r: r.headers.get("ce_subject") == id, count=count
    )
    return [orjson.loads(record.value) for record in records]


async def code_of(service: Any, id: str) -> str:
    """The code as healthid opens it."""
    told = (await messages_about(service, id))[0]
    assert told["template"] == "consent-code"
    sealed = base64.b64decode(told["secret"])
    return Envelope.load(service.issuer.directory, "master-healthid").open(sealed, told["id"].encode()).decode()


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06d}"


async def test_the_code_grants_as_asked_to_the_facility_for_a_day(service: Any, person: str) -> None:
    doctor = service.doctor()
    asked = await doctor.asks(person, record_period={"start": "2020-01-01"})
    code = await code_of(service, asked["id"])
    assert len(code) == 6
    assert code.isdigit()
    assert "code" not in asked
    confirmed = await doctor.posts(f"/consent-requests/{asked['id']}/confirm", {"code": code})
    assert confirmed.status_code == 200, confirmed.text
    granted = confirmed.json()
    assert (granted["status"], granted["confirmed_with"], granted["consent_id"]) == ("granted", "code", asked["id"])
    assert granted["recipient"] == {"type": "facility", "id": "10000002"}
    assert (granted["record_types"], granted["record_period"]) == (asked["record_types"], asked["record_period"])
    left = datetime.fromisoformat(granted["expires_at"]) - datetime.now(UTC)
    assert timedelta(hours=23, minutes=59) < left <= timedelta(hours=24)
    assert (await doctor.may_read(person))["decision"] == "permit"
    assert (await service.doctor("20000009", "10000002").may_read(person))["decision"] == "permit"
    assert (await service.doctor("20000001", "10000001").may_read(person))["decision"] == "deny"
    again = await doctor.posts(f"/consent-requests/{asked['id']}/confirm", {"code": code})
    assert again.status_code == 409
    templates = [one["template"] for one in await messages_about(service, asked["id"], 2)]
    assert sorted(templates) == ["consent-code", "consent-granted"]


async def test_what_was_asked_for_less_than_a_day_stays_so(service: Any, person: str) -> None:
    desk = service.desk()
    soon = (datetime.now(UTC) + timedelta(hours=2)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    asked = await desk.asks(person, expires_at=soon)
    code = await code_of(service, asked["id"])
    granted = (await desk.posts(f"/consent-requests/{asked['id']}/confirm", {"code": f" {code[:3]} {code[3:]}"})).json()
    assert (granted["expires_at"], granted["recipient"]["type"]) == (soon, "facility")


async def test_wrong_three_times_denies_the_request(service: Any, person: str) -> None:
    doctor, way = service.doctor(), "/consent-requests/{}/confirm"
    asked = await doctor.asks(person)
    code = await code_of(service, asked["id"])
    for _ in range(3):
        answer = await doctor.posts(way.format(asked["id"]), {"code": wrong(code)})
        assert answer.status_code == 403, answer.text
    stands = await doctor.gets(f"/consent-requests/{asked['id']}")
    assert stands.json()["status"] == "denied"
    assert (await doctor.posts(way.format(asked["id"]), {"code": code})).status_code == 409
    assert (await doctor.may_read(person))["decision"] == "deny"
    assert "consent-denied" in [one["template"] for one in await messages_about(service, asked["id"], 2)]


async def test_two_wrong_ones_leave_one_try(service: Any, person: str) -> None:
    doctor = service.doctor()
    asked = await doctor.asks(person)
    code = await code_of(service, asked["id"])
    for _ in range(2):
        await doctor.posts(f"/consent-requests/{asked['id']}/confirm", {"code": wrong(code)})
    assert (await doctor.posts(f"/consent-requests/{asked['id']}/confirm", {"code": code})).status_code == 200


async def test_many_guesses_at_once_are_three_guesses(service: Any, person: str) -> None:
    doctor = service.doctor()
    asked = await doctor.asks(person)
    code = await code_of(service, asked["id"])
    guesses = [doctor.posts(f"/consent-requests/{asked['id']}/confirm", {"code": wrong(code)}) for _ in range(12)]
    statuses = sorted(one.status_code for one in await asyncio.gather(*guesses))
    assert statuses == [403] * 3 + [409] * 9


async def test_only_who_asked_may_confirm(service: Any, person: str) -> None:
    asked = await service.doctor().asks(person)
    code = await code_of(service, asked["id"])
    for stranger in (service.doctor("20000009", "10000002"), service.desk("10000002")):
        assert (await stranger.posts(f"/consent-requests/{asked['id']}/confirm", {"code": code})).status_code == 403
    assert (await service.doctor().posts("/consent-requests/none/confirm", {"code": code})).status_code == 404
    other = await service.doctor().asks(person)
    crossed = await service.doctor().posts(f"/consent-requests/{other['id']}/confirm", {"code": code})
    assert crossed.status_code == 403, "a code is for its own request"


@pytest.mark.parametrize("body", [{}, {"code": None}, {"code": 123456}, {"code": ""}, {"code": "1" * 65}, {"pin": "1"}])
async def test_what_is_no_code_costs_no_try(service: Any, person: str, body: dict[str, Any]) -> None:
    doctor = service.doctor()
    asked = await doctor.asks(person)
    for _ in range(4):
        assert (await doctor.posts(f"/consent-requests/{asked['id']}/confirm", body)).status_code == 422
    assert (await doctor.gets(f"/consent-requests/{asked['id']}")).json()["status"] == "requested"


async def test_the_pin_confirms_as_well(service: Any, persons: Callable[[], str]) -> None:
    person, other = persons(), persons()
    assert (await service.citizen(person).puts("/pin", {"pin": "২৪৬৮"})).status_code == 204
    assert (await service.citizen(other).puts("/pin", {"pin": "1357"})).status_code == 204
    doctor = service.doctor()
    asked = await doctor.asks(person)
    assert (await doctor.posts(f"/consent-requests/{asked['id']}/confirm", {"code": "1357"})).status_code == 403
    granted = await doctor.posts(f"/consent-requests/{asked['id']}/confirm", {"code": "2468"})
    assert (granted.status_code, granted.json()["confirmed_with"]) == (200, "pin")
    await service.citizen(person).puts("/pin", {"pin": "9999"})
    asked = await doctor.asks(person)
    assert (await doctor.posts(f"/consent-requests/{asked['id']}/confirm", {"code": "2468"})).status_code == 403
    stored = await service.database["pins"].find_one({"_id": person})
    assert set(stored) == {"_id", "sealed", "set_at"}
    assert b"9999" not in bytes(stored["sealed"])


@pytest.mark.parametrize("pin", [None, 1234, "", "123", "1" * 13, "12a4", "১২"])
async def test_a_pin_is_four_to_twelve_digits(service: Any, person: str, pin: Any) -> None:
    answer = await service.citizen(person).puts("/pin", {"pin": pin})
    assert (answer.status_code, answer.json()["issues"][0]["expression"]) == (422, "pin")


async def test_guesses_about_one_person_have_a_limit_over_all_requests(service: Any, person: str) -> None:
    statuses = []
    for number in range(20000100, 20000110):
        doctor = service.doctor(str(number))
        asked = await doctor.asks(person)
        for _ in range(3):
            answer = await doctor.posts(f"/consent-requests/{asked['id']}/confirm", {"code": "not it"})
            statuses.append(answer.status_code)
    assert statuses.index(429) == service.settings.guesses_per_day_limit


async def test_codes_and_pins_are_not_kept_readable(service: Any, person: str) -> None:
    asked = await service.doctor().asks(person)
    code = await code_of(service, asked["id"])
    stored = await service.database["confirmations"].find_one({"_id": asked["id"]})
    assert code not in str(stored)
    told = (await messages_about(service, asked["id"]))[0]
    assert code not in orjson.dumps({**told, "secret": None}).decode()
    assert told["parameters"]["recipient"] == "Dr. Nazmul Karim, 10000002"


async def test_the_citizen_is_told_of_an_emergency(service: Any, person: str) -> None:
    body = {"patient": person, "reason": "unconscious"}
    opened = await service.doctor().posts("/break-glass", body)
    assert opened.status_code == 201, "kind and hours may be left out"
    left = datetime.fromisoformat(opened.json()["expires_at"]) - datetime.now(UTC)
    assert timedelta(minutes=59) < left <= timedelta(hours=1)
    told = (await messages_about(service, opened.json()["id"]))[0]
    assert (told["template"], told["health_id"], told["secret"]) == ("break-glass", person, None)
