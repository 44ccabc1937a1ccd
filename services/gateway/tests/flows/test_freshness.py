"""Consent state that is stale shows nothing, and recovers by itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from shr_common.testing import eventually

from ..world import World, condition, observation

SECRET = "Secret-diagnosis"


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
