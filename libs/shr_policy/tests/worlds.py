"""Random worlds for the properties: few names, so that they meet."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st
from shr_policy import Actor, Grant, Item

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
PATIENT = "98000173958"
TYPES = ["Observation", "Condition", "Encounter"]
LABELS = ["HIV", "PSY"]
FACILITIES = ["F1", "F2"]
PRACTITIONERS = ["P1", "P2"]
REFERENCES = ["Encounter/1", "Observation/1", "Condition/1"]
DAYS = ["2024-01-01", "2024-06-15", "2024-12-31", "2025-06-30"]
PURPOSES = ["CAREMGT", "BTG", "HRESCH"]

recipients = st.sampled_from(
    [("practitioner", p) for p in PRACTITIONERS] + [(k, f) for k in ("facility", "organization") for f in FACILITIES]
)
types = st.none() | st.frozensets(st.sampled_from(TYPES), min_size=1)
labels = st.frozensets(st.sampled_from(LABELS))
ends = st.sampled_from([None, NOW - timedelta(days=1), NOW, NOW + timedelta(seconds=1), NOW + timedelta(days=9)])


@st.composite
def grants(draw: st.DrawFn, kind: str | None = None, decision: str | None = None) -> Grant:
    """Any statement that consent can publish, in force or not."""
    kind = kind or draw(st.sampled_from(["consent"] * 4 + ["restriction", "break-glass"]))
    start, end = draw(st.sampled_from([None, *DAYS])), draw(st.sampled_from([None, *DAYS]))
    emergency = kind == "break-glass"
    return Grant(
        consent_id=f"c{draw(st.integers(0, 999))}",
        status=draw(st.sampled_from(["granted"] * 6 + ["requested", "denied", "revoked", "expired"])),
        kind=kind,
        decision=decision or ("permit" if emergency else draw(st.sampled_from(["permit", "permit", "deny"]))),
        recipient=draw(recipients if emergency or decision == "permit" else recipients | st.none()),
        purpose="BTG" if emergency else draw(st.sampled_from([*PURPOSES, "CAREMGT", None])),
        record_types=None if emergency else draw(types),
        record_start=None if emergency else start,
        record_end=None if emergency else end,
        expires_at=draw(ends),
        access_mode="VIEW" if emergency else draw(st.sampled_from(["VIEW", "STORE", "QUERY", "STREAM"])),
        sensitive=draw(labels) | draw(st.frozensets(st.sampled_from(["R", "V"]))),
        reference=draw(st.sampled_from(REFERENCES)) if kind == "restriction" else None,
        except_for=draw(st.frozensets(recipients, max_size=2)) if kind == "restriction" else frozenset(),
    )


@st.composite
def actors(draw: st.DrawFn) -> Actor:
    """Any caller."""
    role = draw(st.sampled_from(["practitioner"] * 5 + ["facility", "citizen", "administrator", "analyst"]))
    if role == "citizen":
        own = draw(st.sampled_from([PATIENT, "G1", "G2"]))
        return Actor(role, own, health_id=draw(st.sampled_from([own, None])))
    if role == "facility":
        return Actor(role, draw(st.sampled_from(FACILITIES)), in_good_standing=draw(st.booleans()))
    good = draw(st.sampled_from([True, True, True, False]))
    return Actor(
        role, draw(st.sampled_from(PRACTITIONERS)), draw(st.sampled_from([*FACILITIES, None])), in_good_standing=good
    )


@st.composite
def items(draw: st.DrawFn) -> Item:
    """Any thing in a record."""
    type_ = draw(st.sampled_from(TYPES))
    return Item(
        type=type_,
        reference=f"{type_}/{draw(st.integers(1, 2))}",
        date=draw(st.sampled_from([None, "2024", "2024-06", "2024-12", *DAYS, "2023-01-01", "2026-01-01"])),
        facility=draw(st.sampled_from([*FACILITIES, None])),
        labels=draw(labels),
        confidentiality=draw(st.sampled_from("ULMNNNRV")),
        belongs_to=draw(st.sampled_from(["Encounter/1", "Encounter/2", None])),
    )


worlds = st.fixed_dictionaries(
    {
        "actor": actors(),
        "patient": st.just(PATIENT),
        "purpose": st.sampled_from([*PURPOSES, "CAREMGT", "PATRQT", "CURIOSITY"]),
        "action": st.sampled_from(["read", "read", "download", "count", "subscribe", "steal"]),
        "grants": st.lists(grants(), max_size=6),
        "guardians": st.frozensets(st.sampled_from(["G1"])),
        "wrote_here": st.booleans(),
        "now": st.just(NOW),
    }
)
