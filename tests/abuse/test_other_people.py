"""Another person's record is closed, whatever address, query, body or claim one tries, and nothing of it is told."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from shr_local.testing.people import People, a_bundle, a_person, an_observation, until
from shr_local.testing.routes import routes_of

SERVICES_WITH_PEOPLE = ("healthid", "records", "consent", "appointments", "gateway")


GUARDIAN = {"relation": "mother", "action": "add"}


@dataclass(frozen=True)
class Victim:
    """A citizen with a record. ``marks`` are texts that nobody else may ever see."""

    health_id: str
    observation: str
    submission: str
    consent: str
    marks: tuple[str, ...]

    def is_told_by(self, answer: httpx.Response) -> list[str]:
        """Her marks that an answer gives away."""
        return [mark for mark in self.marks if mark in answer.text]


@pytest.fixture
async def victim(people: People) -> Victim:
    """Registered, with one visit and one permission, all marked."""
    mark = secrets.token_hex(6)
    name, local_id, note = f"Marjina {mark} Begum", f"LOCAL-{mark}", f"reading {mark}"
    health_id = await people.registers(a_person(name=name, local_id=local_id))
    observation = an_observation(health_id)
    observation["code"]["text"] = note
    submission = str(uuid.uuid4())
    recorded = await people.records(a_bundle(observation), key=submission)
    place = recorded.json()["entry"][0]["response"]["location"].split("/_history")[0].split("/")[-1]
    consent = await people.allows(health_id, practitioner="20000001")
    own = people.citizen(health_id)
    await until(lambda: people.reads(health_id, own), lambda a: a.status_code == 200 and note in a.text)
    return Victim(health_id, place, submission, consent, (name, local_id, note))


@pytest.fixture
async def strangers(people: People) -> dict[str, dict[str, str]]:
    """Everybody who has nothing to do with her, each with a valid token."""
    other = await people.registers()
    return {
        "another citizen": people.citizen(other),
        "a citizen who calls herself her guardian": people.as_("citizen", health_id=other, guardian_of=["98001046534"]),
        "a doctor without consent": people.doctor(),
        "another front desk": people.as_("facility", facility="10000002"),
        "another hospital": people.hospital("10000002"),
        "the same system without a facility": people.as_("source_system", source="openmrs"),
        "an administrator": people.as_("administrator"),
        "an analyst": people.as_("analyst"),
        "a reviewer": people.as_("reviewer"),
    }


def ways_to_read(victim: Victim) -> list[tuple[str, str, str]]:
    """Service, method and address of what is hers."""
    her, hers = victim.health_id, victim.observation
    return [
        ("gateway", "GET", f"/profile/{her}"),
        ("gateway", "GET", f"/profile/{her}?before=2099-01-01"),
        ("gateway", "GET", f"/fhir/Patient/{her}"),
        ("gateway", "GET", f"/fhir/Patient/{her}/$everything"),
        ("gateway", "GET", f"/fhir/Observation?patient={her}"),
        ("gateway", "GET", f"/fhir/Observation?patient=Patient/{her}"),
        ("gateway", "GET", f"/fhir/Observation?subject=Patient/{her}"),
        ("gateway", "GET", f"/fhir/Observation?patient={her}&_summary=count"),
        ("gateway", "GET", f"/fhir/Observation?_id={hers}"),
        ("gateway", "GET", f"/fhir/Observation/{hers}"),
        ("gateway", "GET", f"/fhir/Observation/{hers}/_history"),
        ("gateway", "GET", f"/fhir/Observation/{hers}/_history/1"),
        ("gateway", "GET", f"/clinic/{her}"),
        ("records", "GET", f"/fhir/Observation/{hers}"),
        ("records", "GET", f"/fhir/Observation/{hers}/_history"),
        ("records", "GET", f"/fhir/Observation/{hers}/_history/1"),
        ("records", "GET", f"/fhir/Observation?patient={her}"),
        ("consent", "GET", f"/consents?patient={her}"),
        ("consent", "GET", f"/consent-requests?patient={her}"),
        ("consent", "GET", f"/access-log/proof?patient={her}"),
        ("consent", "GET", f"/fhir/Consent?patient={her}"),
        ("consent", "GET", f"/fhir/Consent/{victim.consent}"),
        ("appointments", "GET", f"/fhir/Appointment?patient={her}"),
    ]


def is_empty(answer: httpx.Response) -> bool:
    """An answer in which nothing is: no entries, the total zero; or the doctor's page that lets her ask."""
    if answer.status_code != 200:
        return False
    if answer.request.url.path.startswith("/clinic/"):
        return "/ask" in answer.text
    said = answer.json()
    return not said.get("total") and not said.get("entry") and not said.get("entries")


async def test_nobody_else_reads_anything_of_hers(
    people: People, victim: Victim, strangers: dict[str, dict[str, str]]
) -> None:
    told = []
    for service, method, address in ways_to_read(victim):
        for who, caller in strangers.items():
            if who == "an administrator" and address.startswith("/access-log"):
                continue  # anyone's, and that is logged too
            for purpose in ({"X-Purpose": "CAREMGT"}, {"X-Purpose": "BTG"}, {"X-Purpose": "PATRQT"}):
                answer = await people.client.request(
                    method, people.stack.url(service, address), headers=caller | purpose
                )
                refused = answer.status_code in (400, 403, 404, 405) or is_empty(answer)
                if victim.is_told_by(answer) or not refused:
                    told.append(f"{service}: {method} {address} as {who}: {answer.status_code} {answer.text[:120]}")

    assert not told, "\n".join(told)


async def test_another_citizen_is_refused_everywhere_by_her_health_id(people: People, victim: Victim) -> None:
    stranger = people.citizen(await people.registers())
    refused = {}
    for service, method, address in ways_to_read(victim):
        if victim.health_id in address and service != "records":
            answer = await people.client.request(method, people.stack.url(service, address), headers=stranger)
            refused[f"{service}: {address}"] = answer.status_code

    assert set(refused.values()) <= {403, 404}, refused


def changes(victim: Victim) -> list[tuple[str, str, str, dict[str, Any]]]:
    """What only she may do: service, method, address, body."""
    her = victim.health_id
    grant = {
        "patient": her,
        "recipient": {"type": "practitioner", "id": "20000002"},
        "purpose": "CAREMGT",
        "record_types": "*",
        "expires_at": "2099-01-01T00:00:00Z",
        "access_mode": "VIEW",
    }
    return [
        ("consent", "POST", "/consents", grant),
        ("consent", "POST", "/consents", grant | {"decision": "deny"}),
        ("consent", "POST", f"/consents/{victim.consent}/revoke", {}),
        ("consent", "POST", f"/consent-requests/{victim.consent}/grant", {}),
        ("consent", "POST", f"/consent-requests/{victim.consent}/deny", {}),
        ("consent", "POST", "/restrictions", {"patient": her, "reference": f"Observation/{victim.observation}"}),
        ("consent", "POST", "/decisions", {
            "actor": {"role": "citizen", "id": her}, "patient": her, "purpose": "PATRQT",
            "resource_type": "*", "action": "read",
        }),
        ("healthid", "PUT", f"/fhir/Patient/{her}", a_person() | {"id": her}),
        ("healthid", "POST", f"/fhir/Patient/{her}/$guardian", GUARDIAN | {"guardian": her}),
        ("gateway", "POST", f"/profile/{her}/acknowledgements", {"reference": f"Observation/{victim.observation}"}),
        ("gateway", "POST", f"/me/permissions/{victim.consent}/withdraw", {}),
    ]  # fmt: skip


async def test_another_citizen_changes_nothing_of_hers(people: People, victim: Victim) -> None:
    stranger = people.citizen(await people.registers())
    done = []
    for service, method, address, body in changes(victim):
        answer = await people.client.request(method, people.stack.url(service, address), headers=stranger, json=body)
        if answer.status_code not in (403, 404) or victim.is_told_by(answer):
            done.append(f"{service}: {method} {address}: {answer.status_code} {answer.text[:200]}")
    consents = await people.client.get(
        people.stack.url("consent", f"/consents?patient={victim.health_id}"), headers=people.citizen(victim.health_id)
    )

    assert not done, "\n".join(done)
    assert [one["status"] for one in consents.json()["entries"]] == ["granted"]


async def test_a_guardian_is_who_the_registry_says_and_not_who_says_so(people: People, victim: Victim) -> None:
    claimed = people.as_("citizen", health_id=await people.registers(), guardian_of=[victim.health_id])
    told = []
    for service, method, address in ways_to_read(victim):
        answer = await people.client.request(method, people.stack.url(service, address), headers=claimed)
        if victim.is_told_by(answer):
            told.append(f"{service}: {method} {address}: {answer.status_code}")

    assert not told, "\n".join(told)


async def test_another_hospital_neither_sees_nor_touches_a_submission(people: People, victim: Victim) -> None:
    hers = f"/submissions/openmrs%2F10000001/{victim.submission}"
    tries = [
        ("GET", hers, None),
        ("GET", f"/submissions?source=openmrs/10000001&id={victim.submission}", None),
        ("POST", f"{hers}/withdraw", {"reason": "not mine"}),
        ("DELETE", f"/fhir/Observation/{victim.observation}", None),
        ("PUT", f"/fhir/Observation/{victim.observation}",
         an_observation(victim.health_id, sender_id=victim.observation)),
    ]  # fmt: skip
    for caller in (people.hospital("10000002"), people.hospital("10000001", source="opensrp")):
        for method, address, body in tries[:3]:
            answer = await people.client.request(
                method, people.stack.url("records", address), headers=caller, json=body
            )
            assert answer.status_code in (403, 404, 405), (
                f"{method} {address}: {answer.status_code} {answer.text[:200]}"
            )
            assert not victim.is_told_by(answer)
        for method, address, body in tries[3:]:
            await people.client.request(method, people.stack.url("records", address), headers=caller, json=body)

    own = people.citizen(victim.health_id)
    still = await people.client.get(people.stack.url("gateway", f"/fhir/Observation/{victim.observation}"), headers=own)
    assert still.status_code == 200
    assert victim.marks[2] in still.text


@pytest.mark.parametrize("service", SERVICES_WITH_PEOPLE)
async def test_no_route_tells_another_citizen_anything(service: str, people: People, victim: Victim) -> None:
    """Every GET that the service lists, with her ids in each place, also those that nobody thought of above."""
    stranger = people.citizen(await people.registers())
    told = []
    for route in await routes_of(people.stack, people.client, service):
        if route.method != "GET":
            continue
        for hers in (victim.health_id, victim.observation, victim.consent, victim.submission):
            for asked in ("", f"?patient={hers}", f"?subject=Patient/{hers}&_id={hers}&identifier={hers}"):
                address = people.stack.url(service, route.path(otherwise=hers) + asked)
                answer = await people.client.get(address, headers=stranger)
                if victim.is_told_by(answer) or (answer.status_code >= 500 and answer.status_code != 503):
                    told.append(f"{route} with {hers}{asked}: {answer.status_code}")

    assert not told, "\n".join(told)
