"""Random worlds for the properties: few names, so that they meet."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from shr_policy import Actor, Grant, Item

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
PATIENT = "98000173958"
TYPES = ["Observation", "Condition", "Encounter"]
REFERENCES = ["Encounter/1", "Observation/1", "Condition/1"]
DAYS = ["2024-01-01", "2024-06-15", "2024-12-31", "2025-06-30"]

# what meets stands first and often: a world in which nobody ever matches proves little
_OTHERS = [("practitioner", "P2"), ("facility", "F2"), ("organization", "F2"), ("organization", "F1")]
recipients = st.sampled_from([("practitioner", "P1")] * 4 + [("facility", "F1")] * 3 + _OTHERS)
types = st.sampled_from(
    [None] * 4 + [frozenset(some) for some in ({"Observation"}, {"Condition"}, {"Observation", "Encounter"})]
)
labels = st.sampled_from([frozenset[str]()] * 4 + [frozenset(one) for one in ({"HIV"}, {"PSY"}, {"HIV", "PSY"})])
periods = st.sampled_from(
    [(None, None)] * 4 + [(DAYS[0], DAYS[2]), (DAYS[1], None), (None, DAYS[1]), (DAYS[2], DAYS[3]), (DAYS[3], DAYS[0])]
)
ends = st.sampled_from([None] * 3 + [NOW + timedelta(seconds=1), NOW + timedelta(days=9), NOW, NOW - timedelta(days=1)])
statuses = st.sampled_from(["granted"] * 8 + ["requested", "denied", "revoked", "expired"])
purposes = st.sampled_from(["CAREMGT"] * 5 + ["BTG", "BTG", "HRESCH"])
emergencies = st.sampled_from(["BTG"] * 4 + ["CAREMGT"])
modes = st.sampled_from(["VIEW"] * 4 + ["STORE", "STORE", "QUERY", "STREAM"])
sensitives = st.sampled_from(
    [frozenset[str]()] * 3
    + [frozenset(one) for one in ({"HIV"}, {"PSY"}, {"HIV", "PSY"}, {"R"}, {"V"}, {"HIV", "R", "V"})]
)


@st.composite
def grants(draw: st.DrawFn, kind: str | None = None, decision: str | None = None) -> Grant:
    """Any statement that consent can publish, in force or not."""
    kind = kind or draw(st.sampled_from(["consent"] * 5 + ["restriction", "break-glass"]))
    emergency, restriction = kind == "break-glass", kind == "restriction"
    decision = decision or (
        "permit" if emergency else "deny" if restriction else draw(st.sampled_from(["permit"] * 3 + ["deny"]))
    )
    start, end = (None, None) if emergency or restriction else draw(periods)
    return Grant(
        consent_id=f"c{draw(st.integers(0, 999))}",
        status=draw(statuses),
        kind=kind,
        decision=decision,
        recipient=None if restriction else draw(recipients if decision == "permit" else recipients | st.none()),
        purpose=draw(emergencies if emergency else purposes if decision == "permit" else purposes | st.none()),
        record_types=None if emergency or restriction else draw(types),
        record_start=start,
        record_end=end,
        expires_at=draw(ends),
        access_mode="VIEW" if emergency else draw(modes),
        sensitive=frozenset() if emergency or restriction else draw(sensitives),
        reference=draw(st.sampled_from(REFERENCES)) if restriction else None,
        except_for=draw(st.frozensets(recipients, max_size=2)) if restriction else frozenset(),
        erase_at=draw(ends),
    )


@st.composite
def actors(draw: st.DrawFn) -> Actor:
    """Any caller."""
    role = draw(st.sampled_from(["practitioner"] * 8 + ["facility", "citizen", "administrator"]))
    if role == "citizen":
        own = draw(st.sampled_from([PATIENT, "G1", "G2"]))
        return Actor(role, own, health_id=draw(st.sampled_from([own, None])))
    good = draw(st.sampled_from([True] * 5 + [False]))
    if role == "facility":
        return Actor(role, "F1", in_good_standing=good)
    number = draw(st.sampled_from(["P1", "P1", "P1", "P2"]))
    return Actor(role, number, draw(st.sampled_from(["F1", "F1", "F1", "F2", None])), in_good_standing=good)


@st.composite
def items(draw: st.DrawFn) -> Item:
    """Any thing in a record."""
    type_ = draw(st.sampled_from(TYPES))
    return Item(
        type=type_,
        reference=f"{type_}/{draw(st.integers(1, 2))}",
        date=draw(st.sampled_from([None, "2024", "2024-06", "2024-12", *DAYS, "2023-01-01", "2026-01-01"])),
        facility=draw(st.sampled_from(["F3", "F2", "F1", None])),
        labels=draw(labels),
        confidentiality=draw(st.sampled_from("NNNNUMRV")),
        belongs_to=draw(st.sampled_from(["Encounter/1", "Encounter/2", None])),
    )


worlds = st.fixed_dictionaries(
    {
        "actor": actors(),
        "patient": st.just(PATIENT),
        "purpose": st.sampled_from(["CAREMGT"] * 5 + ["BTG", "BTG", "HRESCH", "PATRQT", "CURIOSITY"]),
        "action": st.sampled_from(["read"] * 6 + ["download", "count", "subscribe", "steal"]),
        "grants": st.lists(grants(), max_size=4),
        "guardians": st.sampled_from([frozenset[str](), frozenset({"G1"})]),
        "wrote_here": st.booleans(),
        "now": st.just(NOW),
    }
)


# Near worlds: one in which the item is shown, but for a few things that are changed. Most of the rules stand or fall
# within two changes of it, and random worlds seldom come so close.
_GRANT = Grant(
    "c0", "granted", "consent", "permit", ("practitioner", "P1"), "CAREMGT", None, None, None,
    NOW + timedelta(days=1), "VIEW", frozenset(), None, frozenset(),
)  # fmt: skip
_ITEM = Item("Observation", "Observation/1", "2024-06-15", "F3", frozenset(), "N", "Encounter/1")
_REFUSAL = replace(_GRANT, consent_id="c1", decision="deny")
_CLOSED = replace(_GRANT, consent_id="c2", kind="restriction", decision="deny", recipient=None, purpose=None)
_EMERGENCY = replace(_GRANT, consent_id="c3", kind="break-glass", purpose="BTG")
_ME = frozenset({("practitioner", "P1")})
_TYPES = [None, frozenset({"Observation"}), frozenset({"Condition"}), frozenset({"Observation", "Condition"})]
_OF_GRANT: dict[str, list[Any]] = {
    "status": ["granted", "revoked", "requested"],
    "recipient": [("practitioner", "P1"), ("facility", "F1"), ("organization", "F1"), ("practitioner", "P2"), None],
    "purpose": ["CAREMGT", "BTG", "HRESCH", None],
    "record_types": _TYPES,
    "record_start": [None, *DAYS],
    "record_end": [None, *DAYS],
    "expires_at": [None, NOW, NOW + timedelta(seconds=1)],
    "access_mode": ["VIEW", "STORE", "QUERY", "STREAM"],
    "erase_at": [None, NOW, NOW + timedelta(seconds=1)],
    "sensitive": [frozenset(), frozenset({"HIV"}), frozenset({"HIV", "PSY"}), frozenset({"R"}), frozenset({"V"})],
}
_OF_CLOSED: dict[str, list[Any]] = {
    "reference": ["Observation/1", "Encounter/1", "Encounter/2"],
    "except_for": [frozenset(), _ME, frozenset({("facility", "F1")}), frozenset({("organization", "F2")})],
    "status": ["granted", "granted", "revoked"],
}
_OF_ITEM: dict[str, list[Any]] = {
    "type": ["Observation", "Condition"],
    "date": ["2024-06-15", "2024-01-01", "2024-12-31", "2024-06", "2024", "2025-06-30", None],
    "facility": ["F3", "F1", None],
    "labels": [frozenset(), frozenset({"HIV"}), frozenset({"HIV", "PSY"})],
    "confidentiality": ["N", "R", "V"],
    "belongs_to": ["Encounter/1", "Encounter/2", None],
}


@st.composite
def near(draw: st.DrawFn, base: Any, fields: dict[str, list[Any]], most: int = 2) -> Any:
    """``base`` with a few of its fields changed."""
    names = draw(st.lists(st.sampled_from(sorted(fields)), max_size=most, unique=True))
    return replace(base, **{name: draw(st.sampled_from(fields[name])) for name in names})


@st.composite
def near_worlds(draw: st.DrawFn) -> dict[str, Any]:
    """A world and an ``item`` in it."""
    closed = near(replace(_CLOSED, reference="Observation/1"), _OF_CLOSED)
    also = draw(
        st.sampled_from(
            [
                [],
                [near(_REFUSAL, _OF_GRANT, 3)],
                [closed],
                [closed, closed],
                [near(_EMERGENCY, {"purpose": ["CAREMGT"]})],
            ]
        )
    )
    purpose = draw(st.sampled_from(["CAREMGT", "CAREMGT", "BTG", "BTG", "HRESCH"]))
    grant = draw(near(_GRANT if draw(st.booleans()) else replace(_GRANT, purpose=purpose), _OF_GRANT))
    said = [grant, *(draw(one) for one in also)]
    if purpose == "BTG" and draw(st.booleans()):
        said.append(_EMERGENCY)
    return {
        "actor": Actor("practitioner", "P1", "F1", in_good_standing=draw(st.sampled_from([True] * 9 + [False]))),
        "patient": PATIENT,
        "purpose": purpose,
        "action": draw(st.sampled_from(["read", "read", "read", "download", "count"])),
        "grants": said,
        "guardians": frozenset(),
        "wrote_here": draw(st.booleans()),
        "now": NOW,
        "item": draw(near(_ITEM, _OF_ITEM)),
    }
