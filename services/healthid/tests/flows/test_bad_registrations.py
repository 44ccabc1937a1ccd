"""What must not be registered as it was sent: one table, each with a status, a place, and words in both languages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from shr_common.identifiers import health_id

NID = "http://dghs.gov.bd/identifier/nid"
BRN = "http://dghs.gov.bd/identifier/brn"
UHID = "http://dghs.gov.bd/identifier/uhid"
HID = "http://dghs.gov.bd/identifier/hid"
BD_PATIENT = "https://fhir.dghs.gov.bd/core/StructureDefinition/bd-patient"
UPAZILA = "https://fhir.dghs.gov.bd/core/StructureDefinition/bd-upazillas"
VALUE = "Patient.identifier[0].value"
NAME = "Patient.name[0].text"
Made = Callable[["World"], Awaitable[dict[str, Any]]]


@dataclass
class World:
    """A registry with somebody in it."""

    registry: Any
    citizen: Any
    number: Any
    nid: str = ""
    health_id: str = ""
    known: dict[str, Any] = field(default_factory=dict)

    async def somebody(self) -> None:
        self.nid = self.number(17)
        self.known = self.citizen(nid=self.nid)
        self.health_id = (await self.registry.register(self.known)).json()["id"]

    def newcomer(self, **changes: Any) -> dict[str, Any]:
        made: dict[str, Any] = self.citizen(nid=self.number(17), **changes)
        return made


@pytest.fixture
async def world(registry: Any, citizen: Any, number: Any) -> World:
    made = World(registry, citizen, number)
    await made.somebody()
    return made


def numbered(system: str, value: Callable[[World], str]) -> Made:
    async def make(world: World) -> dict[str, Any]:
        return {**world.newcomer(), "identifier": [{"system": system, "value": value(world)}]}

    return make


def named(text: str) -> Made:
    async def make(world: World) -> dict[str, Any]:
        return world.newcomer(name_bn=None) | {"name": [{"text": text}]}

    return make


def changed(**changes: Any) -> Made:
    async def make(world: World) -> dict[str, Any]:
        return world.newcomer(**changes)

    return make


def living_in(district: str | None = None, upazila: str | None = None) -> Made:
    address: dict[str, Any] = {"use": "home", "country": "BD"}
    if district:
        address["district"] = district
    if upazila:
        address["extension"] = [{"url": UPAZILA, "valueCodeableConcept": {"coding": [{"code": upazila}]}}]
    return changed(meta={"profile": [BD_PATIENT]}, address=[address])


async def of_another(world: World) -> dict[str, Any]:
    return {**world.known, "name": [{"text": "Kamal Uddin"}], "gender": "male", "birthDate": "1970-01-01"}


async def nid_in_the_field_of_the_brn(world: World) -> dict[str, Any]:
    return {**world.known, "identifier": [{"system": BRN, "value": world.nid}]}


async def both_kinds_at_once(world: World) -> dict[str, Any]:
    value = world.number(17)
    both = [{"system": NID, "value": value}, {"system": BRN, "value": value}]
    return {**world.newcomer(), "identifier": both}


async def with_anothers_health_id(world: World) -> dict[str, Any]:
    newcomer = world.newcomer()
    return {**newcomer, "identifier": [{"system": UHID, "value": world.health_id}, *newcomer["identifier"]]}


def born_to(mother: Callable[[World], str]) -> Made:
    async def make(world: World) -> dict[str, Any]:
        link = [{"other": {"reference": f"Patient/{mother(world)}"}, "type": "seealso"}]
        made: dict[str, Any] = world.citizen(birthDate=datetime.now(UTC).date().isoformat(), link=link)
        return made

    return make


def off_by_one(world: World) -> str:
    return world.health_id[:-1] + str((int(world.health_id[-1]) + 1) % 10)


def transposed(world: World) -> str:
    right = world.health_id
    for place in range(2, 10):
        one, two = right[place], right[place + 1]
        if one != two and {one, two} != {"0", "9"}:
            return right[:place] + two + one + right[place + 2 :]
    raise AssertionError(right)


TABLE: dict[str, tuple[int, str, str, Made]] = {
    "an NID of 12 digits": (422, VALUE, "10, 13 or 17", numbered(NID, lambda _: "123456789012")),
    "an NID with letters": (422, VALUE, "digits only", numbered(NID, lambda _: "19851234567890I23")),
    "an NID with spaces": (422, VALUE, "without spaces", numbered(NID, lambda _: "1985 1234 5678 90123")),
    "an NID in Bangla digits": (422, VALUE, "Latin digits", numbered(NID, lambda _: "১৯৮৫১২৩৪৫৬৭৮৯০১২৩")),
    "a BRN of 16 digits": (422, VALUE, "17 digits", numbered(BRN, lambda _: "1985123456789012")),
    "an NID of 10 digits as BRN": (422, VALUE, "looks like an NID", numbered(BRN, lambda _: "1985123456")),
    "an NID of 13 digits as BRN": (422, VALUE, "looks like an NID", numbered(BRN, lambda _: "1985123456789")),
    "a known NID as BRN": (422, VALUE, "known as an NID", nid_in_the_field_of_the_brn),
    "one number as NID and BRN": (422, "Patient.identifier[1].value", "both an NID and a BRN", both_kinds_at_once),
    "a number that nobody has": (422, VALUE, "knows no such NID", numbered(NID, lambda w: w.number(17, ending="000"))),
    "the NID of another person": (409, "Patient.name", "differs", of_another),
    "a check digit off by one": (422, VALUE, "check digit", numbered(UHID, off_by_one)),
    "two digits swapped": (422, VALUE, "swapped", numbered(UHID, transposed)),
    "no Health ID at all": (422, VALUE, "not a Health ID", numbered(UHID, lambda _: "12345678901")),
    "the Health ID of another person": (422, VALUE, "not issued to this person", with_anothers_health_id),
    "a former Health ID of 12 digits": (422, VALUE, "11, 13 or 19", numbered(HID, lambda _: "980010003411")),
    "a former Health ID, one digit off": (422, VALUE, "check digit", numbered(HID, lambda _: "98001000342")),
    "born in the future": (422, "Patient.birthDate", "future", changed(birthDate="2985-01-01")),
    "dead before birth": (422, "Patient.deceasedDateTime", "before the date of birth",
                          changed(deceasedDateTime="1985-05-19")),
    "dead in the future": (422, "Patient.deceasedDateTime", "future", changed(deceasedDateTime="2985-01-01")),
    "a name of 10,000 characters": (422, NAME, "300 characters", named("ক" * 10_000)),
    "a name that turns its direction": (422, NAME, "U+202E", named("Rahima \u202enutahK")),
    "a name with a control character": (422, NAME, "U+0007", named("Rahima\u0007 Khatun")),
    "a name in Arabic letters": (422, NAME, "ARABIC", named("رحيمة خاتون")),
    "a word of two scripts": (422, NAME, "mixes letters", named("Rаhima Khatun")),
    "a Bangla word with a Latin letter": (422, NAME, "mixes letters", named("রহিmা খাতুন")),
    "a district that is none": (422, "Patient.address[0].district", "geocode", living_in("9999")),
    "an upazila that is none": (422, "Patient.address[0].extension[0].valueCodeableConcept.coding[0].code", "geocode",
                                living_in("3026", "99999999")),
    "a mother who is nobody": (422, "Patient.link[0].other.reference", "mother",
                               born_to(lambda _: health_id("9812345670"))),
}  # fmt: skip


@pytest.mark.parametrize("what", TABLE)
async def test_it_is_refused_where_it_is_wrong_in_both_languages(what: str, world: World) -> None:
    status, place, words, make = TABLE[what]
    patient = await make(world)
    before = await world.registry.database.persons.count_documents({})
    answer = await world.registry.register(patient)
    assert answer.status_code == status, answer.text
    issues = [one for one in answer.json()["issue"] if one["severity"] == "error"]
    found = next((one for one in issues if words in one["details"]["text"]), None)
    assert found is not None, answer.text
    assert found["expression"] == [place]
    assert any("\u0980" <= letter <= "\u09ff" for letter in str(found["details"]["_text"]))
    assert await world.registry.database.persons.count_documents({}) == before
    for identifier in patient.get("identifier", ()):
        assert identifier["value"] not in answer.text


ACCEPTED: dict[str, tuple[str, str, Made]] = {
    "a zero-width space in a name": (NAME, "U+200B", named("Rahima\u200bKhatun")),
    "a joiner between Latin letters": (NAME, "U+200D", named("Rahima\u200dKhatun")),
    "an upazila of another district": ("Patient.address[0].extension[0].valueCodeableConcept.coding[0].code", "lies in",
                                       living_in("3026", "10040028")),
    "an older upazila code": ("Patient.address[0].extension[0].valueCodeableConcept.coding[0].code", "30262502",
                              living_in("3026", "302602")),
    "a district that is none, without the profile": ("Patient.address[0].district", "geocode",
                                                     changed(address=[{"district": "9999"}])),
}  # fmt: skip


@pytest.mark.parametrize("what", ACCEPTED)
async def test_it_is_registered_and_said_what_was_found(what: str, world: World) -> None:
    place, words, make = ACCEPTED[what]
    patient = await make(world)
    answer = await world.registry.register(patient, Prefer="return=OperationOutcome")
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"].startswith("/fhir/Patient/9")
    [found] = answer.json()["issue"]
    assert found["severity"] in ("warning", "information")
    assert words in found["details"]["text"]
    assert found["expression"] == [place]
    assert any("\u0980" <= letter <= "\u09ff" for letter in str(found["details"]["_text"]))


@pytest.mark.parametrize("name", ["মোঃ রফিকুল ইসলাম", "ক্যা\u200dথরিন র\u200d্যামন", "Md. O'Neill-Sarkar", "Zoë Rahman"])
async def test_right_names_are_taken_as_they_are(name: str, world: World) -> None:
    answer = await world.registry.register(await named(name)(world), Prefer="return=OperationOutcome")
    assert answer.status_code == 201, answer.text
    assert answer.json()["issue"][0]["details"]["text"] == "All OK"


async def test_a_newborn_of_a_mother_who_was_merged_is_tied_to_whom_she_is_now(world: World) -> None:
    registrar = world.registry.issuer.as_("registrar")
    survivor = (await world.registry.register(world.newcomer())).json()["id"]
    said = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "survivor", "valueReference": {"reference": f"Patient/{survivor}"}},
            {"name": "retired", "valueReference": {"reference": f"Patient/{world.health_id}"}},
        ],
    }
    merged = await world.registry.client.post("/fhir/Patient/$merge", json=said, headers=registrar)
    assert merged.status_code == 200, merged.text
    newborn = await born_to(lambda w: w.health_id)(world)
    answer = await world.registry.register(newborn, Prefer="return=OperationOutcome")
    assert answer.status_code == 202, answer.text
    [found] = answer.json()["issue"]
    assert (found["severity"], found["expression"]) == ("warning", ["Patient.link[0].other.reference"])
    assert survivor in found["details"]["text"]
