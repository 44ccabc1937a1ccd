"""Bad input to `POST /fhir`: a clear, located answer; known under its id; nothing half-written; the stack lives on."""

from __future__ import annotations

import copy
import json
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from shr_local.testing.hostile import UNREADABLE, oversized
from shr_local.testing.people import NID, People, a_bundle, a_number, a_person, an_observation, until

LINE_AND_COLUMN = re.compile(r"line \d+,? column \d+", re.IGNORECASE)
SECOND = "Bundle.entry[1]"
NOT_JSON_OBJECTS = ("nothing", "null", "a number", "a text", "a list")
"""Where line and column say nothing that the text does not."""


@dataclass(frozen=True)
class Bad:
    """A bundle of a good observation and something bad, the status of its answer, and what its expression names."""

    make: Callable[[str, str], Any]
    status: int
    where: str


def second(**changed: Any) -> Callable[[str, str], Any]:
    """A bundle whose second observation has these elements (None: left out)."""

    def make(health_id: str, _other: str) -> Any:
        bad = {**an_observation(health_id), **changed}
        return a_bundle(an_observation(health_id), {name: value for name, value in bad.items() if value is not None})

    return make


def two_people(health_id: str, other: str) -> Any:
    return a_bundle(an_observation(health_id), an_observation(other))


def with_type(kind: Any) -> Callable[[str, str], Any]:
    def make(health_id: str, _other: str) -> Any:
        bundle = a_bundle(an_observation(health_id))
        del bundle["entry"][0]["request"]  # only transaction and batch have it
        return {**bundle, "type": kind} if kind is not None else {k: v for k, v in bundle.items() if k != "type"}

    return make


def entry_without(name: str) -> Callable[[str, str], Any]:
    def make(health_id: str, _other: str) -> Any:
        bundle = copy.deepcopy(a_bundle(an_observation(health_id), an_observation(health_id)))
        del bundle["entry"][1][name]
        return bundle

    return make


def nobody(_health_id: str, _other: str) -> Any:
    bare = {name: value for name, value in an_observation("x").items() if name != "subject"}
    return a_bundle(bare)


def a_place(_health_id: str, _other: str) -> Any:
    return a_bundle({"resourceType": "Organization", "name": "A hospital"})


DANGLING = {"reference": "urn:uuid:00000000-0000-4000-8000-000000000000"}
BAD: dict[str, Bad] = {
    "a resource that is no Bundle": Bad(lambda h, _o: an_observation(h), 422, "resourceType|Bundle|Observation"),
    "no resourceType": Bad(lambda _h, _o: {"type": "transaction", "entry": []}, 422, "resourceType|Bundle"),
    "a searchset": Bad(with_type("searchset"), 422, r"Bundle\.type"),
    "a type that does not exist": Bad(with_type("parcel"), 422, r"Bundle\.type"),
    "no type": Bad(with_type(None), 422, r"Bundle(\.type)?"),
    "a resource type that does not exist": Bad(second(resourceType="Observatoin"), 422, re.escape(SECOND)),
    "an entry without a resource": Bad(entry_without("resource"), 422, re.escape(SECOND)),
    "an unknown field": Bad(second(colour="red"), 422, re.escape(f"{SECOND}.resource.colour")),
    "$where as a field": Bad(second(**{"$where": "1"}), 422, re.escape(f"{SECOND}.resource") + r".*\$where"),
    "a field with a dot": Bad(second(**{"a.b": "1"}), 422, re.escape(f"{SECOND}.resource")),
    "a list where one belongs": Bad(second(status=["final"]), 422, re.escape(f"{SECOND}.resource.status")),
    "one where a list belongs": Bad(second(note={"text": "x"}), 422, re.escape(f"{SECOND}.resource.note")),
    "nothing where one has to be": Bad(second(code=None), 422, re.escape(f"{SECOND}.resource")),
    "an empty list": Bad(second(category=[]), 422, re.escape(f"{SECOND}.resource.category")),
    "null": Bad(second(note=[None]), 422, re.escape(f"{SECOND}.resource.note")),
    "two values at once": Bad(second(valueString="x"), 422, re.escape(f"{SECOND}.resource")),
    "a code outside its value set": Bad(second(status="finished"), 422, re.escape(f"{SECOND}.resource.status")),
    "an impossible date": Bad(
        second(effectiveDateTime="2026-02-30"), 422, re.escape(f"{SECOND}.resource.effectiveDateTime")
    ),
    "an impossible time": Bad(
        second(effectiveDateTime="2026-11-20T25:00:00+06:00"), 422, re.escape(f"{SECOND}.resource.effectiveDateTime")
    ),
    "a number as text": Bad(
        second(valueQuantity={"value": "120"}), 422, re.escape(f"{SECOND}.resource.valueQuantity.value")
    ),
    "a reference to nothing inside": Bad(second(encounter=DANGLING), 422, re.escape(f"{SECOND}.resource.encounter")),
    "a subject that is not inside": Bad(second(subject=DANGLING), 422, re.escape(f"{SECOND}.resource.subject")),
    "two patients": Bad(two_people, 422, r"Bundle\.entry\[[01]\]"),
    "a Health ID that cannot be one": Bad(
        second(subject={"reference": "Patient/98001046535"}), 422, re.escape(f"{SECOND}.resource.subject")
    ),
    "nobody named": Bad(nobody, 422, "Bundle"),
    "something that belongs to nobody": Bad(a_place, 422, "Bundle"),
    "2,001 entries": Bad(lambda h, _o: a_bundle(*[an_observation(h)] * 2001), 413, r"Bundle\.entry"),
}


def issues(answer: httpx.Response) -> list[dict[str, Any]]:
    """The issues of a refusal that count as errors."""
    outcome = answer.json()
    assert outcome["resourceType"] == "OperationOutcome"
    assert answer.headers["content-type"].startswith("application/fhir+json")
    found = [one for one in outcome["issue"] if one["severity"] in ("error", "fatal")]
    assert found, outcome
    assert all(one["details"]["text"] for one in found)
    return found


async def is_known_as_refused(people: People, key: str, answer: httpx.Response) -> None:
    """Its source sees it under its id, with the same outcome."""
    said = await people.client.get(
        people.stack.url("records", f"/submissions/openmrs%2F10000001/{key}"), headers=people.hospital()
    )
    assert said.status_code == 200, f"/submissions knows nothing of it: {said.status_code}"
    assert said.json()["state"] == "rejected"
    assert said.json()["resources"] == []
    assert said.json()["outcome"]["issue"] == answer.json()["issue"]


async def number_shown(people: People, health_id: str) -> int:
    """How many observations her profile has."""
    answer = await people.client.get(
        people.stack.url("gateway", f"/fhir/Observation?patient={health_id}"), headers=people.citizen(health_id)
    )
    return int(answer.json()["total"]) if answer.status_code == 200 else -1


async def only_the_good_ones_are_there(people: People, health_id: str) -> None:
    """One more good one arrives, and it stands beside the first: nothing came in between."""
    assert (await people.records(a_bundle(an_observation(health_id)))).status_code == 200
    address = people.stack.url("gateway", f"/fhir/Observation?patient={health_id}")
    await until(
        lambda: people.client.get(address, headers=people.citizen(health_id)),
        lambda a: a.status_code == 200 and a.json()["total"] >= 2,
    )
    assert await number_shown(people, health_id) == 2


@pytest.fixture
async def known(people: People) -> tuple[str, str]:
    """Two citizens whom records knows."""
    both = (await people.registers(), await people.registers())
    for health_id in both:
        await people.records(a_bundle(an_observation(health_id)))
    return both


@pytest.fixture(autouse=True)
def lives_on(people: People):
    """The same processes afterwards."""
    before = {name: people.stack.pid(name) for name in ("records", "gateway", "healthid")}
    yield
    assert {name: people.stack.pid(name) for name in before} == before


@pytest.mark.parametrize("what", BAD)
async def test_what_is_not_acceptable_is_refused_where_it_is_wrong(
    what: str, people: People, known: tuple[str, str]
) -> None:
    bad, key = BAD[what], str(uuid.uuid4())

    answer = await people.submits(bad.make(*known), key=key)

    assert answer.status_code == bad.status, answer.text[:500]
    places = [place for one in issues(answer) for place in one.get("expression", ())]
    assert any(re.match(bad.where, place) for place in places), f"{places}: {answer.text[:500]}"
    assert len(places) >= len(issues(answer))
    await is_known_as_refused(people, key, answer)
    await only_the_good_ones_are_there(people, known[0])


@pytest.mark.parametrize("what", UNREADABLE)
async def test_what_cannot_be_read_is_refused_with_line_and_column(what: str, people: People) -> None:
    key = str(uuid.uuid4())

    answer = await people.submits(UNREADABLE[what], key=key)

    assert answer.status_code == 400, answer.text[:500]
    for issue in issues(answer):
        located = LINE_AND_COLUMN.search(issue.get("diagnostics", "")) or issue.get("expression")
        assert located or what in NOT_JSON_OBJECTS, issue
    await is_known_as_refused(people, key, answer)


@pytest.mark.parametrize("what", ["20 MB", "10,000 entries"])
async def test_too_much_is_refused_with_the_limit(what: str, people: People) -> None:
    key = str(uuid.uuid4())

    answer = await people.submits(oversized()[what], key=key)

    assert answer.status_code == 413
    assert re.search(r"\d", issues(answer)[0]["details"]["text"]), "the limit is named"
    await is_known_as_refused(people, key, answer)


async def test_a_bundle_of_exactly_the_limits_is_taken(people: People, known: tuple[str, str]) -> None:
    answer = await people.submits(a_bundle(*[an_observation(known[0]) for _ in range(2000)]))

    assert answer.status_code == 200, answer.text[:300]
    assert len(answer.json()["entry"]) == 2000


async def test_an_unknown_patient_is_waited_for_and_not_refused(people: People) -> None:
    key = str(uuid.uuid4())

    answer = await people.submits(a_bundle(an_observation("98000173958")), key=key)

    assert answer.status_code == 202, answer.text[:300]
    said = await people.client.get(
        people.stack.url("records", f"/submissions/openmrs%2F10000001/{key}"), headers=people.hospital()
    )
    assert said.json()["state"] == "parked"


async def test_somebody_elses_number_beside_a_health_id_is_refused(people: People) -> None:
    """The reference names one person, the Patient entry that it points to has another's number."""
    number = a_number()
    other = await people.registers(a_person(number))
    mine = await people.registers()
    for health_id in (mine, other):
        await people.records(a_bundle(an_observation(health_id)))
    patient = a_person(number) | {"identifier": [
        {"system": "http://dghs.gov.bd/identifier/uhid", "value": mine}, {"system": NID, "value": number},
    ]}  # fmt: skip
    observation = an_observation(mine)
    bundle = a_bundle(patient, observation)
    observation["subject"] = {"reference": bundle["entry"][0]["fullUrl"]}

    answer = await people.submits(bundle, key=str(uuid.uuid4()))

    assert answer.status_code == 422, answer.text[:300]
    assert any(one.get("expression") for one in issues(answer))


@pytest.mark.parametrize("kind", ["batch", "collection"])
async def test_two_patients_of_a_batch_are_two_records(kind: str, people: People, known: tuple[str, str]) -> None:
    bundle = a_bundle(*[an_observation(one) for one in known], kind=kind)
    if kind == "collection":
        bundle["entry"] = [{name: entry[name] for name in ("fullUrl", "resource")} for entry in bundle["entry"]]

    answer = await people.submits(bundle, key=str(uuid.uuid4()))

    assert answer.status_code == 200, answer.text[:300]
    for health_id in known:
        address = people.stack.url("gateway", f"/fhir/Observation?patient={health_id}")
        await until(
            lambda address=address, one=health_id: people.client.get(address, headers=people.citizen(one)),
            lambda a: a.status_code == 200 and a.json()["total"] == 2,
        )


@pytest.mark.parametrize("kind", ["text/plain", "application/fhir+xml", "application/x-www-form-urlencoded"])
async def test_another_media_type_is_not_taken(kind: str, people: People) -> None:
    answer = await people.client.post(
        people.stack.url("records", "/fhir"), content=b"<Bundle/>", headers=people.hospital() | {"Content-Type": kind}
    )

    assert answer.status_code == 415
    assert issues(answer)


async def test_one_id_with_other_content_is_a_conflict_and_the_first_stays(
    people: People, known: tuple[str, str]
) -> None:
    key = str(uuid.uuid4())
    first = await people.submits(a_bundle(an_observation(known[0])), key=key)

    other = await people.submits(a_bundle(an_observation(known[0], value="99.5")), key=key)
    again = await people.submits(json.loads(first.request.content), key=key)

    assert (first.status_code, other.status_code, again.status_code) == (200, 409, 200)
    assert issues(other)
    assert again.json() == first.json()


async def test_no_refusal_repeats_what_was_sent_of_a_person(people: People, known: tuple[str, str]) -> None:
    number = a_number()
    bad = an_observation(known[0]) | {"colour": number, "status": number}

    answer = await people.submits(a_bundle(a_person(number), bad), key=str(uuid.uuid4()))

    assert answer.status_code == 422
    assert number not in answer.text
