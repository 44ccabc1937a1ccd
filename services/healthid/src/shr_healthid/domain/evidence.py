"""Questions to the national verification service, and what its answers prove."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from shr_common.identifiers import is_nid

from shr_healthid.domain.application import CONTRADICTED, KNOWN, UNAVAILABLE, UNKNOWN, VERIFIED, Proof
from shr_healthid.domain.demographics import differences
from shr_healthid.domain.person import Demographics, Number

Hash = Callable[[str, str], str]
"""The keyed hash of (kind, number)."""


@dataclass(frozen=True, slots=True)
class Question:
    """Is this number (``nid`` or ``brn``) this person's?"""

    kind: str
    number: str = field(repr=False)
    name: str | None = field(default=None, repr=False)
    birth_date: str | None = field(default=None, repr=False)
    mobile: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Finding:
    """The national service's answer: whether the number exists, whose it is, and the NID's forms by length."""

    exists: bool
    citizen: Demographics = field(default_factory=Demographics)
    nid_forms: Mapping[str, str] = field(default_factory=dict, repr=False)


def question_of(number: Number, said: Demographics) -> Question:
    """What is asked about a number that a person says is hers."""
    return Question(number.kind, number.value, said.name or said.name_bn, said.birth_date, said.mobile)


def proof_of(number: Number, said: Demographics, finding: Finding | None, hash_of: Hash) -> Proof:
    """What a finding proves; None means that the service did not answer."""
    if finding is None:
        return Proof(number, UNAVAILABLE)
    if not finding.exists:
        return Proof(number, UNKNOWN)
    if differences(finding.citizen, said):
        return Proof(number, CONTRADICTED, citizen=finding.citizen)
    forms = tuple(
        Number("nid", value, hash_of("nid", value), verified=True)
        for length, value in sorted(finding.nid_forms.items())
        if is_nid(value) and str(len(value)) == length and not (number.kind == "nid" and _other(number, value))
    )
    return Proof(_proven(number), VERIFIED, forms=forms, citizen=finding.citizen)


def known(number: Number) -> Proof:
    """A number that the registry holds by proof already."""
    return Proof(_proven(number), KNOWN)


def _other(number: Number, form: str) -> bool:
    """A form of the sent length with other digits is not this number's, whatever the service says."""
    return len(form) == len(number.value) and form != number.value


def _proven(number: Number) -> Number:
    return Number(number.kind, number.value, number.hash, verified=True, senders=number.senders)
