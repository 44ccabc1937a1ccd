"""Two Health IDs are found to be one person, and then not: records, consents and profile follow, both ways."""

from __future__ import annotations

import uuid
from typing import Any

import httpx
from shr_local.testing.people import People, a_bundle, a_number, a_person, an_observation, until


class Two:
    """Two registrations that may be one person: each with a local id, a visit, and a doctor whom she allows to look."""

    def __init__(self, people: People) -> None:
        self.people = people
        self.survivor = self.retired = ""
        self.locals = [f"L-{uuid.uuid4().hex[:10]}" for _ in range(2)]

    async def come(self) -> None:
        """Both register, have a visit each, and allow one doctor each."""
        self.survivor, self.retired = [
            await self.people.registers(a_person(a_number(), name=name, local_id=local))
            for name, local in zip(("Rahima Khatun", "Rahima Begum"), self.locals, strict=True)
        ]
        await self.people.records(a_bundle(an_observation(self.survivor, value="101.5")))
        await self.people.records(a_bundle(an_observation(self.retired, value="102.5")))
        await self.people.allows(self.survivor, practitioner="20000002")
        await self.people.allows(self.retired, practitioner="20000003")

    async def operation(self, name: str) -> httpx.Response:
        """``merge`` or ``unmerge``, by a registrar."""
        parameters = [
            {"name": one, "valueReference": {"reference": f"Patient/{id_}"}}
            for one, id_ in (("survivor", self.survivor), ("retired", self.retired))
        ]
        answer = await self.people.client.post(
            self.people.stack.url("healthid", f"/fhir/Patient/${name}"),
            json={"resourceType": "Parameters", "parameter": parameters},
            headers=self.people.as_("registrar"),
        )
        assert answer.status_code == 200, answer.text
        return answer

    async def visit_by_local_id(self, local: str, value: str) -> dict[str, Any]:
        """A hospital that knows only its own number records something."""
        patient = {
            "resourceType": "Patient",
            "id": "p",
            "identifier": [{"type": {"text": "OpenMRS ID"}, "value": local}],
        }
        observation = an_observation("x", value=value) | {"subject": {"reference": "Patient/p"}}
        answer = await self.people.records(a_bundle(observation, patient))
        return dict(answer.json())

    async def sees(self, health_id: str, caller: dict[str, str], *values: str) -> httpx.Response:
        """Wait until exactly these values are shown."""
        everything = ("101.5", "102.5", "103.5", "104.5")

        def holds(answer: httpx.Response) -> bool:
            shown = tuple(value for value in everything if value in answer.text)
            return answer.status_code == 200 and shown == tuple(sorted(values))

        return await until(lambda: self.people.reads(health_id, caller), holds)

    async def refused(self, health_id: str, caller: dict[str, str], status: int = 403) -> httpx.Response:
        """Wait until nothing is shown."""
        return await until(lambda: self.people.reads(health_id, caller), lambda a: a.status_code == status)


async def test_records_consents_and_profile_follow_a_merge_both_ways(people: People) -> None:
    two = Two(people)
    await two.come()
    hers, others = people.doctor("20000002"), people.doctor("20000003")
    await two.sees(two.survivor, hers, "101.5")
    await two.sees(two.retired, others, "102.5")
    await two.refused(two.survivor, others)
    counted = (await people.client.get(people.stack.url("healthid", "/counters"))).json()

    await two.operation("merge")

    # she sees both sides under either id; each doctor what her grant covered before, under the survivor
    for own in (two.survivor, two.retired):
        await two.sees(two.survivor, people.citizen(own), "101.5", "102.5")
    await two.sees(two.survivor, hers, "101.5")
    await two.sees(two.survivor, others, "102.5")
    moved = await people.reads(two.retired, others)
    assert moved.status_code == 308
    assert moved.headers["location"].endswith(f"/profile/{two.survivor}")
    stranger = await people.reads(two.retired, people.doctor("20000009", "10000009"))
    assert stranger.status_code == 403, "the redirect comes after the permit"
    read = await people.client.get(
        people.stack.url("healthid", f"/fhir/Patient/{two.retired}"), headers=people.hospital()
    )
    assert (read.status_code, read.json()["active"]) == (200, False)
    assert {"other": {"reference": f"Patient/{two.survivor}"}, "type": "replaced-by"} in read.json()["link"]

    # a hospital that knows only the retired side's number records for the right person
    await two.visit_by_local_id(two.locals[1], "103.5")
    await two.visit_by_local_id(two.locals[0], "104.5")
    everything = ("101.5", "102.5", "103.5", "104.5")
    await two.sees(two.survivor, people.citizen(two.survivor), *everything)
    await two.sees(two.survivor, others, "102.5", "103.5")
    # what she allows now covers both sides
    both = people.doctor("20000004")
    consent = await people.allows(two.survivor, practitioner="20000004")
    await two.sees(two.survivor, both, *everything)

    await two.operation("unmerge")

    # exactly as before, and what came in for each side meanwhile stays that side's
    await two.sees(two.survivor, people.citizen(two.survivor), "101.5", "104.5")
    await two.sees(two.retired, people.citizen(two.retired), "102.5", "103.5")
    await two.sees(two.survivor, hers, "101.5", "104.5")
    await two.sees(two.retired, others, "102.5", "103.5")
    await two.refused(two.survivor, others)
    await two.refused(two.retired, hers)
    await two.refused(two.retired, people.citizen(two.survivor))
    await two.sees(two.survivor, both, "101.5", "104.5")
    await two.refused(two.retired, both)
    await people.withdraws(two.survivor, consent)
    await two.visit_by_local_id(two.locals[1], "104.5")
    await two.sees(two.retired, people.citizen(two.retired), "102.5", "103.5", "104.5")
    assert (await people.client.get(people.stack.url("healthid", "/counters"))).json() == counted


async def test_a_guardian_who_was_merged_speaks_for_her_child_under_either_id(people: People) -> None:
    survivor, retired = await people.registers(), await people.registers()
    child = await people.registers(a_person(name="Baby Rahima") | {"birthDate": "2020-04-12"})
    said = {"guardian": retired, "relation": "mother", "action": "add"}
    registrar = people.as_("registrar")
    guarded = await people.client.post(
        people.stack.url("healthid", f"/fhir/Patient/{child}/$guardian"), json=said, headers=registrar
    )
    assert guarded.status_code == 200, guarded.text
    await people.records(a_bundle(an_observation(child)))
    two = Two(people)
    two.survivor, two.retired = survivor, retired
    await until(lambda: people.reads(child, people.citizen(retired)), lambda a: "8480-6" in a.text)
    await two.refused(child, people.citizen(survivor))

    await two.operation("merge")
    for own in (survivor, retired):
        await until(lambda own=own: people.reads(child, people.citizen(own)), lambda a: "8480-6" in a.text)

    await two.operation("unmerge")
    await two.refused(child, people.citizen(survivor))
    assert "8480-6" in (await people.reads(child, people.citizen(retired))).text
