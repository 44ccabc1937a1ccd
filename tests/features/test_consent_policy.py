"""The steps behind consent_allow.feature and consent_deny.feature: plain words over the one decision function."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_bdd import given, parsers, scenarios, then, when
from shr_policy import Actor, Admission, Grant, Item, Posting, admits, decide, in_good_standing, of_age

scenarios("consent_allow.feature", "consent_deny.feature")

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
RAHIMA, SALMA = "98000173958", "98001046534"
HOSPITALS = {"Dhaka Hospital": "10000001", "Padma Hospital": "10000002"}
DOCTORS = {"Dr. Farhana": "20000001", "Dr. Nazmul": "20000002"}
PURPOSES = {"for care": "CAREMGT", "for research": "HRESCH", "in an emergency": "BTG"}
RECIPIENTS = {
    **{name: ("facility", code) for name, code in HOSPITALS.items()},
    **{name: ("practitioner", number) for name, number in DOCTORS.items()},
}
FIELDS: dict[str, Any] = {
    "status": "granted",
    "kind": "consent",
    "decision": "permit",
    "recipient": None,
    "purpose": None,
    "record_types": None,
    "record_start": None,
    "record_end": None,
    "expires_at": NOW + timedelta(days=1),
    "access_mode": "VIEW",
    "sensitive": frozenset(),
    "reference": None,
    "except_for": frozenset(),
}


RESULT = Item("Observation", "Observation/1", "2026-03-10", "10000001", frozenset(), "N", "Encounter/1")


@dataclass
class World:
    """What holds in a scenario."""

    item: Item = RESULT
    workplaces: dict[str, str] = field(default_factory=lambda: {"Dr. Farhana": "10000001"})
    postings: dict[str, list[Posting]] = field(default_factory=dict)
    grants: list[Grant] = field(default_factory=list)
    guardians: set[str] = field(default_factory=set)
    born: str = "2020-01-01"
    answer: Admission | None = None

    def says(self, **said: Any) -> None:
        self.grants.append(Grant(consent_id=f"c{len(self.grants)}", **{**FIELDS, **said}))

    def asks(self, actor: Actor, purpose: str, action: str = "read") -> None:
        decision = decide(
            actor=actor,
            patient=RAHIMA,
            purpose=purpose,
            resource_type="*",
            action=action,
            grants=self.grants,
            guardians=() if of_age(self.born, NOW) else self.guardians,
            wrote_here=actor.facility == self.item.facility,
            now=NOW,
        )
        self.answer = admits(decision, self.item)


@pytest.fixture
def world() -> World:
    return World()


@given("Rahima's record holds an Observation of 2026-03-10 written at Dhaka Hospital")
def _record(world: World) -> None:
    assert world.item.date == "2026-03-10"


@given(parsers.re(r"(?P<doctor>Dr\. \w+) works at (?P<hospital>.+)"))
def _works(world: World, doctor: str, hospital: str) -> None:
    world.workplaces[doctor] = HOSPITALS[hospital]
    world.postings.setdefault(doctor, [Posting(start="2020-01-01")])


@given(parsers.parse("the registry has never heard of {doctor}"))
def _unknown(world: World, doctor: str) -> None:
    world.postings[doctor] = []


@given(parsers.re(r"(?P<doctor>Dr\. \w+)'s posting at (?P<hospital>.+) has ended"))
def _ended(world: World, doctor: str, hospital: str) -> None:
    world.postings[doctor] = [Posting(start="2020-01-01", end="2026-11-22")]


@given("the registry of persons names Salma as Rahima's guardian")
def _guardian(world: World) -> None:
    world.guardians.add(SALMA)


@given("Rahima has become 18 years old today")
def _grown(world: World) -> None:
    world.born = "2008-11-23"


@given(parsers.re(r"the Observation is labelled (?P<labels>.+)"))
def _labelled(world: World, labels: str) -> None:
    world.item = replace(world.item, labels=frozenset(labels.split(" and ")))


@given(parsers.re(r"the Observation is marked (?P<mark>restricted|very restricted)"))
def _marked(world: World, mark: str) -> None:
    world.item = replace(world.item, confidentiality={"restricted": "R", "very restricted": "V"}[mark])


@given("the Observation has no date")
def _undated(world: World) -> None:
    world.item = replace(world.item, date=None)


@given(
    parsers.re(
        r"Rahima grants (?P<who>Dr\. \w+|\w+ Hospital) care access to (?P<kind>\w+)s"
        r"(?: from (?P<start>\S+) to (?P<end>\S+))?(?: including (?P<label>\w+))?(?: to (?P<mode>store|count))?"
    )
)
def _granted(
    world: World, who: str, kind: str, start: str | None, end: str | None, label: str | None, mode: str | None
) -> None:
    world.says(
        recipient=RECIPIENTS[who],
        purpose="CAREMGT",
        record_types=frozenset({kind}),
        record_start=start,
        record_end=end,
        sensitive=frozenset({label} if label else ()),
        access_mode={None: "VIEW", "store": "STORE", "count": "QUERY"}[mode],
    )


@given(parsers.re(r"that (?:grant|declaration) (?P<state>is only requested|was .+|has expired|expires at this moment)"))
def _state(world: World, state: str) -> None:
    statuses = {"is only requested": "requested", "was denied": "denied", "was withdrawn": "revoked"}
    ends = {"has expired": NOW - timedelta(seconds=1), "expires at this moment": NOW}
    last = world.grants[-1]
    changed = {"status": statuses[state]} if state in statuses else {"expires_at": ends[state]}
    world.grants[-1] = replace(last, **changed)


@given(parsers.re(r"Rahima refuses (?P<hospital>.+) (?P<what>everything|emergencies)"))
def _refused(world: World, hospital: str, what: str) -> None:
    world.says(decision="deny", recipient=RECIPIENTS[hospital], purpose="BTG" if what == "emergencies" else None)


@given(parsers.re(r"Rahima closes the Observation to everyone(?: but (?P<doctor>Dr\. \w+))?"))
def _closed(world: World, doctor: str | None) -> None:
    named = frozenset({RECIPIENTS[doctor]} if doctor else ())
    world.says(kind="restriction", decision="deny", reference=world.item.reference, except_for=named)


@given("Rahima closes the visit to which the Observation belongs")
def _visit_closed(world: World) -> None:
    world.says(kind="restriction", decision="deny", reference=world.item.belongs_to)


@given(parsers.re(r"(?P<doctor>Dr\. \w+) has declared an emergency for Rahima"))
def _emergency(world: World, doctor: str) -> None:
    world.says(kind="break-glass", recipient=RECIPIENTS[doctor], purpose="BTG")


@when("Rahima looks at her record")
def _own(world: World) -> None:
    world.asks(Actor("citizen", RAHIMA, health_id=RAHIMA), "PATRQT")


@when("Salma looks at Rahima's record")
def _ward(world: World) -> None:
    world.asks(Actor("citizen", SALMA, health_id=SALMA), "PATRQT")


@when(
    parsers.re(
        r"(?P<doctor>Dr\. \w+)(?: of \w+ Hospital)? (?P<action>reads|downloads) "
        r"(?P<purpose>for care|for research|in an emergency)"
    )
)
def _reads(world: World, doctor: str, action: str, purpose: str) -> None:
    standing = in_good_standing(
        practitioner=None, facility=None, postings=world.postings.get(doctor, []), today="2026-11-23"
    )
    actor = Actor("practitioner", DOCTORS[doctor], world.workplaces[doctor], in_good_standing=standing)
    world.asks(actor, PURPOSES[purpose], {"reads": "read", "downloads": "download"}[action])


@when(parsers.parse("an {role} reads for care"))
def _other(world: World, role: str) -> None:
    world.asks(Actor(role, "someone", "10000002"), "CAREMGT")


@then(parsers.re(r"s?he is shown the Observation of 2026-03-10(?P<by> by that (?:grant|declaration))?"))
def _shown(world: World, by: str | None) -> None:
    assert world.answer is not None
    assert world.answer.shown
    permits = [one.consent_id for one in world.grants if one.decision == "permit"]
    assert world.answer.consent_id == (permits[-1] if by else None)


@then(parsers.re(r"(?:s?he is shown nothing|nothing is shown)"))
def _hidden(world: World) -> None:
    assert world.answer == Admission(False)
