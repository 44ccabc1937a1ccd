"""The words of policy: purposes, actions, access modes, sensitive categories.

Purposes are of HL7 v3-ActReason, labels of v3-ActCode, confidentiality of v3-Confidentiality (U<L<M<N<R<V).
"""

from __future__ import annotations

PURPOSES = frozenset({"CAREMGT", "BTG", "PATRQT", "PUBHLTH", "HPAYMT", "HRESCH"})
EMERGENCY = "BTG"

AUTHOR_PURPOSES = frozenset({"CAREMGT", "BTG", "HPAYMT"})
"""For these a facility may read what it wrote itself; research and public health need a grant even there."""

LABELS = frozenset({"SEX", "PSY", "HIV", "ETH", "SDV"})
"""Categories that a grant has to name: reproductive, mental health, HIV, substance use, sexual violence."""

OPEN_CONFIDENTIALITY = frozenset({"", "U", "L", "M", "N"})
VERY_RESTRICTED = "V"

SENSITIVE = LABELS | {"R", "V"}
"""What a grant may name: a category, or what is (very) restricted without saying why."""

MODES = frozenset({"VIEW", "STORE", "QUERY", "STREAM"})
ACTIONS: dict[str, frozenset[str]] = {
    "read": frozenset({"VIEW", "STORE"}),
    "download": frozenset({"STORE"}),
    "count": frozenset({"QUERY", "VIEW", "STORE"}),
    "subscribe": frozenset({"STREAM"}),
}
"""The access modes of which one has to be granted for an action."""

KEEPING = "download"
"""The action that leaves a copy with the recipient."""

READERS = frozenset({"practitioner", "facility"})
"""Roles that read under a grant; a citizen reads her own record, all other roles read none."""
