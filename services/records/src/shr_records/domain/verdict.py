"""Accept, reject or park: the pure part of the decision about one submission."""

from __future__ import annotations

from dataclasses import dataclass, field

from shr_common.errors import Category, Issue

from shr_records.domain.answers import nobody_named
from shr_records.domain.people import Directory, Found, Named, paths_of, resolve, uhid_key
from shr_records.domain.reading import Entry, Reading
from shr_records.domain.references import Part

WHOLE = frozenset({"transaction", "document", "message"})
"""Bundles that are about one person or nobody."""


@dataclass(slots=True)
class Verdict:
    """Exactly one of: ``parts`` (record them), ``waiting`` (park under these keys), ``issues`` (reject)."""

    parts: list[Part] = field(default_factory=list)
    people: dict[str, str] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    reason: str = ""
    issues: list[Issue] = field(default_factory=list)
    category: tuple[Category, str | None] = (Category.INVALID, None)
    person: str | None = None


def parked(reason: str) -> Issue:
    """What a parked submission's source is told."""
    en, bn = {
        "patient-unknown": (
            "The patient is not registered yet. This waits and is recorded by itself when she is.",
            "রোগী এখনো নিবন্ধিত নন। নিবন্ধিত হলে এটি নিজে থেকেই রেকর্ড হবে।",
        ),
        "ambiguous": (
            "Two persons claim this local id. This waits until the registry has told them apart.",
            "এই স্থানীয় আইডি দুজন ব্যক্তির। আলাদা না হওয়া পর্যন্ত এটি অপেক্ষায় থাকবে।",
        ),
        "queued": (
            "Earlier submissions for this patient wait; this one is recorded after them, by itself.",
            "এই রোগীর আগের তথ্য অপেক্ষায় আছে; তার পরে এটি নিজে থেকেই রেকর্ড হবে।",
        ),
    }[reason]
    return Issue(en, code="informational", severity="information", rule=reason, text_bn=bn)


def judge(reading: Reading, named: list[Named], directory: Directory) -> Verdict:
    """The verdict about a valid bundle, from whom it names and what the replica knows."""
    verdict = Verdict(keys=[key for one in named for key in one.keys])
    if not any(one.keys for one in named):
        if all(entry.method == "DELETE" for entry in reading.entries):
            return verdict  # whose they are stands with what is deleted
        verdict.issues = [nobody_named([entry.type for entry in reading.entries])]
        return verdict
    found = [resolve(one, directory) for one in named if one.keys]
    for one in found:
        if one.why == "contradiction":
            verdict.issues.append(_contradiction(one))
    if verdict.issues:
        return verdict
    unknown = [one for one in found if one.person is None]
    if unknown:
        verdict.waiting = [key for one in unknown for key in one.named.keys]
        verdict.reason = "ambiguous" if any(one.why == "ambiguous" for one in unknown) else "patient-unknown"
        return verdict
    return _placed(reading, found, directory, verdict)


def _placed(reading: Reading, found: list[Found], directory: Directory, verdict: Verdict) -> Verdict:
    people: dict[str, list[Found]] = {}
    for one in found:
        people.setdefault(directory.current(one.person or ""), []).append(one)
    routed = reading.submission.key
    if routed and people:
        claimed = {directory.current(person) for person in directory.claimants(uhid_key(routed))}
        if claimed and not claimed & people.keys():
            en = "The record key names another person than the bundle."
            bn = "রেকর্ডের key অন্য ব্যক্তির হেলথ আইডি।"
            verdict.issues = [Issue(en, "Bundle", code="business-rule", rule="other-person", text_bn=bn)]
            return verdict
    if len(people) > 1 and reading.bundle_type in WHOLE:
        second = list(people.values())[1][0].named
        en = f"This {reading.bundle_type} is about two people: send one bundle for each, or a batch."
        bn = "এই বান্ডেলে দুজন ব্যক্তির তথ্য: প্রত্যেকের জন্য আলাদা বান্ডেল পাঠান, অথবা batch পাঠান।"
        verdict.issues = [Issue(en, second.at, code="business-rule", rule="two-people", text_bn=bn)]
        return verdict
    for group in people.values():
        for one in group:
            verdict.people.update(dict.fromkeys(one.named.references, group[0].person or ""))
    verdict.parts = _parts(reading, list(people.values()), verdict)
    verdict.person = verdict.parts[0].person if len(verdict.parts) == 1 else None
    return verdict


def _parts(reading: Reading, groups: list[list[Found]], verdict: Verdict) -> list[Part]:
    if len(groups) == 1:
        return [Part(groups[0][0].person or "", reading.entries)]
    owner: dict[int, int] = {
        index: number for number, group in enumerate(groups) for one in group for index in one.named.entries
    }
    parts = [Part(group[0].person or "", []) for group in groups]
    shared: list[Entry] = []
    for entry in reading.entries:
        place = owner.get(entry.index)
        if place is not None:
            parts[place].entries.append(entry)
        elif entry.type == "Patient" or not paths_of(entry.type):
            shared.append(entry)
        else:
            en = "It is not said whom this is about, and the bundle names several people: add the subject."
            bn = "এটি কার তথ্য বলা নেই, আর বান্ডেলে একাধিক ব্যক্তি: subject দিন।"
            verdict.issues.append(Issue(en, entry.at, code="required", rule="no-patient", text_bn=bn))
    total = sum(len(part.entries) for part in parts) + len(shared) * len(parts)
    if total > reading.limits.entries:
        en = f"With a copy of what is shared in each person's record these are {total} entries: send smaller batches."
        bn = f"ভাগ করা তথ্য প্রত্যেকের রেকর্ডে রাখলে {total}টি entry হয়: ছোট batch পাঠান।"
        verdict.issues = [Issue(en, "Bundle.entry", code="too-long", rule="too-many-copies", text_bn=bn)]
        verdict.category = (Category.TOO_LARGE, None)
        return []
    for part in parts:  # a medicine or a doctor that several refer to: each record holds its own copy
        part.entries = sorted((*part.entries, *shared), key=lambda entry: entry.index)
    return parts


def _contradiction(one: Found) -> Issue:
    en = "The identifiers name two different persons: nothing is recorded until they agree."
    bn = "পরিচয় নম্বরগুলো দুজন ভিন্ন ব্যক্তির: মিল না হলে কিছুই রেকর্ড হবে না।"
    return Issue(en, one.named.at, code="conflict", rule="identity-contradiction", text_bn=bn)
