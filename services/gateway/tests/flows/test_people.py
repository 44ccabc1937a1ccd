"""Merged, replaced and unmerged persons; who looked; counters."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from shr_common.testing import eventually
from shr_gateway.storage.portal import PortalReads

from ..world import NAZMUL, World, condition, new_health_id, observation


async def test_a_merged_id_redirects_after_the_permit_and_never_before(world: World) -> None:
    old, new = await world.registers(), await world.registers()
    (a,) = await world.records(old, observation())
    (b,) = await world.records(new, condition())
    await world.grants(old)
    await world.sees(old, world.doctor(), a)
    await world.merges(retired=old, survivor=new)

    async def moved() -> Any:
        answer = await world.reads(old, world.doctor())
        return answer if answer.status_code == 308 else None

    answer = await eventually(moved)
    assert answer.headers["location"].endswith(f"/profile/{new}")
    assert answer.content == b""
    everything = await world.client.get(f"/fhir/Patient/{old}/$everything?_count=5", headers=world.doctor())
    assert everything.status_code == 308
    assert everything.headers["location"].endswith(f"/fhir/Patient/{new}/$everything?_count=5")
    stranger = world.doctor("20000088", "10000088")
    refused, unknown = await world.reads(old, stranger), await world.reads(new_health_id(), stranger)
    assert (refused.status_code, refused.content) == (403, unknown.content)
    # the grant given under the retired id covers what it covered before, and nothing of the survivor's
    profile = await world.sees(new, world.doctor(), a)
    assert profile["health_id"] == new and profile["restricted"]
    await world.sees(new, world.citizen(new), a, b)
    await world.sees(new, world.citizen(old), a, b)
    await world.merges(retired=old, survivor=new, version=2, undone=True)
    await world.sees(old, world.doctor(), a)
    await world.sees(new, world.citizen(new), b)
    assert (await world.reads(new, world.doctor())).status_code == 403


async def test_a_grant_after_the_merge_covers_both(world: World) -> None:
    old, new = await world.registers(), await world.registers()
    (a,) = await world.records(old, observation())
    (b,) = await world.records(new, condition())
    await world.merges(retired=old, survivor=new)
    await world.sees(new, world.citizen(new), a, b)
    await world.grants(new)
    await world.sees(new, world.doctor(), a, b)


async def test_what_was_recorded_for_a_provisional_person_is_hers_under_her_health_id(world: World) -> None:
    provisional, person = f"P-{new_health_id()}", new_health_id()
    await world.registers(provisional, status="provisional")
    (a,) = await world.records(provisional, observation())
    await world.sees(provisional, world.citizen(provisional), a)
    await world.registers(person, replaces=[provisional])
    await world.sees(person, world.citizen(person), a)
    found = (await world.client.get(f"/fhir/Observation?patient={person}", headers=world.citizen(person))).json()
    assert found["total"] == 1


async def test_an_erased_person_is_nobody(world: World) -> None:
    person = await world.registers()
    (a,) = await world.records(person, observation())
    await world.grants(person)
    await world.sees(person, world.doctor(), a)
    await world.topics.event("patient.erased", {"health_id": person, "at": "2026-11-23T00:00:00Z"}, key=person)

    async def gone() -> bool:
        return (await world.reads(person, world.doctor())).status_code == 403

    await eventually(gone)
    assert (await world.client.get(f"/fhir/{a}", headers=world.citizen(person))).status_code == 404


async def test_counters_are_public_and_add_up(run_gateway: Any) -> None:
    async with run_gateway(beating=False) as world:
        before = (await world.client.get("/counters")).json()
        await world.registers(via="openmrs")
        await world.registers(via="aalo")
        await world.registers(f"P-{new_health_id()}", status="provisional", via="emis")

        async def counted() -> bool:
            now = (await world.client.get("/counters")).json()
            assert now["total"] == sum(now["by_source"].values())
            return bool(now["total"] >= before["total"] + 2 and "emis" not in now["by_source"])

        await eventually(counted, within_s=30)


async def test_who_looked_is_there_for_the_citizens_page(world: World) -> None:
    person = await world.registers()
    (a,) = await world.records(person, observation())
    await world.sees(person, world.citizen(person), a)
    assert (await world.reads(person, world.doctor())).status_code == 403
    reads = portal_of(world)
    since = datetime.now(UTC) - timedelta(hours=1)

    async def looks() -> Any:
        found = await reads.looks([person], since=since)
        return found if any(look["decision"] == "deny" for look in found) else None

    found = await eventually(looks)
    denied = next(look for look in found if look["decision"] == "deny")
    assert denied["actor"]["id"] == NAZMUL and denied["purpose"] == "CAREMGT"
    assert any(look["actor"]["role"] == "citizen" and look["decision"] == "permit" for look in found)


async def test_permissions_and_appointments_are_there_for_the_pages(world: World) -> None:
    person = await world.registers()
    consent_id = await world.grants(person, status="requested")
    start = datetime.now(UTC) + timedelta(days=2)
    booking = {"appointment_id": new_health_id(), "version": 1, "status": "booked", "patient": person, "slot": "s",
               "schedule": "x", "facility": "10000002", "practitioner": NAZMUL, "department": "medicine",
               "start": start.isoformat(), "end": start.isoformat(), "at": start.isoformat()}  # fmt: skip
    await world.topics.event("appointment.changed", booking, key=person)
    reads = portal_of(world)

    async def there() -> Any:
        asked = await reads.consents([person], statuses=["requested"])
        booked = await reads.appointments([person], since=datetime.now(UTC))
        return (asked, booked) if asked and booked else None

    asked, booked = await eventually(there)
    assert asked[0]["_id"] == consent_id and booked[0]["status"] == "booked"
    # a request opens nothing
    assert (await world.reads(person, world.doctor())).status_code == 403


def portal_of(world: World) -> PortalReads:
    """What the pages read with."""
    reading: Any = world.app.state.assembly
    found: PortalReads = reading.reading.portal
    return found
