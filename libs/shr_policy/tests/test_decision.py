"""Properties of the decision function, against a naive oracle and against each other."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from shr_policy import Actor, Decision, Grant, Item, admits, decide


def _beside(name: str) -> Any:
    """A module of this folder (tests are no packages)."""
    spec = importlib.util.spec_from_file_location(f"shr_policy_{name}", Path(__file__).parent / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


oracle, worlds = _beside("naive_oracle"), _beside("worlds")
World = dict[str, Any]
thorough = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
quick = settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)


def shown(world: World, item: Item, *, asked: str = "*") -> bool:
    return admits(decide(resource_type=asked, **world), item).shown


@quick
@given(world=worlds.worlds, some=st.lists(worlds.items(), min_size=3, max_size=6))
def test_shows_what_the_naive_oracle_shows_and_nothing_else(world: World, some: list[Item]) -> None:
    for item in some:
        expected = oracle.may_see(item=item, **world)
        assert shown(world, item) is expected
        assert shown(world, item, asked=item.type) is expected


@thorough
@given(world=worlds.near_worlds())
def test_one_step_from_being_shown_the_naive_oracle_agrees_too(world: World) -> None:
    asked = {name: value for name, value in world.items() if name != "item"}
    expected = oracle.may_see(**world)
    assert shown(asked, world["item"]) is expected
    assert shown(asked, world["item"], asked=world["item"].type) is expected


@quick
@given(world=worlds.worlds, some=st.lists(worlds.items(), max_size=8))
def test_a_denial_shows_nothing(world: World, some: list[Item]) -> None:
    decision = decide(resource_type="*", **world)
    if not decision.permit:
        assert not any(admits(decision, item).shown for item in some)
        assert decision.filters == ()
        assert decision.reasons


@quick
@given(world=worlds.worlds, item=worlds.items())
def test_no_grant_no_disclosure(world: World, item: Item) -> None:
    assume(world["actor"].role != "citizen" and not world["wrote_here"])
    assert not decide(resource_type="*", **world | {"grants": []}).permit
    assert not shown(world | {"grants": []}, item)


@quick
@given(world=worlds.worlds, item=worlds.items(), refusal=worlds.grants("consent", "deny"))
def test_deny_wins_whatever_else_was_said(world: World, item: Item, refusal: Grant) -> None:
    assume(world["actor"].role in ("practitioner", "facility") and not world["wrote_here"])
    everything = replace(
        refusal, status="granted", recipient=None, purpose=world["purpose"], record_types=None, expires_at=None
    )
    everything = replace(everything, record_start=None, record_end=None)
    assert not shown(world | {"grants": [*world["grants"], everything]}, item)


@quick
@given(world=worlds.worlds, item=worlds.items(), more=worlds.grants())
def test_refusing_or_closing_more_never_shows_more(world: World, item: Item, more: Grant) -> None:
    assume(more.decision == "deny" or more.kind == "restriction")
    if shown(world | {"grants": [*world["grants"], more]}, item):
        assert shown(world, item)


@quick
@given(world=worlds.worlds, item=worlds.items(), one=worlds.grants("consent", "permit"))
def test_revoking_a_grant_never_shows_more(world: World, item: Item, one: Grant) -> None:
    granted, revoked = replace(one, status="granted"), replace(one, status="revoked")
    if shown(world | {"grants": [*world["grants"], revoked]}, item):
        assert shown(world | {"grants": [*world["grants"], granted]}, item)


@quick
@given(world=worlds.worlds, item=worlds.items())
def test_time_never_opens_a_grant(world: World, item: Item) -> None:
    only_grants = [g for g in world["grants"] if g.decision == "permit" and g.kind != "restriction"]
    later = world | {"grants": only_grants, "now": world["now"].replace(year=2027)}
    if shown(later, item):
        assert shown(world | {"grants": only_grants}, item)


@quick
@given(world=worlds.worlds, item=worlds.items())
def test_the_order_of_what_was_said_does_not_matter(world: World, item: Item) -> None:
    assert shown(world, item) is shown(world | {"grants": world["grants"][::-1]}, item)


@quick
@given(world=worlds.worlds, item=worlds.items())
def test_one_grants_types_are_never_joined_with_anothers_period(world: World, item: Item) -> None:
    assume(world["actor"].role in ("practitioner", "facility") and not world["wrote_here"])
    if shown(world, item):
        permits = [g for g in world["grants"] if g.decision == "permit" and g.kind != "restriction"]
        others = [g for g in world["grants"] if g not in permits]
        assert any(shown(world | {"grants": [*others, one]}, item) for one in permits)


@quick
@given(world=worlds.worlds, item=worlds.items())
def test_very_restricted_things_stay_shut_in_an_emergency(world: World, item: Item) -> None:
    assume(world["actor"].role != "citizen" and not world["wrote_here"])
    assert not shown(world | {"purpose": "BTG"}, replace(item, confidentiality="V"))


@quick
@given(world=worlds.worlds, item=worlds.items(), label=st.sampled_from(["HIV", "PSY"]))
def test_a_label_that_no_grant_names_stays_shut(world: World, item: Item, label: str) -> None:
    assume(world["actor"].role in ("practitioner", "facility") and not world["wrote_here"])
    assume(world["purpose"] != "BTG")
    unnamed = [replace(g, sensitive=g.sensitive - {label}) for g in world["grants"]]
    assert not shown(world | {"grants": unnamed}, replace(item, labels=item.labels | {label}))


@quick
@given(world=worlds.worlds, item=worlds.items())
def test_who_is_not_in_good_standing_sees_nothing(world: World, item: Item) -> None:
    assume(world["actor"].role != "citizen")
    fallen = replace(world["actor"], in_good_standing=False)
    assert not shown(world | {"actor": fallen}, item)


@quick
@given(world=worlds.worlds, item=worlds.items())
def test_each_shown_item_names_the_grant_that_opens_it(world: World, item: Item) -> None:
    decision = decide(resource_type="*", **world)
    found = admits(decision, item)
    if found.shown and not decision.whole and found.consent_id is not None:
        assert found.consent_id in {g.consent_id for g in world["grants"] if g.decision == "permit"}
    if not found.shown:
        assert found.consent_id is None


@quick
@given(value=worlds.grants())
@example(value=None)
def test_a_grant_reads_its_own_event(value: Grant | None) -> None:
    if value is None:
        return
    event = {
        "consent_id": value.consent_id,
        "status": value.status,
        "kind": value.kind,
        "decision": value.decision,
        "recipient": {"type": value.recipient[0], "id": value.recipient[1]} if value.recipient else None,
        "purpose": value.purpose,
        "record_types": "*" if value.record_types is None else sorted(value.record_types),
        "record_period": {"start": value.record_start, "end": value.record_end},
        "expires_at": value.expires_at.isoformat() if value.expires_at else None,
        "access_mode": value.access_mode,
        "sensitive": sorted(value.sensitive),
        "reference": value.reference,
        "except": [{"type": kind, "id": one} for kind, one in value.except_for],
        "erase_at": value.erase_at.isoformat() if value.erase_at else None,
    }
    assert Grant.of(event) == value


def test_a_period_given_as_moments_is_read_as_days_in_dhaka() -> None:
    period = {"start": "2026-01-01T18:30:00Z", "end": "2026-02-01T10:00:00+06:00"}
    grant = Grant.of({"consent_id": "c", "status": "granted", "record_period": period})
    assert (grant.record_start, grant.record_end) == ("2026-01-02", "2026-02-01")


def test_an_actor_that_names_nobody_is_nobodys_guardian() -> None:
    nobody = Actor("citizen", "")
    decision: Decision = decide(
        actor=nobody,
        patient=worlds.PATIENT,
        purpose="PATRQT",
        resource_type="*",
        action="read",
        grants=[],
        guardians=[""],
        wrote_here=False,
        now=worlds.NOW,
    )
    assert not decision.permit
