"""Consent state that is stale shows nothing but in a declared emergency, and recovers by itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest
from shr_common.testing import eventually

from ..world import NAZMUL, World, condition, now, observation, sensitive

SECRET = "Secret-diagnosis"
VERY = {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "V"}]}


@pytest.fixture(scope="module")
async def quiet(run_gateway: Any) -> AsyncIterator[World]:
    """A gateway whose consent service can fall silent."""
    async with run_gateway() as found:
        yield found


async def test_nothing_is_shown_while_the_beats_stop_and_it_recovers_by_itself(quiet: World) -> None:
    person = await quiet.registers()
    references = await quiet.records(person, observation(), condition(SECRET))
    await quiet.grants(person)
    await quiet.sees(person, quiet.doctor(), *references)
    await quiet.beats.pause()
    await quiet.notices_silence(person)
    for path in (f"/profile/{person}", f"/fhir/Patient/{person}/$everything", f"/fhir/Condition?patient={person}",
                 f"/fhir/{references[1]}", f"/fhir/Patient/{person}"):  # fmt: skip
        for headers in (quiet.doctor(), quiet.citizen(person)):
            answer = await quiet.client.get(path, headers=headers)
            assert answer.status_code == 503, path
            assert SECRET not in answer.text
            assert "retry-after" in answer.headers
    quiet.beats.resume()
    await quiet.sees(person, quiet.doctor(), *references, within_s=5)


async def test_one_silent_partition_is_enough(quiet: World) -> None:
    person = await quiet.registers()
    await quiet.sees(person, quiet.citizen(person))
    await quiet.beats.pause()
    quiet.beats.resume(range(7))
    try:
        await quiet.notices_silence(person)
    finally:
        await quiet.beats.pause()
        quiet.beats.resume()
    await quiet.answers(person, quiet.citizen(person), 200)


async def test_a_gateway_that_starts_knows_nothing_before_the_first_beat(quiet: World, run_gateway: Any) -> None:
    await quiet.beats.pause()  # all gateways of a test run share one topic
    try:
        async with run_gateway(beating=False) as world:
            person = await world.registers()
            portal: Any = world.app.state.assembly.reading.portal
            await eventually(lambda: portal.person(person), within_s=40, what="the views being filled")
            assert (await world.reads(person, world.citizen(person))).status_code == 503
            world.beats.resume()
            await world.sees(person, world.citizen(person))
    finally:
        quiet.beats.resume()


async def test_an_emergency_opens_all_but_what_is_very_restricted_even_when_consent_is_silent(quiet: World) -> None:
    person = await quiet.registers()
    plain, labelled, very = await quiet.records(
        person, observation(), sensitive(condition("HIV disease")), {**condition("Witness"), "meta": VERY}
    )
    await quiet.sees(person, quiet.citizen(person), plain, labelled, very)
    emergency = quiet.doctor(purpose="BTG")
    await quiet.answers(person, emergency, 403)
    told = {"patient": person, "reason": "Unconscious", "kind": "emergency", "hours": 4}
    answer = await quiet.client.post("/break-glass", headers=quiet.doctor(), json=told)
    assert answer.status_code == 201
    ends = datetime.fromisoformat(answer.json()["expires_at"]) - datetime.fromisoformat(now())
    assert ends.total_seconds() <= 3600
    await quiet.beats.pause()
    try:
        await quiet.notices_silence(person)
        profile = await quiet.sees(person, emergency, plain, labelled)
        assert profile["access"]["by"] == "emergency" and profile["restricted"]
        assert (await quiet.reads(person, quiet.doctor())).status_code == 503
        another = quiet.doctor("20000077", purpose="BTG")
        assert (await quiet.reads(person, another)).status_code == 503
    finally:
        quiet.beats.resume()
    entries = await quiet.audited(person, decision="permit", actor=NAZMUL, count=2)
    assert entries[0]["break_glass"]["reason"] == "Unconscious"
    assert entries[1]["break_glass"]["id"] == answer.json()["id"]
